/**
 * Wakes targets that are asleep when somebody waits for one. The queues of pools are looked at, since those who wait may do so in any
 * thread; and only while there is a pool with a target that sleeps.
 */
import { type Cancel, type Clock, every } from "../util/clock.ts";
import type { EventOf } from "../util/emitter.ts";
import { infoOf } from "./entry.ts";
import type { TargetEvents } from "./report.ts";
import type { Sleeper, Sleepers } from "./sleepers.ts";
import type { TargetPool } from "./target-pool.ts";

export interface WakingOptions {
  readonly sleepers: Sleepers;
  readonly clock: Clock;
  readonly onEvent: (...event: EventOf<TargetEvents>) => void;
  /** Nobody is to wait for a target of that pool any more. */
  readonly onChange: (pool: string) => void;
}

/** ms between looks: nothing to a server that is yet to start, and nothing to a process that is idle. */
const LOOK_MS = 50;
/** ms in which a target that was woken may come up before another one of its pool is woken as well, or it is told once more. */
const PATIENCE_MS = 5_000;
/** ms in which the check of one that has come up has to pass: several of its intervals, by default. */
const RISE_MS = 30_000;
/** ms that those who wait have to be on a target that has come up: if some wait still, it is not enough for all. */
const ENOUGH_MS = 200;

export class Waking {
  readonly #options: WakingOptions;
  /** By pool: whom it woke last, and until when that is to be enough. */
  readonly #last = new WeakMap<TargetPool, { readonly sleeper: Sleeper; until: number; isUp: boolean }>();
  #cancel: Cancel | null = null;
  #isClosed = false;

  constructor(options: WakingOptions) {
    this.#options = options;
    options.sleepers.onFirst = () => this.#begin();
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  #begin(): void {
    if (this.#isClosed || this.#cancel !== null) return;
    this.#cancel = every(this.#options.clock, LOOK_MS, () => this.#look());
  }

  #look(): void {
    const { sleepers, clock } = this.#options;
    if (sleepers.size === 0) {
      this.#cancel?.();
      this.#cancel = null;
      return;
    }
    const now = clock.now();
    for (const sleeper of sleepers.rising) this.#watchRise(sleeper, now);
    for (const [pool, asleep] of sleepers.pools) if (pool.isWanting) this.#wake(pool, asleep.values(), now);
  }

  /** One whose check does not pass is no more waited for than any other that is down. */
  #watchRise(sleeper: Sleeper, now: number): void {
    sleeper.risingSince ??= now;
    if (now - sleeper.risingSince < RISE_MS) return;
    this.#options.sleepers.forget(sleeper.row);
    this.#options.onChange(sleeper.row.poolName);
  }

  #wake(pool: TargetPool, asleep: Iterable<Sleeper>, now: number): void {
    if (this.#isEnough(pool, now)) return;
    const sleeper = next(asleep);
    const owner = sleeper?.row.registered?.owner;
    if (sleeper === undefined || owner === undefined || owner === null) return;
    const isNews = sleeper.wokenAt === null;
    sleeper.wokenAt = now;
    sleeper.wokenBy = owner;
    this.#last.set(pool, { sleeper, until: now + PATIENCE_MS, isUp: false });
    owner.wake?.(sleeper.row.registered!.ref);
    if (isNews) this.#options.onEvent("targetWoken", infoOf(sleeper.row), pool.waiting);
  }

  /** Whom it woke last is yet to come up, or has just done so. */
  #isEnough(pool: TargetPool, now: number): boolean {
    const last = this.#last.get(pool);
    if (last === undefined || last.until <= now) return false;
    const { row, wokenBy } = last.sleeper;
    if (row.state === "new" || this.#options.sleepers.rising.has(last.sleeper)) return true;
    if (row.state !== "up") return row.registered?.owner === wokenBy && row.registered?.report.asleep === true;
    if (!last.isUp) last.until = Math.min(last.until, now + ENOUGH_MS);
    last.isUp = true;
    return true;
  }
}

/** Of those whose reporters are there the one that has not been woken, or not for longest: it may be one that does not come up. */
function next(asleep: Iterable<Sleeper>): Sleeper | undefined {
  let found: Sleeper | undefined;
  for (const sleeper of asleep) {
    if (sleeper.risingSince !== null || !sleeper.row.registered?.owner?.wake) continue;
    if (found === undefined || (sleeper.wokenAt ?? -1) < (found.wokenAt ?? -1)) found = sleeper;
  }
  return found;
}
