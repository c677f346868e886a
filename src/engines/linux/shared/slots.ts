/**
 * The connections of one worker thread as rows of numbers in shared memory (slot-layout.ts), each addressed by its slot's index.
 * There is no JavaScript object per connection, so an idle one costs 256 bytes and the collector never looks at it. Shared,
 * because the main thread reads close records straight from the slots, and closes a dead worker's descriptors.
 */

import type { NetCode } from "../../../net/net-error.ts";
import type { OpenStore } from "../../../proxy/open.ts";
import { IN_QUEUE, UNDECIDED } from "../../../proxy/outcome.ts";
import { CLIENT, TARGET } from "../../../proxy/record.ts";
import { ACCEPTED, ENDED } from "../../../proxy/states.ts";
import { Clients } from "./clients.ts";
import { FIELDS, SLOT_WORDS } from "./slot-layout.ts";
import { connectCode, TRIED_WORDS, Tried } from "./tried.ts";

const STATE = FIELDS.state.offset;
const POOL = FIELDS.pool.offset;
const BYTES = FIELDS.bytes.offset;
const REPORTED = FIELDS.reported.offset;
const MOVED_AT = FIELDS.movedAt.offset;
const FIRST_BYTE_MS = FIELDS.firstByteMs.offset;
const ROW = FIELDS.row.offset;
const LISTED = FIELDS.listed.offset;
const FIRST = FIELDS.first.offset;
const OUTCOME = FIELDS.outcome.offset;
const FAILURES = FIELDS.failures.offset;
const ACCEPTED_AT = FIELDS.acceptedAt.offset;
const QUEUED_MS = FIELDS.queuedMs.offset;
const CONNECT_MS = FIELDS.connectMs.offset;
const SINCE = FIELDS.since.offset;
const ENDED_AT = FIELDS.endedAt.offset;
const PLACE = FIELDS.place.offset;
const WAITER = FIELDS.waiter.offset;
const ANSWERED = FIELDS.answered.offset;
const UNACKED = FIELDS.unacked.offset;
const PASS = FIELDS.pass.offset;
const PHASE = FIELDS.phase.offset;
const HOLDS = FIELDS.holds.offset;
const INCARNATION = FIELDS.incarnation.offset;

const NONE_TRIED: readonly number[] = [];

const SLOT_BYTES = 4 * (SLOT_WORDS + TRIED_WORDS);

/**
 * Methods are plain and tiny, so that JavaScript engines inline them. A slot begins at `slot << 6` in words of 32 bits and at `slot << 5`
 * in numbers of 64.
 */
export class Slots extends Clients implements OpenStore<number> {
  readonly buffer: SharedArrayBuffer;
  readonly capacity: number;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #tried: Tried;

  constructor(buffer: SharedArrayBuffer) {
    super(buffer);
    this.buffer = buffer;
    this.capacity = buffer.byteLength / SLOT_BYTES;
    const words = this.capacity * SLOT_WORDS;
    this.#words = new Int32Array(buffer, 0, words);
    this.#doubles = new Float64Array(buffer, 0, words / 2);
    this.#tried = new Tried(buffer, 4 * words);
  }

  /** Pages that are never used take no memory, so the capacity may be generous. */
  static create(capacity: number): Slots {
    return new Slots(new SharedArrayBuffer(capacity * SLOT_BYTES));
  }

  /**
   * A connection that was accepted as `fd`, for the pool of that number, at the place of that number. The peer's sockaddr is the client's
   * address. The stage is set by what comes next.
   */
  begin(
    slot: number,
    pool: number,
    place: number,
    fd: number,
    clientBits: number,
    peer: Uint8Array,
    now: number,
  ): void {
    const words = this.#words;
    const doubles = this.#doubles;
    const at = slot << 6;
    const half = slot << 5;
    this.beginEnds(slot, fd, clientBits);
    words[at | POOL] = pool;
    words[at | PLACE] = place;
    this.beginClient(slot, peer);
    words[at | STATE] = ACCEPTED; // from here on a dead worker's connection is found
    words[at | ROW] = -1;
    words[at | FIRST] = 0;
    words[at | OUTCOME] = UNDECIDED;
    words[at | FAILURES] = 0;
    words[at | PASS] = 0;
    words[at | HOLDS] = 0;
    words[at | PHASE] = IN_QUEUE;
    doubles[half | BYTES | CLIENT] = 0;
    doubles[half | BYTES | TARGET] = 0;
    doubles[half | REPORTED | CLIENT] = 0;
    doubles[half | REPORTED | TARGET] = 0;
    doubles[half | ACCEPTED_AT] = now;
    doubles[half | QUEUED_MS] = 0;
    doubles[half | CONNECT_MS] = -1;
    doubles[half | FIRST_BYTE_MS] = -1;
  }

  state(slot: number): number {
    return this.#words[(slot << 6) | STATE]!;
  }

  setState(slot: number, state: number): void {
    this.#words[(slot << 6) | STATE] = state;
  }

  /** The number of its pool. */
  poolOf(slot: number): number {
    return this.#words[(slot << 6) | POOL]!;
  }

  /** The number of the address where it came. */
  placeOf(slot: number): number {
    return this.#words[(slot << 6) | PLACE]!;
  }

  /** Its listener has decided: the life of the connection begins, for that pool. */
  admit(slot: number, pool: number, now: number): void {
    const at = slot << 6;
    this.#words[at | POOL] = pool;
    this.#words[at | STATE] = ACCEPTED;
    this.#doubles[(slot << 5) | ACCEPTED_AT] = now;
  }

  /** Bytes read from an end. */
  bytes(slot: number, from: number): number {
    return this.#doubles[(slot << 5) | BYTES | from]!;
  }

  /** True: these are the first that the target has given. */
  addBytes(slot: number, from: number, count: number, now: number): boolean {
    const doubles = this.#doubles;
    const half = slot << 5;
    const before = doubles[half | BYTES | from]!;
    doubles[half | BYTES | from] = before + count;
    doubles[half | MOVED_AT | from] = now;
    if (before !== 0 || from !== TARGET) return false;
    doubles[half | FIRST_BYTE_MS] = now - doubles[half | ACCEPTED_AT]!;
    return true;
  }

  /** When a byte last moved. */
  movedAt(slot: number): number {
    const doubles = this.#doubles;
    const half = slot << 5;
    return Math.max(doubles[half | MOVED_AT | CLIENT]!, doubles[half | MOVED_AT | TARGET]!);
  }

  /** The relay begins: nothing has moved yet. */
  setMovedAt(slot: number, now: number): void {
    const doubles = this.#doubles;
    const half = slot << 5;
    doubles[half | MOVED_AT | CLIENT] = now;
    doubles[half | MOVED_AT | TARGET] = 0;
  }

  /** An end has taken bytes that had waited for it. */
  noteTaken(slot: number, end: number, now: number): void {
    this.#doubles[(slot << 5) | MOVED_AT | end] = now;
  }

  heardAt(slot: number): number {
    return this.#doubles[(slot << 5) | MOVED_AT | TARGET]!;
  }

  askedAt(slot: number): number {
    return this.#doubles[(slot << 5) | MOVED_AT | CLIENT]!;
  }

  // What the pool knows of it.

  /** Bytes that the pool has not been told of. */
  unreported(slot: number, from: number): number {
    const doubles = this.#doubles;
    const at = (slot << 5) | from;
    return doubles[at | BYTES]! - doubles[at | REPORTED]!;
  }

  setReported(slot: number): void {
    const doubles = this.#doubles;
    const at = slot << 5;
    doubles[at | REPORTED | CLIENT] = doubles[at | BYTES | CLIENT]!;
    doubles[at | REPORTED | TARGET] = doubles[at | BYTES | TARGET]!;
  }

  listed(slot: number): boolean {
    return this.#words[(slot << 6) | LISTED] !== 0;
  }

  setListed(slot: number, listed: boolean): void {
    this.#words[(slot << 6) | LISTED] = listed ? 1 : 0;
  }

  holds(slot: number, what: number): boolean {
    return (this.#words[(slot << 6) | HOLDS]! & what) !== 0;
  }

  addHold(slot: number, what: number): void {
    this.#words[(slot << 6) | HOLDS]! |= what;
  }

  dropHold(slot: number, what: number): void {
    this.#words[(slot << 6) | HOLDS]! &= ~what;
  }

  row(slot: number): number {
    return this.#words[(slot << 6) | ROW]!;
  }

  incarnation(slot: number): number {
    return this.#words[(slot << 6) | INCARNATION]!;
  }

  setRow(slot: number, row: number, incarnation: number): void {
    const words = this.#words;
    const at = slot << 6;
    words[at | ROW] = row;
    words[at | INCARNATION] = incarnation;
  }

  waiter(slot: number): number {
    return this.#doubles[(slot << 5) | WAITER]!;
  }

  setWaiter(slot: number, waiter: number): void {
    this.#doubles[(slot << 5) | WAITER] = waiter;
  }

  /** Notes that this pass over the queue found no target for it; false: it was noted before. */
  passOver(slot: number, pass: number): boolean {
    const words = this.#words;
    const at = (slot << 6) | PASS;
    if (words[at] === pass) return false;
    words[at] = pass;
    return true;
  }

  // Its way, and its end.

  acceptedAt(slot: number): number {
    return this.#doubles[(slot << 5) | ACCEPTED_AT]!;
  }

  since(slot: number): number {
    return this.#doubles[(slot << 5) | SINCE]!;
  }

  setSince(slot: number, now: number): void {
    this.#doubles[(slot << 5) | SINCE] = now;
  }

  queuedMs(slot: number): number {
    return this.#doubles[(slot << 5) | QUEUED_MS]!;
  }

  addQueuedMs(slot: number, ms: number): void {
    this.#doubles[(slot << 5) | QUEUED_MS]! += ms;
  }

  connectMs(slot: number): number {
    return this.#doubles[(slot << 5) | CONNECT_MS]!;
  }

  setConnectMs(slot: number, ms: number): void {
    this.#doubles[(slot << 5) | CONNECT_MS] = ms;
  }

  firstByteMs(slot: number): number {
    return this.#doubles[(slot << 5) | FIRST_BYTE_MS]!;
  }

  phase(slot: number): number {
    return this.#words[(slot << 6) | PHASE]!;
  }

  setPhase(slot: number, phase: number): void {
    this.#words[(slot << 6) | PHASE] = phase;
  }

  tried(slot: number): readonly number[] {
    const failures = this.#words[(slot << 6) | FAILURES]!;
    return failures === 0 ? NONE_TRIED : Array.from({ length: failures }, (_, nth) => this.#tried.row(slot, nth));
  }

  triedCode(slot: number, nth: number): NetCode {
    return connectCode(this.#tried.errno(slot, nth));
  }

  triedIncarnation(slot: number, nth: number): number {
    return this.#tried.incarnation(slot, nth);
  }

  /** errno of the last connect attempt that failed, or TIMED_OUT; 0: none has. */
  failure(slot: number): number {
    const failures = this.#words[(slot << 6) | FAILURES]!;
    return failures === 0 ? 0 : this.#tried.errno(slot, failures - 1);
  }

  /** A connect attempt has failed, with an errno or TIMED_OUT. */
  addTried(slot: number, row: number, incarnation: number, errno: number): void {
    this.#tried.set(slot, this.#words[(slot << 6) | FAILURES]!++, row, incarnation, errno);
  }

  answered(slot: number): number {
    return this.#words[(slot << 6) | ANSWERED]!;
  }

  setAnswered(slot: number, bytes: number): void {
    this.#words[(slot << 6) | ANSWERED] = bytes;
  }

  unacked(slot: number): number {
    return this.#words[(slot << 6) | UNACKED]!;
  }

  setUnacked(slot: number, bytes: number): void {
    this.#words[(slot << 6) | UNACKED] = bytes;
  }

  /** The end that was the first to finish or to fail: `end`, unless the other was. */
  firstToEnd(slot: number, end: number): number {
    const words = this.#words;
    const at = (slot << 6) | FIRST;
    if (words[at] === 0) words[at] = end + 1;
    return words[at]! - 1;
  }

  outcome(slot: number): number {
    return this.#words[(slot << 6) | OUTCOME]!;
  }

  setOutcome(slot: number, outcome: number): void {
    this.#words[(slot << 6) | OUTCOME] = outcome;
  }

  endedAt(slot: number): number {
    return this.#doubles[(slot << 5) | ENDED_AT]!;
  }

  /** Over, with the outcome given unless there is one already. */
  end(slot: number, outcome: number, now: number): void {
    const words = this.#words;
    const at = slot << 6;
    if (words[at | OUTCOME] === UNDECIDED) words[at | OUTCOME] = outcome;
    words[at | STATE] = ENDED;
    this.#doubles[(slot << 5) | ENDED_AT] = now;
  }
}
