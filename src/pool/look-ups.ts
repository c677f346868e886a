/**
 * Clients that wait, before they are given a target, for what other balancers know of them. Each has a number (31 bits, wrapping), in the order
 * in which they came, and goes on when LOOK_UPS_DONE has reached that. What others know is read as a whole, so one reading does for all who
 * came before it began.
 */
import { type ClientKey, hasAddress } from "../util/client-key.ts";
import { LOOK_UP_MS, LOOK_UPS_BEGUN, LOOK_UPS_DONE, LOOK_UPS_WANTED } from "./header.ts";
import type { Lock } from "./lock.ts";
import type { PoolParts } from "./parts.ts";

const MASK = 0x7fff_ffff;
/** Of two numbers, the one that is ahead of the other by less than this is the later one. */
const HALF = 0x4000_0000;

/** Of any thread, but for what is the creator's. */
export class LookUps {
  /** Told when somebody is to be looked up, who is the first since that was begun last. */
  onWanted: () => void = () => undefined;
  /** Told when some have gone on: those that need not wait for anything else are bound. */
  onServed: () => void = () => undefined;
  readonly #header: Int32Array;
  readonly #lock: Lock;
  readonly #parts: () => PoolParts;

  /** The header stays where it is, whatever moves. */
  constructor(header: Int32Array, lock: Lock, parts: () => PoolParts) {
    this.#header = header;
    this.#lock = lock;
    this.#parts = parts;
  }

  /** ms that a client without a binding waits at most. 0: none does. */
  get ms(): number {
    return this.#header[LOOK_UP_MS]!;
  }

  /** Before the client asks for a permit: a number for isDone(). -1: it need not wait, as it has a target already, or no address. */
  want(client: ClientKey, now: number): number {
    const header = this.#header;
    if (!hasAddress(client)) return -1;
    this.#lock.take();
    const { bindings, choice } = this.#parts(); // the lock may have come with others
    const isFirst = !this.isWanted;
    const isNeeded = this.ms > 0 && bindings !== null && !choice.isBound(client, now);
    if (isNeeded) header[LOOK_UPS_WANTED] = (header[LOOK_UPS_WANTED]! + 1) & MASK;
    const number = header[LOOK_UPS_WANTED]!;
    this.#lock.free();
    if (!isNeeded) return -1;
    if (isFirst) this.onWanted();
    return number;
  }

  /** Whether the client of that number may go on. */
  isDone(number: number): boolean {
    return ((Atomics.load(this.#header, LOOK_UPS_DONE) - number) & MASK) < HALF;
  }

  /** Somebody is to be looked up who came after that had begun last. */
  get isWanted(): boolean {
    return this.#header[LOOK_UPS_WANTED] !== this.#header[LOOK_UPS_BEGUN];
  }

  // For the creator's thread.

  /** 0: none waits from now on, those included who do. */
  set ms(ms: number) {
    if (this.ms === ms) return;
    this.#lock.take();
    this.#header[LOOK_UP_MS] = ms;
    this.#lock.free();
    if (ms === 0) this.done(this.begin());
  }

  /** Those who have come until now are being looked up: gives the number of the last. */
  begin(): number {
    this.#lock.take();
    const last = this.#header[LOOK_UPS_WANTED]!;
    this.#header[LOOK_UPS_BEGUN] = last;
    this.#lock.free();
    return last;
  }

  /** Up to that one they go on, whatever was found: their threads are to be woken. False: they did already. */
  done(last: number): boolean {
    this.#lock.take();
    const isNews = !this.isDone(last);
    if (isNews) Atomics.store(this.#header, LOOK_UPS_DONE, last);
    this.#lock.free();
    return isNews;
  }
}
