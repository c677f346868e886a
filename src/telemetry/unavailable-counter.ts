import { DEFAULT_POOL } from "../config/settings.ts";
import type { EndCause } from "../proxy/outcome.ts";
import type { CloseRecord } from "../proxy/record.ts";
import { reasonText } from "../proxy/unavailable.ts";
import { type Cancel, type Clock, systemClock } from "../util/clock.ts";
import { counted } from "../util/counted.ts";
import { formatDuration, inSeconds } from "../util/durations.ts";
import { TriedCounter, type TriedSum } from "./tried-counter.ts";

/** ms that are summed up in a line: twice as long after each such line, so that an outage does not flood the log. */
const SHORTEST_WINDOW_MS = 1_000;
const LONGEST_WINDOW_MS = 60_000;

/** Connections of one pool that got no target, for one reason. */
export interface UnavailableFacts {
  readonly pool: string;
  readonly connections: number;
  readonly cause: EndCause;
  /** The targets that failed them, those first that failed most. */
  readonly tried: TriedSum["tried"];
}

type Tell = (text: string, facts: UnavailableFacts) => void;

/** Connections that got no target for the same reason. */
interface Sum {
  connections: number;
  /** ms in the queue, of the one that was there for longest. */
  waitedMs: number;
  readonly tried: TriedCounter;
}

/**
 * Sums up the connections that got no target, of each pool by itself: the first is logged at once, those in the window after it
 * together, and so on for as long as there are any. A window without one ends the outage.
 */
export class UnavailableCounter {
  readonly #tell: Tell;
  readonly #clock: Clock;
  /** By pool. */
  readonly #outages = new Map<string, Outage>();

  constructor(tell: Tell, clock: Clock = systemClock) {
    this.#tell = tell;
    this.#clock = clock;
  }

  count(record: Counted): void {
    const { pool } = record;
    const outage =
      this.#outages.get(pool) ?? new Outage(pool, this.#tell, this.#clock, () => this.#outages.delete(pool));
    this.#outages.set(pool, outage);
    outage.count(record);
  }

  /** Logs what has not been logged yet, and sets no timer. */
  flush(): void {
    for (const outage of this.#outages.values()) outage.flush();
    this.#outages.clear();
  }
}

type Counted = Pick<CloseRecord, "pool" | "cause" | "queuedMs" | "tried">;

/** Of one pool. */
class Outage {
  readonly #pool: string;
  readonly #tell: Tell;
  readonly #clock: Clock;
  readonly #onOver: () => void;
  readonly #sums = new Map<EndCause, Sum>();
  #window = SHORTEST_WINDOW_MS;
  /** Of the window, but before the first connection. */
  #cancel: Cancel | null = null;

  constructor(pool: string, tell: Tell, clock: Clock, onOver: () => void) {
    this.#pool = pool;
    this.#tell = tell;
    this.#clock = clock;
    this.#onOver = onOver;
  }

  count({ cause, queuedMs, tried }: Counted): void {
    const sum = this.#sums.get(cause) ?? { connections: 0, waitedMs: 0, tried: new TriedCounter() };
    this.#sums.set(cause, sum);
    sum.connections++;
    sum.waitedMs = Math.max(sum.waitedMs, queuedMs);
    sum.tried.add(tried);
    if (this.#cancel !== null) return;
    this.#say("");
    this.#wait(SHORTEST_WINDOW_MS);
  }

  flush(): void {
    this.#cancel?.();
    this.#say("");
  }

  #wait(window: number): void {
    this.#window = window;
    this.#cancel = this.#clock.after(window, () => this.#windowOver());
  }

  #windowOver(): void {
    if (this.#sums.size === 0) this.#onOver();
    else {
      this.#say(` in the last ${formatDuration(this.#window)}`);
      this.#wait(Math.min(2 * this.#window, LONGEST_WINDOW_MS));
    }
  }

  #say(when: string): void {
    const where = this.#pool === DEFAULT_POOL ? "" : ` in pool ${this.#pool}`;
    for (const [cause, { connections, waitedMs, tried }] of this.#sums) {
      const failed = tried.sum(connections > 1);
      // Above all while a balancer that has just started waits for its first target (--start-hold).
      const waited = cause === "no-targets" && waitedMs > 0 ? `, also after ${waitText(waitedMs)} in the queue` : "";
      const text = `${counted(connections, "connection")} got no target${where}${when}: ${reasonText(cause)}${waited}`;
      const before = cause === "connect-failed" ? ": " : "; tried before: ";
      this.#tell(failed.text === "" ? text : text + before + failed.text, {
        pool: this.#pool,
        connections,
        cause,
        tried: failed.tried,
      });
    }
    this.#sums.clear();
  }
}

function waitText(ms: number): string {
  return ms < 1_000 ? `${Math.ceil(ms)} ms` : inSeconds(ms);
}
