/**
 * When to look at targets: soon after a change that is told, and again and again for what nobody tells, which is what connections show.
 * Thousands of reporters report so often that each report would be a look at thousands of targets: many changes are one look.
 */
import type { Cancel, Clock } from "../../util/clock.ts";

/** ms between looks, where nobody tells of a change … */
const LOOK_MS = 500;
/** … and at the least. */
const SOONEST_MS = 50;

export class Looks {
  readonly #clock: Clock;
  readonly #look: () => boolean;
  #cancel: Cancel = () => undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #nextAt = Number.POSITIVE_INFINITY;
  #closed = false;

  /** `look` says whether there is something to look at; if not, it is not called again before the next `changed()`. */
  constructor(clock: Clock, look: () => boolean) {
    this.#clock = clock;
    this.#look = look;
  }

  changed(): void {
    this.#lookBy(Math.max(this.#clock.now(), this.#lookedAt + SOONEST_MS));
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  #lookBy(time: number): void {
    if (this.#closed || this.#nextAt <= time) return;
    this.#cancel();
    this.#nextAt = time;
    this.#cancel = this.#clock.after(time - this.#clock.now(), () => {
      this.#lookedAt = this.#clock.now();
      this.#nextAt = Number.POSITIVE_INFINITY;
      if (this.#look()) this.#lookBy(this.#lookedAt + LOOK_MS);
    });
  }
}
