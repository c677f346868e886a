/** The balancer as those see it who operate it, put together: a file beside this one for each subject. */
import type { PutTarget, Steps } from "../../admin/api/schemas/acts.ts";
import type { Page } from "../../admin/api/schemas/common.ts";
import type { Connection, ConnectionFilter, ConnectionSort } from "../../admin/api/schemas/connections.ts";
import type { Group, GroupTargets } from "../../admin/api/schemas/group.ts";
import type { Event, Key, Reporter } from "../../admin/api/schemas/people.ts";
import type { History, Listener, Pool } from "../../admin/api/schemas/pools.ts";
import type { Status } from "../../admin/api/schemas/status.ts";
import type { Binding, Target } from "../../admin/api/schemas/targets.ts";
import type { Asker, GroupTargetFilter, Operated, OrderWord, Span } from "../../admin/face.ts";
import { shownSettings } from "../../admin/shown-settings.ts";
import type { Step } from "../../config/document/difference.ts";
import { stepText } from "../../config/document/step-text.ts";
import { resolver } from "../../control/server/look-ups.ts";
import { shownBindings } from "./bindings.ts";
import { connectionPage, kill } from "./connections.ts";
import { shownGroup } from "./group.ts";
import { shownGroupTargets } from "./group-targets.ts";
import { shownHistory } from "./history.ts";
import { shownListeners } from "./listeners.ts";
import { LogLevel } from "./log-level.ts";
import { type Operable, settingsOf } from "./operable.ts";
import { order } from "./orders.ts";
import { shownPools } from "./pools.ts";
import { deleteTarget, type PutTargetsOptions, putTarget } from "./put-targets.ts";
import { shownKeys, shownReporters, shownTokens } from "./reporters.ts";
import { fileOf, statusOf } from "./status.ts";
import { ShownTargets } from "./targets.ts";

export class OperatedBalancer implements Operated {
  readonly #balancer: Operable;
  readonly #targets: ShownTargets;
  readonly #puts: PutTargetsOptions;
  readonly logLevel: LogLevel;

  constructor(balancer: Operable) {
    const { parts, telemetry } = balancer;
    this.#balancer = balancer;
    this.#targets = new ShownTargets({
      pools: parts.services.pools,
      registry: parts.control.registry,
      statistics: telemetry.statistics,
    });
    const { control, services, putKeys: keys } = parts;
    this.#puts = { pools: services.pools, registry: control.registry, keys, resolve: resolver() };
    this.logLevel = new LogLevel(balancer);
  }

  status(): Promise<Status> {
    const { control, state } = this.#balancer.parts;
    const reporters = control.reporters();
    return statusOf(this.#balancer, {
      startedAt: this.#balancer.telemetry.startedAt,
      lastReload: this.#balancer.lastReload.shown,
      reporters: reporters.length,
      silentReporters: reporters.filter(({ isSilent }) => isSilent).length,
      orders: control.registry.ordering.count,
      stateFile: state?.path ?? null,
      logLevel: this.logLevel.shown,
    });
  }

  pools(): Promise<Pool[]> {
    const { parts, telemetry } = this.#balancer;
    return shownPools(parts, telemetry.statistics);
  }

  targets(pool?: string): Promise<Target[]> {
    return this.#targets.of(pool);
  }

  async target(pool: string, id: string): Promise<Target> {
    this.#targets.refuseNoPool(pool);
    return this.#targets.one(`${pool}/${id}`);
  }

  listeners(): Listener[] {
    return shownListeners(this.#balancer.parts.services);
  }

  connections(
    filter: ConnectionFilter,
    sort: ConnectionSort,
    ascending: boolean,
    span: Span,
  ): Promise<Page<Connection>> {
    return connectionPage(this.#balancer.parts.engine, filter, sort, ascending, span);
  }

  bindings(filter: { readonly pool?: string; readonly client?: string }, span: Span): Promise<Page<Binding>> {
    const { services, control, engine } = this.#balancer.parts;
    return shownBindings({ pools: services.pools, registry: control.registry, engine }, filter, span);
  }

  reporters(): Reporter[] {
    return shownReporters(this.#balancer.parts.control.reporters());
  }

  keys(): Key[] {
    const { trust, tokens } = this.#balancer;
    return [...shownKeys(trust.keys), ...shownTokens(tokens.all(), trust)];
  }

  group(): Group | null {
    const { group } = this.#balancer.parts;
    return group && shownGroup(group.view());
  }

  async groupTargets(filter: GroupTargetFilter, span: Span): Promise<GroupTargets | null> {
    const { parts, telemetry } = this.#balancer;
    const { group, groupShares: shares, control, services } = parts;
    if (group === null || shares === null) return null;
    const { registry } = control;
    const options = { group, shares, rows: registry.rows, pools: services.pools, statistics: telemetry.statistics };
    return shownGroupTargets(options, filter, span);
  }

  events(after: number): Event[] {
    return this.#balancer.telemetry.events.after(after);
  }

  onEvent(listener: (event: Event) => void): () => void {
    const { events } = this.#balancer.telemetry;
    events.on("event", listener);
    return () => events.off("event", listener);
  }

  history(pool: string): History {
    return shownHistory(this.#balancer.telemetry.statistics, pool);
  }

  document(): unknown {
    return shownSettings(settingsOf(this.#balancer));
  }

  async reload(): Promise<Steps> {
    return this.#shown(await this.#balancer.reload());
  }

  compare(file: string | null): Steps {
    return this.#shown(this.#balancer.compare(file));
  }

  async apply(toml: string): Promise<Steps> {
    return this.#shown(await this.#balancer.applyDocument(toml));
  }

  order(pool: string, id: string, word: OrderWord, by: Asker): Promise<Target> {
    const { control, state } = this.#balancer.parts;
    return order({ registry: control.registry, shown: this.#targets, state }, `${pool}/${id}`, word, by);
  }

  async putTarget(pool: string, id: string, said: PutTarget, by: Asker): Promise<Target> {
    return this.#targets.one(await putTarget(this.#puts, pool, id, said, by));
  }

  async deleteTarget(pool: string, id: string, by: Asker): Promise<void> {
    deleteTarget(this.#puts, pool, id, by);
  }

  kill(filter: ConnectionFilter): Promise<number> {
    return kill(this.#balancer.parts.engine, filter);
  }

  setLogLevel(level: string | null, by: Asker): Promise<void> {
    return this.logLevel.order(level, by.name);
  }

  #shown(steps: readonly Step[]): Steps {
    const file = fileOf(settingsOf(this.#balancer));
    return { file, steps: steps.map((step) => ({ kind: step.kind, text: stepText(step) })) };
  }
}
