/**
 * A balancer that does not exist, as those see it who operate one: three pools under load that moves with the clock, believable and
 * the same at each run. What is ordered, killed or put shows. For tests of what is built on `Operated`, and to look at the dashboard.
 */
import type { PutTarget, Steps } from "../../src/admin/api/schemas/acts.ts";
import type { Page } from "../../src/admin/api/schemas/common.ts";
import type { Connection, ConnectionFilter, ConnectionSort } from "../../src/admin/api/schemas/connections.ts";
import type { Group, GroupTargets } from "../../src/admin/api/schemas/group.ts";
import type { Event, Key, Reporter } from "../../src/admin/api/schemas/people.ts";
import type { History, Listener, Pool } from "../../src/admin/api/schemas/pools.ts";
import type { Status, TargetCounts } from "../../src/admin/api/schemas/status.ts";
import type { Binding, Target } from "../../src/admin/api/schemas/targets.ts";
import type { Asker, GroupTargetFilter, Operated, OrderWord, Span } from "../../src/admin/face.ts";
import { groupInShort, shownGroup } from "../../src/app/operated/group.ts";
import { REFUSALS, type Refusal } from "../../src/edge/refusals.ts";
import type { GroupView } from "../../src/group/view.ts";
import { HarmonyError } from "../../src/util/errors.ts";
import { fakeConnections, isMatch, sortedBy } from "./operated/connections.ts";
import { fakeGroupTargets } from "./operated/group.ts";
import { fakeHistory, wave } from "./operated/numbers.ts";
import { fakePool, POOL_NAMES } from "./operated/pools.ts";
import { fakeTargets, withOrder } from "./operated/targets.ts";

const VERSION = "2.0.0";
const MOST_EVENTS = 1000;

export class FakeOperated implements Operated {
  ready = true;
  /** null: it is in none. */
  inGroup: GroupView | null = null;
  readonly startedAt = Date.now() - 3 * 86_400_000;
  #targets: Target[] = fakeTargets(this.startedAt);
  #killed = new Set<string>();
  #events: Event[] = [];
  readonly #listeners = new Set<(event: Event) => void>();
  #logLevel: string | null = null;
  /** What was asked of it, for tests. */
  readonly asked: unknown[][] = [];

  constructor() {
    for (const [kind, level, text, pool, target] of FIRST_EVENTS) this.tell(kind, level, text, pool, target);
  }

  async status(): Promise<Status> {
    const connections = this.#connections();
    const pools = await this.pools();
    return {
      name: "harmony-balancer",
      version: VERSION,
      runtime: { name: "node", version: process.version },
      engine: { name: "linux", passedOver: [] },
      pid: process.pid,
      host: "lb-1",
      startedAt: new Date(this.startedAt).toISOString(),
      uptimeMs: Date.now() - this.startedAt,
      state: this.ready ? "serving" : "stopping",
      document: {
        file: "/etc/harmony/harmony.toml",
        lastReload: { at: ago(7_200_000), ok: true, text: "pool web: algorithm is leastconn" },
      },
      stateFile: "/var/lib/harmony/state.json",
      logLevel: { configured: "info", ordered: this.#logLevel },
      group: this.inGroup && groupInShort(this.inGroup),
      pools: POOL_NAMES.length,
      listeners: this.listeners().length,
      reporters: this.reporters().length,
      silentReporters: 0,
      targets: countsOf(this.#targets),
      asleep: 0,
      orders: this.#targets.filter(({ order }) => order !== null).length,
      panic: [],
      connections: {
        active: connections.length,
        waiting: pools.reduce((sum, { waiting }) => sum + waiting, 0),
        total: pools.reduce((sum, { connections: total }) => sum + total, 0),
      },
      descriptors: { open: 2 * connections.length + 40, limit: 1_048_576 },
      memoryBytes: 92_000_000 + Math.round(wave(60, 8_000_000)),
      eventLoop: { p50: 0.1, p99: 1.2, max: 4 },
      threads: [0, 1].map((n) => ({ name: `worker ${n}`, busy: 0.2 + wave(30 + n, 0.1) })),
    };
  }

  pools(): Promise<Pool[]> {
    const connections = this.#connections();
    return Promise.resolve(
      POOL_NAMES.map((name) => {
        const targets = this.#targets.filter(({ pool }) => pool === name);
        const open = connections.filter(({ pool }) => pool === name);
        return fakePool(name, countsOf(targets), open, this.listeners(), this.startedAt);
      }),
    );
  }

  targets(pool?: string): Promise<Target[]> {
    if (pool !== undefined) refuseNoPool(pool);
    const connections = this.#connections();
    const shown = this.#targets.filter((each) => pool === undefined || each.pool === pool);
    return Promise.resolve(
      shown.map((each) => ({ ...each, active: connections.filter(({ target }) => target === each.id).length })),
    );
  }

  async target(pool: string, id: string): Promise<Target> {
    const found = (await this.targets(pool)).find((target) => target.id === `${pool}/${id}`);
    if (found !== undefined) return found;
    throw new HarmonyError("NO_TARGET", `there is no target ${pool}/${id}`, { fault: "client" });
  }

  listeners(): Listener[] {
    return [
      fakeListener("web", "0.0.0.0:443", REFUSED),
      fakeListener("web", "[::]:443", REFUSED),
      fakeListener("db", "10.0.0.2:5432"),
      fakeListener("mqtt", "unix:/run/harmony/mqtt.sock"),
    ];
  }

  connections(
    filter: ConnectionFilter,
    sort: ConnectionSort,
    ascending: boolean,
    { offset, limit }: Span,
  ): Promise<Page<Connection>> {
    const all = sortedBy(this.#connections().filter(isMatch(filter)), sort, ascending);
    return Promise.resolve(pageOf(all, offset, limit));
  }

  bindings({ pool, client }: { pool?: string; client?: string }, { offset, limit }: Span): Promise<Page<Binding>> {
    const all = Array.from({ length: 240 }, (_, n): Binding => {
      const target = n % 17 === 0 ? null : `web/web-${1 + (n % 3)}`;
      return { client: `203.0.113.${n}`, pool: "web", target, active: n % 4, idleMs: n * 900, source: "own" };
    });
    const shown = all.filter((each) => (pool ?? each.pool) === each.pool && (client ?? each.client) === each.client);
    return Promise.resolve(pageOf(shown, offset, limit));
  }

  reporters(): Reporter[] {
    return this.#targets
      .filter(({ reporter }) => reporter !== null)
      .map(({ id, reporter, since }) => ({
        key: reporter!.key,
        kind: "shared",
        address: reporter!.address ?? "127.0.0.1:40000",
        software: "harmony-reporter 2.0.0",
        connectedAt: since,
        lastReport: reporter!.lastReport,
        isSilent: false,
        targets: [id],
      }));
  }

  keys(): Key[] {
    const file = "/etc/harmony/key";
    return [
      { id: "web", kind: "shared", right: null, limits: ["pool=web", "max-weight=200"], file, revoked: null },
      { id: "db-1", kind: "invited", right: null, limits: ["pool=db"], file: "/etc/harmony/reporters", revoked: null },
      { id: "read", kind: "token", right: "read", limits: [], file, revoked: null },
      { id: "act", kind: "token", right: "act", limits: [], file, revoked: null },
    ];
  }

  group(): Group | null {
    return this.inGroup && shownGroup(this.inGroup);
  }

  async groupTargets(filter: GroupTargetFilter, span: Span): Promise<GroupTargets | null> {
    return this.inGroup && fakeGroupTargets(this.inGroup, await this.targets(filter.pool), filter, span);
  }

  events(after: number): Event[] {
    return this.#events.filter(({ id }) => id > after);
  }

  onEvent(listener: (event: Event) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** As if it happened. */
  tell(kind: string, level: Event["level"], text: string, pool: string | null = null, target: string | null = null) {
    const event = { id: (this.#events.at(-1)?.id ?? 0) + 1, at: ago(0), kind, level, text, pool, target };
    this.#events = [...this.#events, event].slice(-MOST_EVENTS);
    for (const listener of this.#listeners) listener(event);
  }

  /** Who follows the events. */
  get followers(): number {
    return this.#listeners.size;
  }

  history(pool: string): History {
    refuseNoPool(pool);
    return fakeHistory(pool);
  }

  document(): unknown {
    return {
      config: "/etc/harmony/harmony.toml",
      key: "***",
      pools: Object.fromEntries(POOL_NAMES.map((n) => [n, {}])),
    };
  }

  reload(): Promise<Steps> {
    this.asked.push(["reload"]);
    this.tell("reloaded", "info", "reloaded: pool web: algorithm is leastconn", "web");
    return Promise.resolve(STEPS);
  }

  compare(file: string | null): Steps {
    this.asked.push(["compare", file]);
    return STEPS;
  }

  apply(toml: string): Promise<Steps> {
    this.asked.push(["apply", toml]);
    if (toml.includes("wrong"))
      return Promise.reject(new HarmonyError("BAD_OPTIONS", "algorithm: there is no wrong", { fault: "config" }));
    return Promise.resolve(STEPS);
  }

  order(pool: string, id: string, word: OrderWord, by: Asker): Promise<Target> {
    this.asked.push(["order", pool, id, word, by.name]);
    return this.#change(pool, id, (target) => {
      const next = withOrder(target, word, by.name);
      this.tell("ordered", "info", `${next.id} is ${next.state} by order of ${by.name}`, pool, next.id);
      return next;
    });
  }

  kill(filter: ConnectionFilter): Promise<number> {
    this.asked.push(["kill", filter]);
    const killed = this.#connections().filter(isMatch(filter));
    for (const { id } of killed) this.#killed.add(id);
    return Promise.resolve(killed.length);
  }

  async setLogLevel(level: string | null, by: Asker): Promise<void> {
    this.asked.push(["setLogLevel", level, by.name]);
    if (level !== null && !/^[a-z=,]+$/.test(level))
      throw new HarmonyError("BAD_REQUEST", `"${level}" is no log level: debug, info, warning, error`, {
        fault: "client",
      });
    this.#logLevel = level;
  }

  putTarget(pool: string, id: string, said: PutTarget, by: Asker): Promise<Target> {
    this.asked.push(["putTarget", pool, id, said, by.name]);
    refuseNoPool(pool);
    const name = `${pool}/${id}`;
    if (!this.#targets.some((target) => target.id === name))
      this.#targets = [...this.#targets, { ...this.#targets[0]!, id: name, pool, order: null }];
    return this.#change(pool, id, (target) => ({
      ...target,
      address: said.address,
      leaseUntil: ago(-said.leaseMs),
      state: said.state ?? "up",
      reporter: { key: by.name, address: null, lastReport: ago(0), isSilent: false },
    }));
  }

  async deleteTarget(pool: string, id: string, by: Asker): Promise<void> {
    this.asked.push(["deleteTarget", pool, id, by.name]);
    await this.#change(pool, id, (target) => target);
    this.#targets = this.#targets.filter((target) => target.id !== `${pool}/${id}`);
  }

  #change(pool: string, id: string, next: (target: Target) => Target): Promise<Target> {
    refuseNoPool(pool);
    const at = this.#targets.findIndex((target) => target.id === `${pool}/${id}`);
    if (at === -1)
      return Promise.reject(new HarmonyError("NO_TARGET", `there is no target ${pool}/${id}`, { fault: "client" }));
    const target = next(this.#targets[at]!);
    this.#targets = this.#targets.with(at, target);
    return Promise.resolve(target);
  }

  #connections(): Connection[] {
    return fakeConnections(this.#targets).filter(({ id }) => !this.#killed.has(id));
  }
}

const STEPS: Steps = {
  file: "/etc/harmony/harmony.toml",
  steps: [{ kind: "change-pool", text: "pool web: algorithm is leastconn" }],
};

/** By what its clients are asked. */
const REFUSED = {
  ...(Object.fromEntries(REFUSALS.map((reason) => [reason, 0])) as Record<Refusal, number>),
  denied: 1_204,
  "client-rate": 37,
};

const CERTIFICATES = [
  { file: "/etc/tls/b.pem", names: ["b.example.com"], notAfter: "2027-03-01T00:00:00.000Z" },
  { file: "/etc/tls/a.pem", names: ["a.example.com"], notAfter: "2027-02-01T00:00:00.000Z" },
];

function fakeListener(pool: string, address: string, refusals: Listener["refusals"] = null): Listener {
  const edgeBytes = refusals === null ? 0 : 2_097_152;
  const route: Listener["routes"][number] = { pool, names: [], alpn: [], tls: "pass" };
  const tls =
    refusals === null ? null : { handshakes: 90_211, resumed: 40_102, failed: 12, certificates: CERTIFICATES };
  return {
    ...{ name: pool, address, pool, pools: [pool], routes: [route], keepaliveMs: 75_000, options: {} },
    ...{ refusals, tls, edgeBytes },
  };
}

type FirstEvent = [kind: string, level: Event["level"], text: string, pool: string | null, target: string | null];

const FIRST_EVENTS: readonly FirstEvent[] = [
  ["listening", "info", "listening for clients on 0.0.0.0:443 and for reporters on 0.0.0.0:1666", null, null],
  ["targetUp", "info", "target web/web-1 is up", "web", "web/web-1"],
  ["targetUp", "info", "target web/web-2 is up", "web", "web/web-2"],
  ["targetUp", "info", "target db/10.0.0.5:5432 is up", "db", "db/10.0.0.5:5432"],
  ["targetSuspect", "warning", "target web/web-3 is suspect: it refuses connections", "web", "web/web-3"],
  ["targetDown", "warning", "target mqtt/mq-2 is down: its lease has run out", "mqtt", "mqtt/mq-2"],
  ["reloadFailed", "error", "not reloaded: harmony.toml: algorithm: there is no leastcon", null, null],
];

function ago(ms: number): string {
  return new Date(Date.now() - ms).toISOString();
}

function countsOf(targets: readonly Target[]): TargetCounts {
  const counts = { up: 0, suspect: 0, draining: 0, down: 0 };
  for (const { state } of targets) counts[state]++;
  return counts;
}

function pageOf<T>(all: readonly T[], offset: number, limit: number): Page<T> {
  const items = all.slice(offset, offset + limit);
  return { items, total: all.length, next: offset + limit < all.length ? offset + limit : null };
}

function refuseNoPool(pool: string): void {
  if (!POOL_NAMES.includes(pool)) throw new HarmonyError("NO_POOL", `there is no pool ${pool}`, { fault: "client" });
}
