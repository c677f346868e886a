import type { Clock } from "./clock.ts";

/** How often events with the same cause are told. */
export interface RateLimit {
  /** ms after an event in which further ones with its cause are not told. */
  readonly window: number;
  /**
   * Whether an event that is not told starts its cause's window anew as well. If so, trouble is told once, however long it
   * lasts, and again only when it returns after a quiet `window`; otherwise trouble that lasts is told once per `window`.
   */
  readonly extended: boolean;
  /** Events told in a window at most, whatever their causes; by default there is no such limit. Not with `extended`. */
  readonly most?: number;
}

/** For faults that can occur a thousand times a second, such as running out of descriptors: one episode is one message. */
export const PER_EPISODE: RateLimit = { window: 10_000, extended: true };
/** For what peers repeat at every attempt: an operator who looks at the last minute of a log sees what is wrong now. */
export const PER_MINUTE: RateLimit = { window: 60_000, extended: false };

/** As PER_MINUTE, for what strangers do: those with many addresses do not fill the log, nor keep anything else out of it. */
export const OF_STRANGERS: RateLimit = { ...PER_MINUTE, most: 100 };

/** Causes that are remembered. Some name their peer, and peers that have proved nothing must not be able to fill memory. */
const MAX_CAUSES = 1_024;

/** Keeps repeated events from flooding a log. `Entry`: the arguments of `write`, which is given the events that are told. */
export class RateLimitedLog<Entry extends unknown[]> {
  readonly #limit: RateLimit;
  readonly #clock: Clock;
  readonly #write: (...entry: Entry) => void;
  /** Cause → when its window started. In the order of these times, so that the first is the one to forget. */
  readonly #started = new Map<string, number>();

  constructor(limit: RateLimit, clock: Clock, write: (...entry: Entry) => void) {
    this.#limit = limit;
    this.#clock = clock;
    this.#write = write;
  }

  /** Writes the entry unless its cause is within its window. */
  tell(cause: string, ...entry: Entry): void {
    const { window, extended } = this.#limit;
    const now = this.#clock.now();
    const started = this.#started.get(cause);
    const isNew = started === undefined || now - started >= window;
    if (isNew && !this.#isRoom(now)) return;
    if (isNew || extended) this.#start(cause, now);
    if (isNew) this.#write(...entry);
  }

  /** Whether not as many as may be told have been in this window. */
  #isRoom(now: number): boolean {
    const { window, most = Number.POSITIVE_INFINITY } = this.#limit;
    if (this.#started.size < most) return true;
    for (const [cause, started] of this.#started) {
      if (now - started < window) break;
      this.#started.delete(cause);
    }
    return this.#started.size < most;
  }

  #start(cause: string, now: number): void {
    this.#started.delete(cause);
    this.#started.set(cause, now);
    if (this.#started.size <= MAX_CAUSES) return;
    const [oldest] = this.#started.keys();
    if (oldest !== undefined) this.#started.delete(oldest);
  }
}

/** Warnings for an operator, at most one per kind of trouble and episode. */
export type WarningLog = RateLimitedLog<[message: string, cause?: unknown]>;
