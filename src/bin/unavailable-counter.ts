import type { EndCause } from "../proxy/outcome.ts";
import type { CloseRecord } from "../proxy/record.ts";
import { reasonText } from "../proxy/unavailable.ts";
import { type Cancel, type Clock, systemClock } from "../util/clock.ts";
import { formatDuration } from "../util/durations.ts";
import { counted } from "./log.ts";
import { TriedCounter } from "./tried-counter.ts";

/** ms that are summed up in a line: twice as long after each such line, so that an outage does not flood the log. */
const SHORTEST_WINDOW_MS = 1_000;
const LONGEST_WINDOW_MS = 60_000;

type Tell = (text: string, facts: Readonly<Record<string, unknown>>) => void;

/** Connections that got no target for the same reason. */
interface Sum {
  connections: number;
  /** ms in the queue, of the one that was there for longest. */
  waitedMs: number;
  readonly tried: TriedCounter;
}

/**
 * Sums up the connections that got no target: the first is logged at once, those in the window after it together, and so on
 * for as long as there are any. A window without one ends the outage.
 */
export class UnavailableCounter {
  readonly #tell: Tell;
  readonly #clock: Clock;
  readonly #sums = new Map<EndCause, Sum>();
  #window = SHORTEST_WINDOW_MS;
  /** Of the window, while there is an outage. */
  #cancel: Cancel | null = null;

  constructor(tell: Tell, clock: Clock = systemClock) {
    this.#tell = tell;
    this.#clock = clock;
  }

  count({ cause, queuedMs, tried }: Pick<CloseRecord, "cause" | "queuedMs" | "tried">): void {
    const sum = this.#sums.get(cause) ?? { connections: 0, waitedMs: 0, tried: new TriedCounter() };
    this.#sums.set(cause, sum);
    sum.connections++;
    sum.waitedMs = Math.max(sum.waitedMs, queuedMs);
    sum.tried.add(tried);
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
    if (this.#sums.size === 0) return;
    this.#say(` in the last ${formatDuration(this.#window)}`);
    this.#wait(Math.min(2 * this.#window, LONGEST_WINDOW_MS));
  }

  #say(when: string): void {
    for (const [cause, { connections, waitedMs, tried }] of this.#sums) {
      const failed = tried.sum(connections > 1);
      // Above all while a balancer that has just started waits for its first target (--start-hold).
      const waited = cause === "no-targets" && waitedMs > 0 ? `, also after ${waitText(waitedMs)} in the queue` : "";
      const text = `${counted(connections, "connection")} got no target${when}: ${reasonText(cause)}${waited}`;
      const before = cause === "connect-failed" ? ": " : "; tried before: ";
      this.#tell(failed.text === "" ? text : text + before + failed.text, {
        connections,
        cause,
        tried: failed.tried,
      });
    }
    this.#sums.clear();
  }
}

function waitText(ms: number): string {
  return ms < 1_000 ? `${Math.ceil(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
