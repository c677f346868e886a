/**
 * The permits of pools (`concurrency`), over all balancers: each uses no more than it holds, and they go to where clients wait. What is held is
 * claimed in the store (permits.ts) once a second, and besides when something is to move.
 *
 * A balancer that cannot ask keeps what it holds for a lease, after which the others may have it; from then on it takes what would be its part if
 * all had the same, and at least one: that is the one case in which there may be more than the limit.
 */
import { isPrintable } from "../control/protocol/schema.ts";
import { Allowance } from "../util/allowance.ts";
import { type Cancel, type Clock, every } from "../util/clock.ts";
import { LimitWatch } from "./limit-watch.ts";
import type { Part, Turn } from "./part.ts";
import {
  type Claim,
  type Claimed,
  type Claims,
  type Held,
  isInForce,
  isLater,
  isThere,
  MOST_LIFE_MS,
  SEQ_REACH,
} from "./permits.ts";
import { type PermitPool, PoolPermits } from "./pool-permits.ts";
import { SAY_MS, TTL_MS } from "./times.ts";

/** ms between looks at what is used and who waits. */
const LOOK_MS = 50;
/** So many claims at once, and then one in so many ms. */
const BURST = 5;
const LEAST_MS = 100;
/** ms after which what is held is claimed anew with the next word. */
const RENEW_MS = 0.9 * SAY_MS;
/** ms in which a pool that is new here should have got something. */
const FIRST_MS = 1_000;
/**
 * ms for which nobody gets more when the store has been restarted, or may be another one: balancers find it again after pauses of up to two
 * seconds and attempts that take as long, and have to say what they hold.
 */
const ANEW_MS = 8_000;
/** Of what is written down: a store takes no longer texts. */
const MOST_BYTES = 48 * 1024;
/** Beside the name, and four numbers of at most the limit. */
const OTHER_BYTES = 20;

export interface SharedPermitsOptions {
  /** This balancer's. */
  readonly id: string;
  readonly clock: Clock;
  /** ms. */
  readonly lease: number;
  /** Those that there are. */
  readonly pools: ReadonlyMap<string, PermitPool>;
  /** Clients of that pool so far that were turned away, as they could neither be served nor wait. */
  readonly refused: (pool: string) => number;
  /** part() gives another number for that pool. */
  readonly onPart: (pool: string) => void;
  readonly onWarning: (message: string) => void;
}

interface Made {
  readonly permits: PoolPermits;
  readonly claim: Claim;
}

export class SharedPermits implements Part {
  readonly kind = "permits";
  onDue: () => void = () => undefined;
  readonly #options: SharedPermitsOptions;
  readonly #pools = new Map<string, PoolPermits>();
  readonly #limits: LimitWatch;
  readonly #allowance = new Allowance(BURST, LEAST_MS);
  #cancel: Cancel | null = null;
  #seq = 0;
  /** The store may have something of this balancer. */
  #hasClaimed = false;
  /** Counts connections to it; and that of the last claim that was answered. */
  #connection = 0;
  #claimedOver: number | null = null;
  #isDue = false;
  #isLeaving = false;
  #isEnded = false;
  #claimedAt = Number.NEGATIVE_INFINITY;
  /** By their ids, what other members have said last, as long as it counts. */
  readonly #heard = new Map<string, Held>();
  /** What of that the store has forgotten. */
  #forgotten: ReadonlyMap<string, string> = new Map();
  /** When it is worth asking again, after it could not be asked. */
  #retryAt = Number.NEGATIVE_INFINITY;

  constructor(options: SharedPermitsOptions) {
    this.#options = options;
    this.#limits = new LimitWatch(options.onWarning);
  }

  /** How many of so many permits of that pool may be used here. To be asked for each limit that it gets. */
  part(name: string, limit: number): number {
    return (this.#pools.get(name) ?? this.#add(name, limit)).part(limit);
  }

  /** The smallest limit of that pool that any balancer has, as far as is known. */
  least(name: string): number {
    return this.#pools.get(name)?.least ?? Number.POSITIVE_INFINITY;
  }

  stale(): void {
    this.#isDue = true;
  }

  forgotten(): void {
    this.#isDue = true;
  }

  reconnected(): void {
    this.#connection++;
    this.#isDue = true;
  }

  async share(turn: Turn): Promise<void> {
    this.#isLeaving = turn.isLeaving;
    if (this.#isEnded || (this.#pools.size === 0 && !this.#hasClaimed)) return;
    const now = this.#options.clock.now();
    const isTime = now >= this.#claimedAt + RENEW_MS || (this.#isDue && this.#allowance.next(now) <= now);
    if (!isTime) return;
    // What is found out by asking is often a reason to ask again.
    for (let round = 0; round < 2 && !this.#isEnded; round++) {
      this.#isDue = false;
      this.#look();
      await this.#claim(turn);
      this.#look();
      if (!this.#isDue) return;
    }
  }

  /** Rejects as the store does. */
  async end({ store, id, hint }: Pick<Turn, "store" | "id" | "hint">): Promise<void> {
    this.#isEnded = true;
    this.#cancel?.();
    this.#pools.clear();
    if (this.#hasClaimed) await store.claim(id, this.#claims([]), hint);
  }

  #add(name: string, limit: number): PoolPermits {
    const { id, clock, pools, refused } = this.#options;
    const until = clock.now() + FIRST_MS;
    const added = new PoolPermits(id, { pool: () => pools.get(name), refused: () => refused(name), limit, until });
    if (this.#isEnded) return added;
    this.#pools.set(name, added);
    this.#cancel ??= every(clock, LOOK_MS, () => this.#tick());
    this.#isDue = true;
    this.onDue();
    return added;
  }

  #tick(): void {
    const now = this.#options.clock.now();
    this.#look();
    if (this.#isDue && now >= this.#retryAt && this.#allowance.next(now) <= now) this.onDue();
    if (this.#pools.size > 0) return;
    this.#cancel?.();
    this.#cancel = null;
  }

  #look(): void {
    const { clock, pools, onPart } = this.#options;
    const now = clock.now();
    for (const [name, permits] of this.#pools) {
      if (!isDivided(pools.get(name))) {
        this.#pools.delete(name);
        this.#limits.forget(name);
        this.#isDue = true;
        continue;
      }
      const { changed, due } = permits.look(now, this.#isLeaving);
      if (due) this.#isDue = true;
      if (changed) onPart(name);
    }
  }

  async #claim({ store, id, hint, members }: Turn): Promise<void> {
    const { clock } = this.#options;
    const sentAt = clock.now();
    this.#allowance.take(sentAt);
    const made = this.#made();
    const connection = this.#connection;
    this.#hasClaimed = true;
    try {
      const claimed = await store.claim(id, this.#claims([...made.values()].map(({ claim }) => claim)), hint);
      if (this.#isEnded) return;
      if (claimed === null) {
        // A claim is sent when the one before is answered: what is later is none of this balancer's.
        this.#seq += SEQ_REACH;
        this.#isDue = true;
        return;
      }
      this.#claimedOver = connection;
      this.#hasClaimed = made.size > 0;
      this.#claimedAt = clock.now();
      this.#hear(claimed, members);
      this.#take(made, claimed, sentAt + this.#lease);
      this.#compare(made, claimed, members);
    } catch (error) {
      this.#isDue = true;
      this.#retryAt = clock.now() + SAY_MS;
      throw error;
    }
  }

  /** As long as what it has said counts, less what it takes to hear so. */
  get #lease(): number {
    return Math.min(Math.ceil(this.#options.lease), MOST_LIFE_MS - TTL_MS);
  }

  #claims(pools: readonly Claim[]): Claims {
    this.#seq++;
    const life = this.#lease + TTL_MS;
    const isAnew = this.#claimedOver !== null && this.#claimedOver !== this.#connection;
    const others = this.#forgotten;
    return { seq: this.#seq, life, quiet: isAnew ? ANEW_MS : 0, quietIfEmpty: TTL_MS, pools, others };
  }

  /** Members alone: what anybody else has written there is not told again when somebody has removed it. */
  #hear({ now, others }: Claimed, members: Turn["members"]): void {
    const heard = this.#heard;
    for (const id of members.keys()) {
      const [held, before] = [others.get(id), heard.get(id)];
      if (held !== undefined && (before === undefined || !isLater(before.seq, held.seq))) heard.set(id, held);
    }
    for (const [id, held] of heard) if (!members.has(id) || !isInForce(held, now)) heard.delete(id);
    const forgotten = [...heard].filter(([id, { seq }]) => {
      const there = others.get(id);
      return there === undefined || isLater(seq, there.seq);
    });
    this.#forgotten = new Map(forgotten.map(([id, { text }]) => [id, text]));
    if (forgotten.length > 0) this.#isDue = true;
  }

  /** In the order of names, as many as there is room for: others are left to what follows when nothing is heard. */
  #made(): Map<string, Made> {
    const made = new Map<string, Made>();
    const now = this.#options.clock.now();
    let room = MOST_BYTES;
    for (const [name, permits] of [...this.#pools].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const claim = permits.claim(name, now, this.#isLeaving);
      room -= name.length + 4 * String(claim.limit).length + OTHER_BYTES;
      if (room < 0) break;
      made.set(name, { permits, claim });
    }
    return made;
  }

  #take(made: ReadonlyMap<string, Made>, claimed: Claimed, until: number): void {
    const { clock, onPart } = this.#options;
    const now = clock.now();
    for (const [name, { permits, claim }] of made) if (permits.answered(name, claim, claimed, now, until)) onPart(name);
    const balancers = 1 + [...claimed.others.values()].filter((held) => isThere(held, claimed.now)).length;
    for (const [name, permits] of this.#pools) if (!made.has(name) && permits.leftOut(balancers)) onPart(name);
  }

  #compare(made: ReadonlyMap<string, Made>, { others }: Claimed, members: Turn["members"]): void {
    for (const [name, { claim }] of made) {
      const limits = [...others].flatMap(([id, { pools }]) => {
        const limit = pools.get(name)?.limit;
        const by = members.get(id)?.word.name ?? (isPrintable(id) ? id : "another one"); // others than Harmony may write there
        return limit === undefined ? [] : [{ by, limit }];
      });
      this.#limits.look(name, claim.limit, limits, this.#options.clock.now());
    }
  }
}

/** It has a limit; or it is paused, and what is open counts until it has ended. */
function isDivided(pool: PermitPool | undefined): boolean {
  const { concurrency } = pool?.options ?? { concurrency: 0 };
  return concurrency > 0 || (concurrency === 0 && (pool?.active ?? 0) > 0);
}
