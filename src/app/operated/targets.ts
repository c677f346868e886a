/** Targets as the API shows them: what everybody says of each, and what has been counted. */
import type {
  Check as ShownCheck,
  Order as ShownOrder,
  Verdict as ShownVerdict,
  Target,
} from "../../admin/api/schemas/targets.ts";
import { rankOf } from "../../pool/groups.ts";
import type { Pool, TargetRow, TargetView } from "../../pool/pool.ts";
import { eachCheck } from "../../targets/checked.ts";
import { saidByAgent } from "../../targets/health/agent-word.ts";
import { checkName } from "../../targets/health/check.ts";
import { noTarget, poolOf } from "../../targets/ordering.ts";
import { type Order, orderText, saidByOrder } from "../../targets/orders.ts";
import type { Registry } from "../../targets/registry.ts";
import type { ReporterView, Verdict } from "../../targets/verdicts.ts";
import type { Statistics, TargetNumbers } from "../../telemetry/statistics.ts";
import { formatAddress } from "../../util/address.ts";
import { type Clock, systemClock } from "../../util/clock.ts";
import { HarmonyError } from "../../util/errors.ts";
import { inSlices } from "../../util/slices.ts";

export interface ShownTargetsOptions {
  /** Those that are served now, by name. */
  readonly pools: ReadonlyMap<string, Pool>;
  readonly registry: Registry;
  readonly statistics: Pick<Statistics, "target">;
  readonly clock?: Clock;
  /** ms since 1970. */
  readonly wallClock?: () => number;
}

const NOTHING: TargetNumbers = {
  rates: { connections: 0, failures: 0, bytesIn: 0, bytesOut: 0 },
  share: null,
  connectMs: null,
  firstByteMs: null,
  durationMs: null,
};

export class ShownTargets {
  readonly #options: Required<ShownTargetsOptions>;

  constructor(options: ShownTargetsOptions) {
    this.#options = { clock: systemClock, wallClock: Date.now, ...options };
  }

  /** Throws `NO_POOL`. */
  refuseNoPool(pool: string): void {
    if (!this.#options.pools.has(pool)) throw noPool(pool);
  }

  /** In order of registration, by pool; then those that are not there and of which something is ordered. Throws `NO_POOL`. */
  async of(wanted?: string): Promise<Target[]> {
    const { pools } = this.#options;
    if (wanted !== undefined) this.refuseNoPool(wanted);
    const shown: Target[] = [];
    for (const [name, pool] of wanted === undefined ? pools : [[wanted, pools.get(wanted)!] as const]) {
      const rows = pool.targetRows();
      const weights = weightOf(rows);
      await inSlices(rows, ({ identity }) => {
        const target = this.#shown(name, identity, weights);
        if (target !== null) shown.push(target);
      });
    }
    const absent = this.#options.registry.ordering.absent().map(([identity, order]) => absentTarget(identity, order));
    return [...shown, ...absent.filter(({ pool }) => pool === (wanted ?? pool))];
  }

  /** One of them. Throws `NO_POOL`, `NO_TARGET`. */
  one(identity: string): Target {
    const found = this.find(identity);
    if (found !== null) return found;
    this.refuseNoPool(poolOf(identity));
    throw noTarget(identity);
  }

  /** One of them, there or not; null: it is not known. */
  find(identity: string): Target | null {
    const { pools, registry } = this.#options;
    const name = poolOf(identity);
    const pool = pools.get(name);
    const target = pool && this.#shown(name, identity, weightOf(pool.targetRows()));
    if (target) return target;
    const order = registry.ordering.absent().find(([absent]) => absent === identity)?.[1];
    return order === undefined ? null : absentTarget(identity, order);
  }

  /**
   * null: it has left meanwhile. Written out, field by field: objects of as many fields that are put together from others take ten times as
   * long, and there may be ten thousand.
   */
  #shown(poolName: string, identity: string, weights: PoolWeight): Target | null {
    const { registry, statistics, clock, wallClock } = this.#options;
    const standing = registry.standingOf(identity);
    if (standing === undefined) return null;
    const { view, order, reporter, leaseUntil } = standing;
    const { rates, share, connectMs, firstByteMs, durationMs } = statistics.target(poolName, identity) ?? NOTHING;
    return {
      id: identity,
      pool: poolName,
      address: formatAddress(view.address),
      sources: [...standing.sources],
      state: view.state,
      reason: standing.reason,
      since: timeText(standing.since),
      verdicts: standing.verdicts.map(verdictShown),
      order: order && orderShown(order),
      checks: eachCheck(standing.checks).map(checkShown),
      priority: view.priority,
      backup: view.backup,
      panic: view.panic,
      weight: view.weight,
      ramp: standing.ramp,
      ownWeight: standing.ownWeight,
      weightShare: weights.shareOf(view),
      share,
      maxConnections: view.maxConnections,
      credits: view.credits,
      elsewhere: view.elsewhere,
      sendProxy: view.sendProxy,
      active: view.active,
      connections: view.total,
      failures: view.failures,
      bytesIn: view.bytesIn,
      bytesOut: view.bytesOut,
      rates,
      smoothedConnectMs: view.connectMs,
      connectMs,
      firstByteMs,
      durationMs,
      reporter: reporter && reporterShown(reporter),
      leaseUntil: leaseUntil === null ? null : timeText(wallClock() + leaseUntil - clock.now()),
    };
  }
}

function verdictShown({ source, says, reason, since }: Verdict): ShownVerdict {
  return { source, says, reason, since: timeText(since) };
}

function checkShown({ kind, followed }: ReturnType<typeof eachCheck>[number]): ShownCheck {
  const { agent, check, judgement, since, last, lack, passes, failures } = followed;
  const says = kind === "agent" ? saidByAgent(agent) : judgement.says;
  const answer = last && { ...last, at: timeText(last.at) };
  return { kind, name: checkName(check), says, since: timeText(since), last: answer, lack, passes, failures };
}

function reporterShown({ key, address, lastReport, isSilent }: ReporterView): NonNullable<Target["reporter"]> {
  return { key, address: address && formatAddress(address), lastReport: timeText(lastReport), isSilent };
}

function orderShown({ state, factor, by, reason, at }: Order): ShownOrder {
  return { state, factor, by, reason, at: timeText(at) };
}

/** It is shown so that its order is, and can be taken back. */
function absentTarget(identity: string, order: Order): Target {
  const since = timeText(order.at);
  const reason = `${order.by} has ordered ${orderText(order)}`;
  return {
    ...NOTHING,
    id: identity,
    pool: poolOf(identity),
    address: formatAddress(order.address),
    sources: [],
    state: "down",
    reason: "it is not there; what is ordered of it holds when it comes back",
    since,
    verdicts: [{ source: "ordered", says: saidByOrder(order), reason, since }],
    order: orderShown(order),
    checks: [],
    priority: 0,
    backup: false,
    panic: false,
    weight: 0,
    ramp: null,
    ownWeight: 0,
    weightShare: 0,
    maxConnections: 0,
    credits: null,
    elsewhere: 0,
    sendProxy: "pool",
    active: 0,
    connections: 0,
    failures: 0,
    bytesIn: 0,
    bytesOut: 0,
    smoothedConnectMs: null,
    reporter: null,
    leaseUntil: null,
  };
}

interface PoolWeight {
  shareOf(view: TargetView): number;
}

/** Those take part that have the smallest rank of those that are up. */
function weightOf(rows: readonly TargetRow[]): PoolWeight {
  let [serving, sum] = [Number.POSITIVE_INFINITY, 0];
  for (const row of rows) {
    const { state, weight } = row;
    const rank = rankOf(row);
    if (state !== "up" || weight === 0 || rank > serving) continue;
    sum = rank === serving ? sum + weight : weight;
    serving = rank;
  }
  return { shareOf: (view) => (view.state === "up" && rankOf(view) === serving ? view.weight / sum : 0) };
}

export function timeText(ms: number): string {
  return new Date(ms).toISOString();
}

export function noPool(name: string): HarmonyError {
  return new HarmonyError("NO_POOL", `there is no pool "${name}"`, { fault: "client" });
}
