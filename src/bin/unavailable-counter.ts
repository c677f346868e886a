import { clearTimeout, setTimeout } from "node:timers"; // the global ones have no unref() on every runtime
import type { EndCause } from "../proxy/outcome.ts";
import { counted } from "./log.ts";

/** ms that are summed up in one line, so that an outage does not flood the log. */
const WINDOW_MS = 1_000;

const MEANING: Partial<Record<EndCause, string>> = {
  "no-targets": "no target is up",
  "connect-failed": "every target tried failed to connect",
  "queue-full": "the queue was full",
  "queue-timeout": "they waited too long in the queue",
  stopping: "the balancer is stopping",
};

/** Sums up the connections that got no target: the first is logged at once, those in the window after it together. */
export class UnavailableCounter {
  readonly #tell: (text: string, facts: Readonly<Record<string, unknown>>) => void;
  readonly #counts = new Map<EndCause, number>();
  #timer: NodeJS.Timeout | null = null;

  constructor(tell: (text: string, facts: Readonly<Record<string, unknown>>) => void) {
    this.#tell = tell;
  }

  count(cause: EndCause): void {
    this.#counts.set(cause, (this.#counts.get(cause) ?? 0) + 1);
    if (this.#timer !== null) return;
    this.#say();
    this.#timer = setTimeout(() => this.flush(), WINDOW_MS);
    this.#timer.unref();
  }

  /** Logs what has not been logged yet. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#say();
  }

  #say(): void {
    for (const [cause, connections] of this.#counts) {
      this.#tell(`${counted(connections, "connection")} got no target: ${MEANING[cause] ?? cause}`, {
        connections,
        cause,
      });
    }
    this.#counts.clear();
  }
}
