/**
 * Lets a simulated world go on by itself, so that a test can await what happens in it. Time moves when nothing is left to be done
 * at the present one, neither in the world nor in the test.
 */
import type { Time } from "../../../support/wait.ts";
import type { Scheduler } from "./scheduler.ts";

export class Pump {
  /** The world's time, for what waits in a test. */
  readonly time: Time;
  readonly #scheduler: Scheduler;
  /** What waits until everything else has gone first. */
  #turns: (() => void)[] = [];
  #stopped = false;

  constructor(scheduler: Scheduler) {
    const { clock } = scheduler.kernel;
    this.#scheduler = scheduler;
    this.time = {
      now: () => clock.now(),
      after: (ms, run) => clock.after(ms, run),
      turn: () => new Promise((resolve) => void this.#turns.push(resolve)),
    };
    this.#next();
  }

  stop(): void {
    this.#stopped = true;
  }

  /** A task of its own for each step: before the next one, the test has done all that it can. */
  #next(): void {
    setImmediate(() => {
      if (this.#stopped) return;
      this.#step();
      this.#next();
    });
  }

  #step(): void {
    if (this.#scheduler.step()) return;
    if (this.#turns.length === 0) this.#scheduler.skip();
    const turns = this.#turns;
    this.#turns = [];
    for (const go of turns) go();
  }
}
