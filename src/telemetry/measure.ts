/** How long something took: of all times for metrics, of the last minute for people. */
import { Histogram } from "./histogram.ts";
import type { Scale } from "./scale.ts";
import { type Quantiles, Window } from "./window.ts";

export class Measure {
  readonly histogram: Histogram;
  readonly #window: Window;

  constructor(scale: Scale) {
    this.histogram = new Histogram(scale);
    this.#window = new Window(scale);
  }

  add(slice: number, ms: number): void {
    const range = this.histogram.scale.rangeOf(ms);
    this.histogram.add(range, ms);
    this.#window.add(slice, range, ms);
  }

  /** See Window. */
  quantiles(slice: number, slices?: number): Quantiles | null {
    return this.#window.quantiles(slice, slices);
  }
}
