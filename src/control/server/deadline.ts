/** The one time by which something is to have happened. */
import type { Cancel, Clock } from "../../util/clock.ts";

/** ms by which a deadline is later than it should be when the process was stopped, and ms that are left then to hear what has come. */
const STOPPED_MS = 500;
const GRACE_MS = 1_000;

export class Deadline {
  readonly #clock: Clock;
  readonly #onOver: () => void;
  #cancel: Cancel = () => undefined;

  constructor(clock: Clock, onOver: () => void) {
    this.#clock = clock;
    this.#onOver = onOver;
  }

  /** In the place of the one before. */
  set(ms: number): void {
    const due = this.#clock.now() + ms;
    this.cancel();
    this.#cancel = this.#clock.after(ms, () => {
      // The process was stopped (SIGSTOP, a suspended machine): what came meanwhile has not been heard yet.
      if (this.#clock.now() - due > STOPPED_MS) this.#cancel = this.#clock.after(GRACE_MS, this.#onOver);
      else this.#onOver();
    });
  }

  /** Idempotent. */
  cancel(): void {
    this.#cancel();
  }
}
