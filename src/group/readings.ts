/**
 * Clients that wait until it is known what other balancers know of them. That is read as a whole, whoever they are: one reading does for all who
 * came before it began, those who come meanwhile have the next one, and the store has no more to do for many clients than for some. Nobody waits
 * for longer than the pool says, and nobody at all while nothing can be read, or the reading under way takes longer than that.
 */
import { type Cancel, type Clock, pass } from "../util/clock.ts";

/** ms from the beginning of one reading to that of the next, at least. */
export const READING_MS = 2;

/** Has those go on who wait for a reading, in pools that have them wait for `atMost` ms; left out: in all. */
export type GoOn = (atMost?: number) => void;

/** Where clients wait. */
export interface Lookers {
  /** Somebody waits, for `ms` at most; told at least for the first one since the last take(). */
  onWanted: (ms: number) => void;
  /** Some have gone on, and have their targets. */
  onServed: () => void;
  /**
   * Clients wait in pools that have them wait for longer than `ms`, and in no other: those there go on. To be told again when pools have come, or
   * other settings. Gives whether there are such pools.
   */
  open(ms: number): boolean;
  /** Of those who wait now, in pools that have them wait for `atMost` ms; left out: in all. */
  take(atMost?: number): GoOn;
}

export interface ReadingsOptions {
  readonly lookers: Lookers;
  readonly clock: Clock;
  /** Reads all that others have written until now. False: not all of it, as that is too much, or takes too long. */
  readonly read: () => Promise<boolean>;
}

/** Of those who wait for one reading, by the ms that they wait at most. */
type Deadlines = Map<number, Cancel>;

export class Readings {
  /** How often all was read, how often it could not be, and how often clients of a pool went on together before it was, as the first one's time was over. */
  readonly counts = { done: 0, failed: 0, late: 0 };
  readonly #options: ReadingsOptions;
  /** A reading takes at least so many ms, as far as is known; infinite: it cannot be done. */
  #slowMs = Number.POSITIVE_INFINITY;
  #begunAt = Number.NEGATIVE_INFINITY;
  /** Of the reading under way; null: there is none. */
  #goOn: GoOn | null = null;
  #isRunning = false;
  #isOver = false;
  /** Of those who wait for the next one. */
  #deadlines: Deadlines = new Map();

  constructor(options: ReadingsOptions) {
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
    return this.#options.lookers.open(this.#isOver ? Number.POSITIVE_INFINITY : this.#slowMs);
  }

  /** Nobody waits from now on, whatever becomes of the reading under way. */
  end(): void {
    this.#isOver = true;
    cancelAll(this.#deadlines);
    this.look();
  }

  #want(ms: number): void {
    const deadlines = this.#deadlines;
    if (deadlines.has(ms)) return; // that of somebody who came earlier
    const meanwhile = this.#goOn;
    const cancel = this.#options.clock.after(ms, () => {
      deadlines.delete(ms);
      this.#expire(ms, meanwhile);
    });
    deadlines.set(ms, cancel);
    if (!this.#isRunning) void this.#run();
  }

  /** Somebody has waited for so long, who came while that reading was under way. */
  #expire(ms: number, meanwhile: GoOn | null): void {
    if (ms <= this.#slowMs) return; // and has gone on
    this.counts.late++;
    if (this.#goOn === null) {
      this.#options.lookers.take(ms)(); // the reading has not even begun
    } else if (this.#goOn === meanwhile || this.#options.clock.now() >= this.#begunAt + ms) {
      this.#slowMs = ms;
      this.look();
    } else {
      this.#goOn(ms); // it may have waited for another one before this
    }
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#deadlines.size > 0) await this.#readOnce();
    this.#isRunning = false;
  }

  async #readOnce(): Promise<void> {
    const { clock, lookers, read } = this.#options;
    const early = this.#begunAt + READING_MS - clock.now();
    if (early > 0) await pass(clock, early);
    this.#begunAt = clock.now();
    const deadlines = this.#deadlines;
    this.#deadlines = new Map();
    const goOn = lookers.take();
    this.#goOn = goOn;
    const isReached = await read().catch(() => false); // what is wrong there is told by the group, which asks as well
    this.#goOn = null;
    cancelAll(deadlines);
    this.counts[isReached ? "done" : "failed"]++;
    goOn();
    this.reached(isReached);
  }
}

function cancelAll(deadlines: Deadlines): void {
  for (const cancel of deadlines.values()) cancel();
  deadlines.clear();
}
