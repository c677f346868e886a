/**
 * Into which ranges measured durations are sorted, so that millions of them take a few hundred bytes. Each range is named by its upper
 * bound, in ms; the last one has none.
 */

/** Steps within a power of ten: quantiles are then too high by a third on average, by two thirds at most. */
const FINE = [1, 1.5, 2.5, 4, 5, 7.5];
/** Those of them that metrics show: as many series as each histogram has are kept by whoever collects them. */
const COARSE = [1, 2.5, 5];

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

export class Scale {
  /** In ms, rising. What is above the last falls into one range more. */
  readonly bounds: Float64Array;
  /** The indexes of the bounds that metrics show. */
  readonly shown: readonly number[];

  constructor(bounds: readonly number[], shown: readonly number[]) {
    this.bounds = Float64Array.from(bounds);
    this.shown = shown.map((bound) => bounds.indexOf(bound));
  }

  get ranges(): number {
    return this.bounds.length + 1;
  }

  /** The range of that many ms: the first whose bound is not below it. */
  rangeOf(ms: number): number {
    const { bounds } = this;
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (bounds[middle]! < ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** What takes a fraction of a ms where all is near, and a minute at most: connecting, waiting in the queue, a first byte. */
export const WAITS = new Scale(decades(FINE, 0.1, MINUTE), decades(COARSE, 0.1, 10 * SECOND));

const SHORT = decades(COARSE, 1, 10 * SECOND);
const LONG = [30 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, 24 * HOUR];

/** From a request that is answered in a ms to a connection that stays for days. */
export const LIVES = new Scale([...SHORT, ...LONG], [...SHORT, ...LONG]);

/** Rounded, since a product such as 0.1 × 1.5 is not what it looks like. */
function decades(steps: readonly number[], from: number, to: number): number[] {
  const bounds: number[] = [];
  for (let decade = from; decade <= to; decade *= 10) {
    bounds.push(...steps.map((step) => Number((step * decade).toPrecision(3))).filter((bound) => bound <= to));
  }
  return bounds;
}
