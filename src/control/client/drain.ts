/** The wait until a balancer that has been told to drain a target counts none of its connections any more. */
import type { Cancel, Clock } from "../../util/clock.ts";
import { deferred } from "../../util/deferred.ts";

/** ms that a drain waits for a balancer that is not connected: it may be gone for good, and its connections with it. */
const RECONNECT_MS = 3_000;

export class Drain {
  readonly #clock: Clock;
  readonly #cancelTimeout: Cancel;
  #cancelAbsence: Cancel | null = null;
  /** Connections at the balancer's last answer; null when it is unknown. */
  #active: number | null = null;
  readonly #done = deferred<number | null>();

  /** Ends by itself after `timeout` ms. */
  constructor(clock: Clock, timeout: number) {
    this.#clock = clock;
    this.#cancelTimeout = clock.after(timeout, () => this.end());
  }

  /** Resolves at its end with the connections that were counted last, or null. */
  get done(): Promise<number | null> {
    return this.#done.promise;
  }

  /** The balancer has counted so many. */
  counted(active: number): void {
    this.#active = active;
    this.#cancelAbsence?.();
    this.#cancelAbsence = null;
    if (active === 0) this.end();
  }

  /** There is no connection with the balancer. */
  lost(): void {
    this.#active = null;
    this.#cancelAbsence ??= this.#clock.after(RECONNECT_MS, () => this.end());
  }

  /** Idempotent. */
  end(): void {
    this.#cancelTimeout();
    this.#cancelAbsence?.();
    this.#done.resolve(this.#active);
  }
}
