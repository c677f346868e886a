/**
 * How long something took in the last minute, in slices of which the oldest is given up for a new one. Slices are counted by whoever
 * owns the windows (`slice`, which only rises), so that one that nothing is added to costs nothing.
 */
import type { Scale } from "./scale.ts";

/** ms of a slice. */
export const SLICE_MS = 10_000;
/** The last minute, with the slice that has begun. */
const SLICES = 6;

export interface Quantiles {
  readonly count: number;
  /** ms: the upper bounds of the ranges that they fell into, but none above the greatest that was measured. */
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

export class Window {
  readonly #scale: Scale;
  readonly #counts: Uint32Array;
  readonly #most = new Float64Array(SLICES);
  /** Of each place, the slice that it has; 0: none yet. */
  readonly #slices = new Float64Array(SLICES);

  constructor(scale: Scale) {
    this.#scale = scale;
    this.#counts = new Uint32Array(SLICES * scale.ranges);
  }

  /** `range`: the scale's, of that many ms; `slice`: from 1. */
  add(slice: number, range: number, ms: number): void {
    const place = slice % SLICES;
    if (this.#slices[place] !== slice) this.#begin(place, slice);
    this.#counts[place * this.#scale.ranges + range]!++;
    if (ms > this.#most[place]!) this.#most[place] = ms;
  }

  /** Of that slice and those before it, `slices` together; null: there was nothing. */
  quantiles(slice: number, slices = SLICES): Quantiles | null {
    const { ranges } = this.#scale;
    const sums = new Float64Array(ranges);
    let count = 0;
    let max = 0;
    for (let place = 0; place < SLICES; place++) {
      const is = this.#slices[place]!;
      if (is === 0 || is > slice || is <= slice - slices) continue;
      max = Math.max(max, this.#most[place]!);
      for (let range = 0; range < ranges; range++) {
        const here = this.#counts[place * ranges + range]!;
        sums[range]! += here;
        count += here;
      }
    }
    if (count === 0) return null;
    const at = (part: number) => Math.min(max, this.#bound(sums, Math.ceil(part * count)));
    return { count, p50: at(0.5), p90: at(0.9), p99: at(0.99), max };
  }

  #begin(place: number, slice: number): void {
    const { ranges } = this.#scale;
    this.#counts.fill(0, place * ranges, (place + 1) * ranges);
    this.#most[place] = 0;
    this.#slices[place] = slice;
  }

  /** Of the range that the nth falls into, from 1. */
  #bound(sums: Float64Array, nth: number): number {
    let range = 0;
    for (let seen = sums[0]!; seen < nth; seen += sums[range]!) range++;
    return this.#scale.bounds[range] ?? Number.POSITIVE_INFINITY;
  }
}
