import type { EndCause } from "../proxy/outcome.ts";
import { type Cancel, type Clock, systemClock } from "../util/clock.ts";
import { counted } from "./log.ts";

/** ms that are summed up in a line: twice as long after each such line, so that an outage does not flood the log. */
const SHORTEST_WINDOW_MS = 1_000;
const LONGEST_WINDOW_MS = 60_000;

const MEANING: Partial<Record<EndCause, string>> = {
  "no-targets": "no target is up",
  "connect-failed": "every target tried failed to connect",
  "queue-full": "the queue was full",
  "queue-timeout": "they waited too long in the queue",
  stopping: "the balancer is stopping",
};

type Tell = (text: string, facts: Readonly<Record<string, unknown>>) => void;

/**
 * Sums up the connections that got no target: the first is logged at once, those in the window after it together, and so on
 * for as long as there are any. A window without one ends the outage.
 */
export class UnavailableCounter {
  readonly #tell: Tell;
  readonly #clock: Clock;
  readonly #counts = new Map<EndCause, number>();
  #window = SHORTEST_WINDOW_MS;
  /** Of the window, while there is an outage. */
  #cancel: Cancel | null = null;

  constructor(tell: Tell, clock: Clock = systemClock) {
    this.#tell = tell;
    this.#clock = clock;
  }

  count(cause: EndCause): void {
    this.#counts.set(cause, (this.#counts.get(cause) ?? 0) + 1);
    if (this.#cancel !== null) return;
    this.#say("");
    this.#wait(SHORTEST_WINDOW_MS);
  }

  /** Logs what has not been logged yet, and sets no timer. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#say("");
  }

  #wait(window: number): void {
    this.#window = window;
    this.#cancel = this.#clock.after(window, () => this.#windowOver());
  }

  #windowOver(): void {
    this.#cancel = null;
    if (this.#counts.size === 0) return;
    this.#say(` (in ${this.#window / 1000} s)`);
    this.#wait(Math.min(2 * this.#window, LONGEST_WINDOW_MS));
  }

  #say(when: string): void {
    for (const [cause, connections] of this.#counts) {
      this.#tell(`${counted(connections, "connection")} got no target: ${MEANING[cause] ?? cause}${when}`, {
        connections,
        cause,
      });
    }
    this.#counts.clear();
  }
}
