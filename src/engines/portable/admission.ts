import { clientKey } from "../../pool/client-key.ts";
import { ADMITTED, ALL_FULL, type Pool, REFUSED } from "../../pool/pool.ts";
import type { UnavailableReason } from "../../proxy/outcome.ts";
import type { Clock } from "../../util/clock.ts";
import type { Life, Turn } from "./life.ts";
import { DueList } from "./timeout-list.ts";

/**
 * A connection's way to a place under the concurrency limit and to a target: enter, wait, pick. Places, limits and the order
 * of the queue are the pool's; here are the connections that wait, their time-out, and the wake-up of those whose turn it is.
 */
export class Admission {
  readonly #pool: Pool;
  readonly #clock: Clock;
  readonly #timeouts: DueList<Life>;
  readonly #waiting = new Map<number, Life>();
  readonly #watch: (life: Life) => void;
  readonly #key = new Uint32Array(4);
  #pumping = false;
  #stopped = false;

  /** `watch` is called with each connection that starts to wait: its client may leave now. */
  constructor(pool: Pool, clock: Clock, queueTimeout: number, watch: (life: Life) => void) {
    this.#pool = pool;
    this.#clock = clock;
    this.#watch = watch;
    this.#timeouts = new DueList<Life>(queueTimeout, (life) => this.#leaveQueue(life, "queue-timeout"));
  }

  /** For a new connection. A promise only when it has to wait, as most need not. */
  enter(life: Life): Turn | Promise<Turn> {
    if (this.#stopped) return "stopping";
    const entered = this.#pool.enter(life.ticket);
    return entered === ADMITTED ? this.next(life) : this.#wait(life, entered, "queue-full");
  }

  /** For one that holds a place: a target that it has not tried yet. */
  next(life: Life): Turn | Promise<Turn> {
    const row = this.#pick(life);
    if (row >= 0) return row;
    if (row === ALL_FULL && !this.#stopped) {
      // A pool without a queue has none that could be full: what is missing then is a target.
      const refusal = this.#pool.options.queue === 0 ? "no-targets" : "queue-full";
      return this.#wait(life, this.#pool.wait(life.ticket, false), refusal);
    }
    this.leave();
    return row === ALL_FULL ? "stopping" : lackOf(life);
  }

  /** Gives a place back. */
  leave(): void {
    this.#pool.leave();
    this.pump();
  }

  /** The connection to `life.row` is over: takes it off its target, with the bytes the pool has not been told of yet. */
  release(life: Life): void {
    const bytesIn = life.aToB - life.countedIn;
    const bytesOut = life.bToA - life.countedOut;
    this.#pool.release(life.row, this.#keyOf(life), bytesIn, bytesOut, this.#clock.now());
  }

  /** Takes a connection whose client was lost out of the queue. */
  cancel(life: Life): void {
    if (life.resume !== null) this.#leaveQueue(life, "ended");
  }

  /** Nobody waits any more: those that do, and those to come, are told "stopping". */
  stop(): void {
    this.#stopped = true;
    for (const life of this.#waiting.values()) this.#leaveQueue(life, "stopping");
  }

  sweep(now: number): void {
    this.#timeouts.sweep(now);
  }

  /** Continues those whose turn it is. To be called when a place, a target or room on a target may have become free. */
  pump(): void {
    if (this.#pumping || this.#stopped || this.#waiting.size === 0) return;
    this.#pumping = true;
    for (let grant = this.#pool.grant(); grant !== null; grant = this.#pool.grant()) this.#grant(grant.ticket);
    this.#pumping = false;
  }

  /** Picks at once, so that the next grant sees this target's room as taken. */
  #grant(ticket: number): void {
    const life = this.#waiting.get(ticket)!;
    const row = this.#pick(life);
    if (row === ALL_FULL) {
      // It has tried all that have room. The pool grants it again only when another has.
      life.waiter = this.#pool.wait(ticket, life.tried.length === 0);
      if (life.waiter === REFUSED) this.#resume(life, "queue-full");
    } else if (row >= 0) {
      this.#resume(life, row);
    } else {
      this.#pool.leave();
      this.#resume(life, lackOf(life));
    }
  }

  #wait(life: Life, waiter: number, refusal: UnavailableReason): Turn | Promise<Turn> {
    if (waiter === REFUSED) {
      this.pump();
      return refusal;
    }
    life.phase = "queue";
    life.waiter = waiter;
    life.waitsSince = this.#clock.now();
    this.#waiting.set(life.ticket, life);
    this.#timeouts.add(life, life.waitsSince);
    this.#watch(life);
    return new Promise((resolve) => {
      life.resume = resolve;
      this.pump();
    });
  }

  #leaveQueue(life: Life, turn: Turn): void {
    this.#pool.cancel(life.waiter);
    this.#resume(life, turn);
    this.pump(); // it may have been first in the queue, with nothing for it but something for the next
  }

  #resume(life: Life, turn: Turn): void {
    const resume = life.resume;
    this.#waiting.delete(life.ticket);
    this.#timeouts.remove(life);
    life.queuedMs += this.#clock.now() - life.waitsSince;
    life.resume = null;
    resume?.(turn);
  }

  #pick(life: Life): number {
    return this.#pool.pick(this.#keyOf(life), life.tried, this.#clock.now());
  }

  /** One array for all connections: each use is over before the next begins. */
  #keyOf(life: Life): Uint32Array {
    return clientKey(life.remote.host, this.#key);
  }
}

function lackOf(life: Life): UnavailableReason {
  return life.tried.length === 0 ? "no-targets" : "connect-failed";
}
