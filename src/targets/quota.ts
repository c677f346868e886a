/**
 * How much of the balancer the holders of one key may take up, so that they cannot keep others out: targets at once, new ones a
 * minute, sessions at once.
 *
 * A target counts as long as it has a row: while it is registered, also if it is dead, and after that until its last connection has
 * ended. One that the document or the DNS declares as well is nobody's. Room is made by forgetting dead ones of the key itself first.
 * In a pool that is full another key's dead ones come next, of the key that has most: they are kept for their counters alone.
 */
import type { Clock } from "../util/clock.ts";
import { HarmonyError } from "../util/errors.ts";
import { activeOn, type Entry, isDead } from "./entry.ts";
import type { QuotaLimits, TargetKey } from "./report.ts";
import type { TargetPool } from "./target-pool.ts";

/** So that a reconnecting reporter finds room before its old session is gone. */
export const SESSIONS_PER_TARGET = 2;
/** Targets of an invited reporter, which is one host, unless its line says otherwise. */
export const INVITED_TARGETS = 16;
const MINUTE_MS = 60_000;

export type Quota = Required<QuotaLimits>;

/** `usual`: targets at once where the key does not say. */
export function quotaOf(limits: QuotaLimits, usual: number): Quota {
  const { targets = usual, sessions, newTargets } = limits;
  return { targets, sessions: sessions ?? SESSIONS_PER_TARGET * targets, newTargets: newTargets ?? targets };
}

/** `what` it has so many of, and the `word` of its line that says how many it may have. */
export function overQuota({ id }: Pick<TargetKey, "id">, what: string, word: string): HarmonyError {
  const message = `key "${id}" has ${what}, as many as it may: raise ${word}= in its line at the balancer, if they are all meant`;
  return new HarmonyError("QUOTA", message, { fault: "target", retry: true });
}

/** A target that is to be registered. */
export interface Newcomer extends Pick<Entry, "key" | "pool" | "identity"> {
  /** One of the same key that goes once it is there. */
  readonly mine: Entry | undefined;
  /** One of another key whose name it gets. */
  readonly freed: Entry | undefined;
}

/** What a key has. */
interface Account {
  readonly entries: Set<Entry>;
  /** Of targets that are no longer registered and have connections. */
  readonly left: Map<string, TargetPool>;
  /** Until when the new targets so far count, each for its part of a minute. As many as it may have at once may come at once. */
  paidUntil: number;
}

export interface TargetQuotasOptions {
  readonly quotaOf: (key: TargetKey) => Quota;
  readonly clock: Clock;
}

export class TargetQuotas {
  readonly #options: TargetQuotasOptions;
  /** The registry's. */
  readonly #rows: { has(identity: string): boolean };
  /** By key id. */
  readonly #accounts = new Map<string, Account>();

  constructor(options: TargetQuotasOptions, rows: { has(identity: string): boolean }) {
    this.#options = options;
    this.#rows = rows;
  }

  /**
   * The targets that are to go so that there is room for a new one. None where its pool stays full. Throws `QUOTA` where its key may
   * not have another one.
   */
  roomFor({ key, pool, identity, mine, freed }: Newcomer): Entry[] {
    const { targets, newTargets } = this.#options.quotaOf(key);
    const account = this.#accountOf(key.id);
    const excess = this.#count(account) + (account.left.has(identity) ? 0 : 1) - targets;
    const own = excess > 0 || pool.full ? this.#spare(account, mine) : [];
    if (excess > own.length) throw overQuota(key, `${targets} targets`, "targets");
    if (this.#paidAfter(account, newTargets) - this.#options.clock.now() > (targets * MINUTE_MS) / newTargets + 1) {
      throw overQuota(key, `${newTargets} new targets a minute`, "new-targets");
    }
    const leaving = [...(freed ? [freed] : []), ...own.slice(0, Math.max(0, excess))];
    const hasRow = pool.view(identity) !== undefined || leaving.some((entry) => entry.pool === pool);
    if (hasRow || !pool.full) return leaving;
    const another = own.find((entry) => entry.pool === pool) ?? this.deadOfLargest(pool);
    return another ? [...leaving, another] : [];
  }

  /** A new target has been registered. */
  add(entry: Entry): void {
    const account = this.#accountOf(entry.key.id);
    account.entries.add(entry);
    account.paidUntil = this.#paidAfter(account, this.#options.quotaOf(entry.key).newTargets);
  }

  /** A target is registered still, and this is what is known of it now. */
  replace(before: Entry, entry: Entry): void {
    const { entries } = this.#accountOf(entry.key.id);
    if (entries.delete(before)) entries.add(entry);
  }

  /** A target is registered still, and counts as nobody's: it is declared as well. */
  release(entry: Entry): void {
    this.#accountOf(entry.key.id).entries.delete(entry);
  }

  /** It is declared no more, and its key's again, though not a new one. */
  regain(entry: Entry): void {
    this.#accountOf(entry.key.id).entries.add(entry);
  }

  /** A target is no longer registered, and its pool knows. */
  delete(entry: Entry): void {
    const { entries, left } = this.#accountOf(entry.key.id);
    if (entries.delete(entry) && !isIdle(entry)) left.set(entry.identity, entry.pool);
  }

  /** The pool goes with all its targets. */
  poolRemoved(pool: TargetPool): void {
    for (const { entries, left } of this.#accounts.values()) {
      for (const entry of entries) if (entry.pool === pool) entries.delete(entry);
      for (const [identity, of] of left) if (of === pool) left.delete(identity);
    }
  }

  /** How many keys something is known of. */
  get size(): number {
    return this.#accounts.size;
  }

  /** Drops what says nothing any more: keys come and go. */
  prune(): void {
    const now = this.#options.clock.now();
    for (const [keyId, account] of this.#accounts) {
      if (this.#count(account) === 0 && account.paidUntil <= now) this.#accounts.delete(keyId);
    }
  }

  #accountOf(keyId: string): Account {
    const account = this.#accounts.get(keyId) ?? {
      entries: new Set(),
      left: new Map(),
      paidUntil: Number.NEGATIVE_INFINITY,
    };
    this.#accounts.set(keyId, account);
    return account;
  }

  #paidAfter({ paidUntil }: Account, newTargets: number): number {
    return Math.max(paidUntil, this.#options.clock.now()) + MINUTE_MS / newTargets;
  }

  #count({ entries, left }: Account): number {
    for (const [identity, pool] of left) {
      if (this.#rows.has(identity) || pool.view(identity) === undefined) left.delete(identity);
    }
    return entries.size + left.size;
  }

  #spare({ entries }: Account, mine: Entry | undefined): Entry[] {
    return [...(mine ? [mine] : []), ...[...entries].filter(isDead)].filter(isIdle);
  }

  /** One of the pool that makes room at nobody's cost, of the key that has most targets. */
  deadOfLargest(pool: TargetPool): Entry | undefined {
    const bySize = [...this.#accounts.values()].sort((a, b) => b.entries.size - a.entries.size);
    for (const { entries } of bySize) {
      for (const entry of entries) if (entry.pool === pool && isDead(entry) && isIdle(entry)) return entry;
    }
    return undefined;
  }
}

/** Its row is free once it goes. */
function isIdle(entry: Entry): boolean {
  return activeOn(entry) === 0;
}
