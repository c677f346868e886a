/** Signs of life of a session that says nothing else: an empty line whenever it has been idle for as long as the balancer has asked. */
import type { Cancel, Clock } from "../../util/clock.ts";

/** ms, whatever the balancer has asked for. */
const SHORTEST_MS = 10;

export class Heartbeat {
  readonly #clock: Clock;
  readonly #interval: number;
  readonly #beat: () => void;
  #saidAt: number;
  #cancel: Cancel;

  /** `interval` in ms. */
  constructor(clock: Clock, interval: number, beat: () => void) {
    this.#clock = clock;
    this.#interval = Math.max(SHORTEST_MS, interval);
    this.#beat = beat;
    this.#saidAt = clock.now();
    this.#cancel = clock.after(this.#interval, () => this.#look());
  }

  /** A line has been sent. One timer does for all of them: it looks when the last one was. */
  said(): void {
    this.#saidAt = this.#clock.now();
  }

  end(): void {
    this.#cancel();
  }

  #look(): void {
    const idle = this.#clock.now() - this.#saidAt;
    if (idle >= this.#interval) {
      this.said();
      this.#beat();
    }
    this.#cancel = this.#clock.after(this.#interval - (idle >= this.#interval ? 0 : idle), () => this.#look());
  }
}
