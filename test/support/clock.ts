import type { Cancel, Clock } from "../../src/util/clock.ts";

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** A clock that stands still until a test moves it. Timers fire in order of time, ties in order of setting. */
export class ManualClock implements Clock {
  #now: number;
  #timers: Timer[] = [];

  constructor(now = 0) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): Cancel {
    const timer = { at: this.#now + Math.max(0, ms), run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** How many timers are set: 0 after a `close()` means nothing keeps the process alive. */
  get pending(): number {
    return this.#timers.length;
  }

  /** ms until the next timer, or null when none is set. */
  get next(): number | null {
    return this.#timers.length === 0 ? null : Math.min(...this.#timers.map((timer) => timer.at)) - this.#now;
  }

  /** Moves the time on and fires what falls due on the way, each at its own time. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= end);
      if (due.length === 0) break;
      const first = due.reduce((a, b) => (b.at < a.at ? b : a));
      this.#timers = this.#timers.filter((timer) => timer !== first);
      this.#now = first.at;
      first.run();
    }
    this.#now = end;
  }
}
