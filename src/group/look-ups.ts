/**
 * Clients that wait until it is known what other balancers know of them. That is read as a whole, whoever they are: one reading does for all who
 * came before it began, those who come meanwhile have the next one, and the store has no more to do for many clients than for some. Nobody waits
 * for longer than the pool says, and nobody at all while nothing can be read, or the reading under way takes longer than that.
 */
import { type Cancel, type Clock, pass } from "../util/clock.ts";

/** ms from the beginning of one reading to that of the next, at least. */
export const LOOK_UP_MS = 2;

/** Where clients wait. */
export interface Lookers {
  /** Somebody waits, for `ms` at most; the first one since the last take(). */
  onWanted: (ms: number) => void;
  /** Some have gone on, and have their targets. */
  onServed: () => void;
  /**
   * Clients wait in pools that have them wait for longer than `ms`, and in no other: those there go on. To be told again when pools have come, or
   * other settings. Gives whether there are such pools.
   */
  open(ms: number): boolean;
  /** Of those who wait now: gives what has them go on. */
  take(): () => void;
}

export interface LookUpsOptions {
  readonly lookers: Lookers;
  readonly clock: Clock;
  /** Reads all that others have written until now. */
  readonly read: () => Promise<void>;
}

export class LookUps {
  /** How often all was read, and how often somebody went on before it was. */
  readonly counts = { done: 0, late: 0 };
  readonly #options: LookUpsOptions;
  /** A reading takes at least so many ms, as far as is known; infinite: it cannot be done. */
  #slowMs = Number.POSITIVE_INFINITY;
  #begunAt = Number.NEGATIVE_INFINITY;
  #isReading = false;
  #isRunning = false;
  /** The deadlines of those who wait for the next one. */
  #deadlines: Cancel[] = [];

  constructor(options: LookUpsOptions) {
    this.#options = options;
    options.lookers.onWanted = (ms) => this.#want(ms);
  }

  /** All that others have written could be read, or could not. */
  reached(isReached: boolean): void {
    this.#slowMs = isReached ? 0 : Number.POSITIVE_INFINITY;
    this.look();
  }

  /** Pools may have come, or other settings. Gives whether clients wait in any. */
  look(): boolean {
    return this.#options.lookers.open(this.#slowMs);
  }

  #want(ms: number): void {
    this.#deadlines.push(this.#options.clock.after(ms, () => this.#expire(ms)));
    if (!this.#isRunning) void this.#run();
  }

  /** Somebody has waited for so long. */
  #expire(ms: number): void {
    if (ms <= this.#slowMs) return; // and has gone on
    this.counts.late++;
    if (!this.#isReading) {
      this.#options.lookers.take()(); // it has not even begun
      return;
    }
    this.#slowMs = ms;
    this.look();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#deadlines.length > 0) await this.#lookUp();
    this.#isRunning = false;
  }

  async #lookUp(): Promise<void> {
    const { clock, lookers, read } = this.#options;
    const early = this.#begunAt + LOOK_UP_MS - clock.now();
    if (early > 0) await pass(clock, early);
    this.#begunAt = clock.now();
    this.#isReading = true;
    const deadlines = this.#deadlines.splice(0);
    const goOn = lookers.take();
    const isReached = await read().then(
      () => true,
      () => false, // what is wrong there is told by the group, which asks as well
    );
    this.#isReading = false;
    for (const cancel of deadlines) cancel();
    if (isReached) this.counts.done++;
    goOn();
    this.reached(isReached);
  }
}
