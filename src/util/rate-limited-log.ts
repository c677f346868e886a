import type { Clock } from "./clock.ts";

/** ms without a further event after which trouble of that kind counts as over, and is worth a word when it returns. */
export const EPISODE_MS = 10_000;

/**
 * Passes on the first of a run of like events: descriptor exhaustion or a broken handler fails a thousand times a second, and
 * is one piece of news.
 */
export class Warnings {
  readonly #clock: Clock;
  readonly #warn: (message: string, cause?: unknown) => void;
  /** Kind → when it was last seen. Kinds are a few fixed names, so this stays small. */
  readonly #seen = new Map<string, number>();

  constructor(clock: Clock, warn: (message: string, cause?: unknown) => void) {
    this.#clock = clock;
    this.#warn = warn;
  }

  /** Warns unless an event of this kind was seen within the last EPISODE_MS. */
  episode(kind: string, message: string, cause?: unknown): void {
    const now = this.#clock.now();
    const last = this.#seen.get(kind);
    this.#seen.set(kind, now);
    if (last === undefined || now - last >= EPISODE_MS) this.#warn(message, cause);
  }
}
