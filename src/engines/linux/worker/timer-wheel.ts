/**
 * All time-outs of a worker: a hashed wheel of buckets, each a doubly linked list through the slots themselves, so that
 * setting and clearing one is a few writes and allocates nothing. A slot has one timer at a time. What is due later than
 * one turn from now stays in its bucket and is looked at once a turn.
 */
import { FIELDS } from "../shared/slot-layout.ts";
import type { Slots } from "../shared/slots.ts";

/** ms per bucket: how late a time-out may be. A full wheel then wakes an idle thread 30 times a second at most, 0.05 % of a core. */
export const TICK_MS = 32;
/** A power of two; one turn is then 32 s, about the usual connect and queue time-outs. */
const BUCKETS = 1024;

export class TimerWheel {
  readonly #timers: Timers;
  /** 1 + first slot of each bucket, 0 for none. */
  readonly #heads = new Int32Array(BUCKETS);
  /** A bit per bucket that may hold something. */
  readonly #occupied = new Int32Array(BUCKETS / 32);
  /** The last tick that was expired. */
  #tick: number;
  #armed = 0;

  constructor(slots: Slots, now: number) {
    this.#timers = new Timers(slots.buffer);
    this.#tick = Math.floor(now / TICK_MS);
  }

  /** Sets the slot's timer to the time `due`, in place of the one it may have. */
  set(slot: number, due: number): void {
    const timers = this.#timers;
    if (timers.bucket(slot) !== 0) this.clear(slot);
    const bucket = Math.max(Math.ceil(due / TICK_MS), this.#tick + 1) & (BUCKETS - 1);
    const head = this.#heads[bucket]!;
    timers.set(slot, due, bucket + 1, head);
    if (head !== 0) timers.setPrevious(head - 1, slot + 1);
    this.#heads[bucket] = slot + 1;
    this.#occupied[bucket >> 5]! |= 1 << (bucket & 31);
    this.#armed++;
  }

  clear(slot: number): void {
    const timers = this.#timers;
    const bucket = timers.bucket(slot) - 1;
    if (bucket < 0) return;
    const next = timers.next(slot);
    const previous = timers.previous(slot);
    if (previous === 0) this.#heads[bucket] = next;
    else timers.setNext(previous - 1, next);
    if (next !== 0) timers.setPrevious(next - 1, previous);
    timers.clear(slot);
    this.#armed--;
  }

  /** Whether the buckets up to `now` hold anything; those that do not are passed over for good. */
  reaches(now: number): boolean {
    const target = Math.floor(now / TICK_MS);
    this.#tick = Math.max(this.#tick, target - BUCKETS);
    while (this.#tick < target && this.#heads[(this.#tick + 1) & (BUCKETS - 1)] === 0) {
      this.#tick++;
      const bucket = this.#tick & (BUCKETS - 1);
      this.#occupied[bucket >> 5]! &= ~(1 << (bucket & 31));
    }
    return this.#tick < target;
  }

  /** Calls `expire` with each slot that is due by `now`, its timer cleared; it may set and clear any. */
  advance(now: number, expire: (slot: number) => void): void {
    const target = Math.floor(now / TICK_MS);
    // After a long sleep one turn over the buckets finds everything.
    this.#tick = Math.max(this.#tick, target - BUCKETS);
    while (this.#tick < target) {
      this.#tick++;
      const bucket = this.#tick & (BUCKETS - 1);
      if (this.#heads[bucket] !== 0) this.#expireBucket(bucket, now, expire);
      if (this.#heads[bucket] === 0) this.#occupied[bucket >> 5]! &= ~(1 << (bucket & 31));
    }
  }

  #expireBucket(bucket: number, now: number, expire: (slot: number) => void): void {
    const later: number[] = [];
    for (let head = this.#heads[bucket]!; head !== 0; head = this.#heads[bucket]!) {
      const slot = head - 1;
      const due = this.#timers.due(slot);
      this.clear(slot);
      if (due <= now) expire(slot);
      else later.push(slot, due);
    }
    for (let i = 0; i < later.length; i += 2) this.set(later[i]!, later[i + 1]!);
  }

  /** ms until something may be due; -1 when no timer runs. */
  untilNext(now: number): number {
    if (this.#armed === 0) return -1;
    for (let ahead = 1; ahead <= BUCKETS; ahead++) {
      const bucket = (this.#tick + ahead) & (BUCKETS - 1);
      const word = this.#occupied[bucket >> 5]!;
      if (word === 0) {
        ahead += 31 - (bucket & 31); // the rest of this word is empty too
      } else if (word & (1 << (bucket & 31))) {
        return Math.max(0, Math.ceil((this.#tick + ahead) * TICK_MS - now));
      }
    }
    return TICK_MS; // not reached: an armed timer has its bucket's bit set
  }
}

const DUE = FIELDS.timerDue.offset;
const NEXT = FIELDS.timerNext.offset;
const PREVIOUS = FIELDS.timerPrevious.offset;
const BUCKET = FIELDS.timerBucket.offset;

/** The timers' fields of the slots, which are the wheel's alone. See Slots for the arithmetic. */
class Timers {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;

  constructor(slots: SharedArrayBuffer) {
    this.#words = new Int32Array(slots);
    this.#doubles = new Float64Array(slots);
  }

  set(slot: number, due: number, bucket: number, next: number): void {
    const words = this.#words;
    const at = slot << 6;
    this.#doubles[(slot << 5) | DUE] = due;
    words[at | BUCKET] = bucket;
    words[at | PREVIOUS] = 0;
    words[at | NEXT] = next;
  }

  clear(slot: number): void {
    this.#words[(slot << 6) | BUCKET] = 0;
  }

  bucket(slot: number): number {
    return this.#words[(slot << 6) | BUCKET]!;
  }

  due(slot: number): number {
    return this.#doubles[(slot << 5) | DUE]!;
  }

  next(slot: number): number {
    return this.#words[(slot << 6) | NEXT]!;
  }

  setNext(slot: number, link: number): void {
    this.#words[(slot << 6) | NEXT] = link;
  }

  previous(slot: number): number {
    return this.#words[(slot << 6) | PREVIOUS]!;
  }

  setPrevious(slot: number, link: number): void {
    this.#words[(slot << 6) | PREVIOUS] = link;
  }
}
