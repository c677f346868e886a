/**
 * With which key a reporter comes: the one of now, which somebody may have changed since its target was registered. While the balancer
 * has that target with the former one, and still accepts it, the former one goes on: a target belongs to its key, and would else be
 * refused to its own reporter, which could not even say that it drains.
 */
import type { Credentials } from "./credentials.ts";

export class KeyInUse {
  readonly #ofNow: () => Credentials;
  #tried: Credentials | null = null;
  /** The one that the target was registered with. */
  #former: Credentials | null = null;
  #goesOn = false;

  /** `ofNow` may throw. */
  constructor(ofNow: () => Credentials) {
    this.#ofNow = ofNow;
  }

  /** For the next attempt. */
  next(): Credentials {
    this.#tried = this.#goesOn && this.#former ? this.#former : this.#ofNow();
    return this.#tried;
  }

  registered(): void {
    this.#former = this.#tried;
  }

  /** The target is another key's. Whether that may be the former one, which is then the next to be tried. */
  isFormers(): boolean {
    this.#goesOn = this.#former !== null && this.#former !== this.#tried;
    return this.#goesOn;
  }

  /** The key that was tried is not accepted, or not any more. */
  refused(): void {
    this.#goesOn = false;
    this.#former = null;
  }
}
