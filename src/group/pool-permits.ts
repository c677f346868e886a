/**
 * What this balancer may use of one pool's permits, what it wants of them, and what it gives back. Pure: time is passed in.
 *
 * Each balancer divides what all may have as the others do (util/divide.ts), by what they have said last, and goes for its own part of that: it
 * takes what is free, says what it lacks, and gives back what others lack and it does not use. Where they see things differently for a moment
 * nothing goes wrong by it: the store gives nobody what somebody else holds.
 */
import { divide, type Party } from "../util/divide.ts";
import { type Claim, type Claimed, type Holding, isThere, isWanting } from "./permits.ts";

/** ms after which nobody waits any more: a queue may be empty for a moment, and a permit free for one. */
const CALM_MS = 100;

/** ms for which one is kept for a client that was turned away, where there are not enough to keep one everywhere: it may come back. */
const MISSED_MS = 1_000;

/** ms for which balancers have what is not enough for all of them, before it is another one's turn: it takes a tenth of that to move. */
const TURN_MS = 2_000;

/** The pool itself. */
export interface PermitPool {
  readonly options: { readonly concurrency: number; readonly queue: number };
  readonly active: number;
  readonly waiting: number;
}

export interface PoolPermitsOptions {
  readonly pool: () => PermitPool | undefined;
  /** Its clients so far that were turned away, as they could neither be served nor wait. */
  readonly refused: () => number;
  /** What all may have. */
  readonly limit: number;
  /** By when something should have been heard. */
  readonly until: number;
}

/** What another balancer holds. */
interface Rival {
  readonly id: string;
  readonly holding: Holding;
}

/** What is seen of the pool. */
interface Seen {
  readonly limit: number;
  readonly active: number;
  /** That are used, with what is kept for the next client where none can wait for it. */
  readonly used: number;
  readonly waiting: number;
  /** It takes no more clients: what is not used is the others'. */
  readonly isGiving: boolean;
  readonly turn: number;
}

export class PoolPermits {
  readonly #pool: () => PermitPool | undefined;
  readonly #refused: () => number;
  readonly #id: string;
  #share = 0;
  /** Until when that counts, if nothing is heard. */
  #until: number;
  /** Nothing has been heard for so long that others may have it. */
  #isCutOff = false;
  /** When somebody was last seen to wait for one. */
  #waitedAt = Number.NEGATIVE_INFINITY;
  /** How many had been turned away at the last look, when one was last seen to be, and what it would have taken not to. */
  #refusedBefore: number;
  #missed = { at: Number.NEGATIVE_INFINITY, needs: 0 };
  /** What the store has of this balancer, as far as is known. */
  #recorded: Holding | null = null;
  #rivals: readonly Rival[] = [];
  /** What all may have, as this balancer was told last while it was not paused. */
  #limit: number;
  /** Nothing is claimed of it, as there are too many pools: so many balancers divide it. null: it is. */
  #leftOut: number | null = null;
  /** What those hold that are not heard any more, and do not use it up. */
  #gone = 0;
  #least = Number.POSITIVE_INFINITY;
  #quietUntil = Number.NEGATIVE_INFINITY;
  /** ms by which the store's clock, by which all take turns, is ahead of this balancer's. */
  #ahead = 0;

  constructor(id: string, { pool, refused, limit, until }: PoolPermitsOptions) {
    this.#id = id;
    this.#pool = pool;
    this.#refused = refused;
    this.#refusedBefore = refused();
    this.#limit = limit;
    this.#until = until;
  }

  /** How many may be used here of so many. */
  part(limit: number): number {
    return this.#isCutOff ? Math.max(1, Math.floor(limit / this.balancers)) : this.#share;
  }

  /** The smallest limit that any balancer has said, as far as is known. While it is cut off its own is the only one. */
  get least(): number {
    return this.#isCutOff ? Number.POSITIVE_INFINITY : this.#least;
  }

  /** That have the pool, this one with them, as far as is known. */
  get balancers(): number {
    return this.#leftOut ?? 1 + this.#rivals.length;
  }

  /** Lowers what may be used to what it should be; `changed`: it is another number now. `due`: the store is to be told, or asked. */
  look(now: number, isLeaving: boolean): { readonly changed: boolean; readonly due: boolean } {
    const seen = this.#see(now, isLeaving);
    const wasCutOff = this.#isCutOff;
    this.#isCutOff = now >= this.#until;
    if (this.#isCutOff) return { changed: !wasCutOff, due: false };
    const goal = this.#goal(seen);
    const changed = wasCutOff || goal < this.#share;
    this.#share = Math.min(this.#share, goal);
    return { changed, due: this.#isDue(seen, goal, now) };
  }

  /** To be called after look(), in the same turn of the event loop: what is open from then on is within what is claimed. */
  claim(name: string, now: number, isLeaving: boolean): Claim {
    const seen = this.#see(now, isLeaving);
    const { limit, active, used, waiting } = seen;
    const wants = this.#goal(seen);
    const holds = this.#holds(seen);
    const keeps = this.#isCutOff ? Math.min(this.part(limit), Math.max(holds, wants)) : holds;
    return { pool: name, limit, holds, keeps, wants: Math.max(wants, active), used, waiting };
  }

  /** The store has done that, just now. `until`: how long it counts. True: more or less may be used than before. */
  answered(name: string, claim: Claim, claimed: Claimed, now: number, until: number): boolean {
    const own = claimed.own.pools.get(name);
    if (own === undefined) return false;
    const before = this.part(claim.limit);
    this.#leftOut = null;
    this.#learn(name, claim.limit, claimed);
    if (this.#isCutOff || own.held > claim.holds) this.#share = own.held;
    this.#isCutOff = false;
    this.#recorded = own;
    this.#until = until;
    this.#ahead = claimed.now - now;
    this.#quietUntil = claimed.quietUntil - this.#ahead;
    return this.part(claim.limit) !== before;
  }

  /** There is no room for it in what is claimed, and there are so many balancers. True: more or less may be used than before. */
  leftOut(balancers: number): boolean {
    const before = this.part(this.#limit);
    this.#leftOut = balancers;
    return this.part(this.#limit) !== before;
  }

  #learn(name: string, limit: number, { now, others }: Claimed): void {
    const rivals: Rival[] = [];
    let gone = 0;
    let least = limit;
    for (const [id, held] of others) {
      const holding = held.pools.get(name);
      if (holding === undefined) continue;
      least = Math.min(least, holding.limit);
      if (isThere(held, now)) rivals.push({ id, holding });
      else gone += holding.held;
    }
    this.#rivals = rivals.sort((a, b) => (a.id < b.id ? -1 : 1));
    this.#gone = gone;
    this.#least = least;
  }

  #see(now: number, isLeaving: boolean): Seen {
    const { options, active, waiting } = this.#pool() ?? NONE;
    const isPaused = options.concurrency === 0;
    if (!isPaused) this.#limit = options.concurrency; // that of the others is not 0 for it
    const limit = this.#limit;
    const part = this.part(limit);
    if (isPaused) this.#waitedAt = Number.NEGATIVE_INFINITY;
    else if (waiting > 0 && active >= part) this.#waitedAt = now;
    const isGiving = isLeaving || isPaused;
    const needs = options.queue > 0 || isGiving ? active : this.#needs(active, now);
    const used = Math.max(active, Math.min(needs, part));
    const waits = now - this.#waitedAt < CALM_MS ? Math.max(1, waiting) : needs - used;
    const turn = Math.floor((now + this.#ahead) / TURN_MS);
    return { limit, active, used, waiting: waits, isGiving, turn };
  }

  /** Where no client can wait, one is kept for the next: everywhere, or where there are too few for that, where one was turned away. */
  #needs(active: number, now: number): number {
    const refused = this.#refused();
    if (refused !== this.#refusedBefore) this.#missed = { at: now, needs: active + 1 };
    this.#refusedBefore = refused;
    if (this.#total(this.#limit) >= this.balancers) return active + 1;
    return now - this.#missed.at < MISSED_MS ? Math.max(active, this.#missed.needs) : active;
  }

  /** What there is for all that are heard. */
  #total(limit: number): number {
    return Math.max(0, Math.min(limit, this.#least) - this.#gone);
  }

  /** That it has for now, whatever comes. While it is cut off what it may use is not its own. */
  #holds({ active }: Seen): number {
    return this.#isCutOff ? active : Math.max(this.#share, active);
  }

  #free(seen: Seen): number {
    const others = this.#rivals.reduce((sum, { holding }) => sum + holding.held, 0);
    return Math.min(seen.limit, this.#least) - this.#gone - others - this.#holds(seen);
  }

  #goal(seen: Seen): number {
    const { limit, active, used, waiting, isGiving, turn } = seen;
    const own: Party = { share: this.#holds(seen), active: used, waiting };
    const at = this.#rivals.filter(({ id }) => id < this.#id).length;
    const others = this.#rivals.map(({ holding: { held, used, waiting } }) => ({ share: held, active: used, waiting }));
    const goal = divide([...others.slice(0, at), own, ...others.slice(at)], this.#total(limit), turn)[at]!;
    return isGiving ? Math.min(goal, active + waiting) : goal;
  }

  #isDue(seen: Seen, goal: number, now: number): boolean {
    const recorded = this.#recorded;
    if (recorded === null || recorded.limit !== seen.limit) return true;
    const holds = this.#holds(seen);
    if (seen.waiting > 0 && recorded.waiting === 0) return true;
    if (holds < recorded.held && this.#rivals.some(({ holding }) => isWanting(holding))) return true;
    if (goal <= holds) return false;
    const isNews = goal - holds > recorded.lack;
    return isNews || (this.#free(seen) > 0 && now >= this.#quietUntil);
  }
}

const NONE: PermitPool = { options: { concurrency: 0, queue: 0 }, active: 0, waiting: 0 };
