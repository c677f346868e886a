/** How long something took, of all times since the start: what metrics show. */
import type { Scale } from "./scale.ts";

export class Histogram {
  readonly scale: Scale;
  /** By range. Doubles: 32 bits are full after weeks. */
  readonly counts: Float64Array;
  /** ms. */
  sum = 0;

  constructor(scale: Scale) {
    this.scale = scale;
    this.counts = new Float64Array(scale.ranges);
  }

  /** `range`: the scale's, of that many ms. */
  add(range: number, ms: number): void {
    this.counts[range]!++;
    this.sum += ms;
  }
}
