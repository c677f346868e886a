/** A pause that can be cut short, or skipped before it has begun. */
import type { Clock } from "./clock.ts";

export class Pause {
  readonly #clock: Clock;
  #isDue = false;
  /** Ends the one that there is. */
  #end: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The next one is to be skipped. */
  get isDue(): boolean {
    return this.#isDue;
  }

  /** What is done now is what the next pause was to be skipped for. */
  begin(): void {
    this.#isDue = false;
  }

  /** Ends the one that there is, and skips the next one. */
  skip(): void {
    this.#isDue = true;
    this.#end();
  }

  end(): void {
    this.#end();
  }

  /** Resolves after `ms`, or earlier when there is a reason to go on. */
  wait(ms: number): Promise<void> {
    if (this.#isDue) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#clock.after(ms, () => this.#end());
      this.#end = () => {
        cancel();
        this.#end = () => undefined;
        resolve();
      };
    });
  }
}
