/**
 * What the connections of one thread show of a pool's targets, beyond whether they can be connected to: whom they answer, how soon, and
 * who waits. Part of the lifecycle. A connection costs some writes here; the pool is told a few times a second, by a look of the engine's
 * (LOOK_MS), which goes through those that wait for their first byte, and no others.
 */
import type { SharedPool } from "../pool/pool.ts";
import { type Seen, type Silence, UNCOUNTED } from "../pool/silence.ts";
import { clientNumber } from "../util/client-key.ts";
import type { Io } from "./io.ts";
import { BY_CLIENT, BY_TARGET, causeNumber, enderNumber, FIN } from "./outcome.ts";
import { CLIENT, TARGET } from "./record.ts";
import { CONNECTING, RELAYING } from "./states.ts";
import type { Store } from "./store.ts";

/** ms between two looks. */
export const LOOK_MS = 250;
/** ms by which a look comes late when the process was stopped or busy: what has come meanwhile has not been heard yet … */
const LATE_MS = 500;
/** … and nobody counts as waiting for so many ms … */
const GRACE_MS = 1_000;
/** … but not again for so many after that: a process that is late again and again would see nobody wait, and does hear in between. */
const NO_GRACE_MS = 5_000;
/** ms of a wait below which it says nothing: any target may take so long. */
const SHORT_MS = 100;
/** Waits that a thread remembers from one look to the next; the rest are of the same kind. */
const MOST_WAITS = 256;

/**
 * Connections that wait of which the pool is told at a look; if there are more, they have their turns. Some milliseconds with the lock held,
 * where a hundred thousand clients that expect no answer would take a hundred.
 */
export const MOST_TOLD = 4_096;

interface Wait {
  readonly row: number;
  readonly client: number;
  readonly ms: number;
  readonly askedAt: number;
}

export class Observer<C, F> implements Seen {
  readonly #pool: SharedPool;
  readonly #store: Store<C, F>;
  readonly #io: Io<C, F>;
  readonly #moveOn: (c: C) => void;
  /** Tickets of connections that have begun to connect since the last look. */
  #begun: number[] = [];
  /** Of those that waited for their first byte at the last look: by ticket, what Silence.waits() gave. */
  readonly #waiting = new Map<number, number>();
  /** By row: answers since the last look, and when the last was. */
  #counts = new Int32Array(0);
  #lastAt = new Float64Array(0);
  /** By row: 1 where its target has spoken before the client had. */
  #speaksFirst = new Uint8Array(0);
  /** Rows with answers since the last look. */
  #heard: number[] = [];
  #waits: Wait[] = [];
  #isLookAsked = false;
  #lookDue = 0;
  #lookedAt = 0;
  #judgeFrom = Number.NEGATIVE_INFINITY;

  /** `moveOn`: has a connection that is CONNECTING go on to another target. */
  constructor(pool: SharedPool, store: Store<C, F>, io: Io<C, F>, moveOn: (c: C) => void) {
    this.#pool = pool;
    this.#store = store;
    this.#io = io;
    this.#moveOn = moveOn;
  }

  /** It begins to connect to its row. */
  begun(c: C): void {
    if (!this.#pool.watches) return;
    this.#begun.push(this.#store.ticket(c));
    this.#askForLook();
  }

  /** The first byte of what the engine relays to the client has come. */
  firstByte(c: C): void {
    // A handler's answer is none of a target's; what a target had sent before it failed says nothing of one that works.
    if (this.#store.state(c) !== RELAYING) return;
    const { watches, observes } = this.#pool;
    if (!watches && !observes) return;
    const row = this.#store.row(c);
    const askedAt = this.#store.askedAt(c);
    const now = this.#io.now();
    if (watches) this.#noteAnswer(c, row, askedAt, now);
    if (!observes) return;
    const connectedAt = this.#store.acceptedAt(c) + this.#store.queuedMs(c) + this.#store.connectMs(c);
    this.#pool.answered(row, connectedAt - this.#store.since(c) + now - askedAt, now);
  }

  /** It ends so, or an end of it has failed so. What a target shows that has not given it a byte. */
  ended(c: C, outcome: number): void {
    if (this.#store.state(c) !== RELAYING || this.#store.bytes(c, TARGET) !== 0) return;
    const now = this.#io.now();
    // Its end of the connection was closed, which only a process does that lives.
    if (causeNumber(outcome) === FIN && this.#pool.watches) this.#hear(this.#store.row(c), now);
    if (!this.#pool.observes) return;
    const by = enderNumber(outcome);
    if (by === BY_TARGET) this.#pool.unanswered(this.#store.row(c), null, now);
    else if (by === BY_CLIENT && this.#store.bytes(c, CLIENT) > 0) {
      this.#pool.unanswered(this.#store.row(c), now - this.#store.askedAt(c), now);
    }
  }

  /** What open connections have moved is of interest now: `heardFrom` is to be called with each, before the look. */
  get isCurious(): boolean {
    return this.#waiting.size > 0 || this.#pool.watched;
  }

  /** A relay. */
  heardFrom(c: C): void {
    const at = this.#store.heardAt(c);
    if (at > this.#lookedAt) this.#hear(this.#store.row(c), at);
  }

  /** Tells the pool. False: there is no more to be told for now. */
  look(): boolean {
    const now = this.#io.now();
    if (now - this.#lookDue > LATE_MS && now - this.#judgeFrom > NO_GRACE_MS) this.#judgeFrom = now + GRACE_MS;
    this.#lookDue = now + LOOK_MS;
    this.#findWaiting();
    if (this.#heard.length + this.#waits.length + this.#waiting.size > 0 || this.#pool.watched) {
      this.#pool.observe(this, now);
      if (this.#waiting.size > 0) this.#leaveSilent();
    }
    this.#lookedAt = now;
    this.#isLookAsked = this.#waiting.size > 0 || this.#pool.watched;
    return this.#isLookAsked;
  }

  /** For the pool, whose lock is held. */
  tell(silence: Silence, now: number): void {
    for (const row of this.#heard) {
      silence.answered(row, this.#counts[row]!, this.#lastAt[row]!, now);
      this.#counts[row] = 0;
    }
    this.#heard = [];
    for (const { row, client, ms, askedAt } of this.#waits) silence.waited(row, client, ms, askedAt);
    this.#waits = [];
    if (now >= this.#judgeFrom) this.#tellWaits(silence, now);
  }

  #tellWaits(silence: Silence, now: number): void {
    const { size } = this.#waiting;
    let left = Math.min(size, MOST_TOLD);
    for (const [ticket, counted] of this.#waiting) {
      if (left-- === 0) return;
      const counts = this.#tellWait(silence, ticket, counted, now);
      if (size > MOST_TOLD) this.#waiting.delete(ticket); // to the end
      this.#waiting.set(ticket, counts);
    }
  }

  #tellWait(silence: Silence, ticket: number, counted: number, now: number): number {
    const c = this.#store.find(ticket)!;
    const row = this.#store.row(c);
    const isConnecting = this.#store.state(c) === CONNECTING;
    if (!isConnecting && this.#store.bytes(c, CLIENT) === 0 && this.#speaksFirst[row] !== 1) return counted; // it has not asked yet
    // A target that takes what had waited for it is not silent.
    const askedAt = isConnecting ? this.#store.since(c) : Math.max(this.#store.askedAt(c), this.#store.heardAt(c));
    const key = this.#store.clientKey(c);
    return silence.waits(row, clientNumber(key), askedAt, counted, now);
  }

  #findWaiting(): void {
    for (const ticket of this.#waiting.keys()) if (!this.#isWaiting(ticket)) this.#waiting.delete(ticket);
    for (const ticket of this.#begun) if (this.#isWaiting(ticket)) this.#waiting.set(ticket, UNCOUNTED);
    this.#begun = [];
  }

  #isWaiting(ticket: number): boolean {
    const c = this.#store.find(ticket);
    if (c === null) return false;
    const state = this.#store.state(c);
    return state === CONNECTING || (state === RELAYING && this.#store.bytes(c, TARGET) === 0);
  }

  /** Those that were being connected to a target when it was found to be silent go on to others. */
  #leaveSilent(): void {
    for (const ticket of this.#waiting.keys()) {
      const c = this.#store.find(ticket);
      if (c === null || this.#store.state(c) !== CONNECTING) continue;
      if (this.#store.since(c) < this.#pool.silentSince(this.#store.row(c))) this.#moveOn(c);
    }
  }

  #noteAnswer(c: C, row: number, askedAt: number, now: number): void {
    this.#hear(row, now);
    this.#speaksFirst[row] = this.#store.bytes(c, CLIENT) === 0 ? 1 : 0;
    const ms = now - askedAt;
    if (ms < SHORT_MS || this.#waits.length >= MOST_WAITS) return;
    this.#waits.push({ row, client: clientNumber(this.#store.clientKey(c)), ms, askedAt });
  }

  #hear(row: number, at: number): void {
    if (row >= this.#counts.length) this.#grow(row + 1);
    if (this.#counts[row]!++ === 0) {
      this.#heard.push(row);
      this.#lastAt[row] = at;
      this.#askForLook();
    } else if (at > this.#lastAt[row]!) {
      this.#lastAt[row] = at;
    }
  }

  #askForLook(): void {
    if (this.#isLookAsked) return;
    this.#isLookAsked = true;
    this.#lookDue = this.#io.now() + LOOK_MS;
    this.#io.lookSoon();
  }

  #grow(rows: number): void {
    const { length } = this.#counts;
    const to = Math.max(2 * length, 16, rows);
    const counts = new Int32Array(to);
    const lastAt = new Float64Array(to);
    const speaksFirst = new Uint8Array(to);
    counts.set(this.#counts);
    lastAt.set(this.#lastAt);
    speaksFirst.set(this.#speaksFirst);
    [this.#counts, this.#lastAt, this.#speaksFirst] = [counts, lastAt, speaksFirst];
  }
}
