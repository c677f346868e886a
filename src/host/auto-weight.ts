/**
 * The weight that follows from what a machine has left:
 *
 *     weight = ceiling × min(1, headroom / AMPLE), but not below the floor
 *
 * It is a controller in a loop, since more weight brings more work, and that leaves less. Of two machines of size 1 that take load L between
 * them, one of which is busy with B besides, a deviation of the shares comes back with the factor -L / (2 - B - L): as more than itself as
 * soon as half of what B leaves is in use. Smoothed, so that a part `a` of a change is followed at a time, the loop settles while
 * a × (1 + L / (2 - B - L)) < 2; with the `a` of a falling headroom here, 0.28, up to six sevenths of all there is. Beyond, the floor ends it.
 */

/** What is left from which on the weight is whole: a machine that does next to nothing is as good as one that does nothing. */
const AMPLE = 0.9;
/** Intervals in which a deviation shrinks to a third. What falls makes clients wait soon; what rises has time. */
const FALL = 3;
const RISE = 8;
/** The part of the weight by which another one has to differ. */
const HYSTERESIS = 0.1;

export interface WeightRange {
  /** At least 1: a target without weight gets nothing, whatever the others have left. */
  readonly floor: number;
  readonly ceiling: number;
}

export class AutoWeight {
  readonly #range: WeightRange;
  #headroom: number | null = null;
  #weight: number;

  /** Begins at the floor: a machine that joins may be busy. */
  constructor(range: WeightRange) {
    this.#range = range;
    this.#weight = range.floor;
  }

  get weight(): number {
    return this.#weight;
  }

  /** What is left, 0…1, smoothed; null: nothing is known yet. */
  get headroom(): number | null {
    return this.#headroom;
  }

  /** `headroom`: 0…1, measured so many intervals after the one before. */
  note(headroom: number, intervals: number): void {
    const before = this.#headroom;
    this.#headroom = before === null ? headroom : smoothed(before, headroom, intervals);
    const { floor, ceiling } = this.#range;
    const wanted = Math.max(floor, Math.round(ceiling * Math.min(1, this.#headroom / AMPLE)));
    const isEnd = wanted === floor || wanted === ceiling;
    const isLarge = Math.abs(wanted - this.#weight) >= this.#weight * HYSTERESIS;
    if (before === null || isEnd || isLarge) this.#weight = wanted;
  }

  /** Nothing could be measured. What was known stays; where nothing ever was, the target is as good as any. */
  noteFailure(): void {
    if (this.#headroom === null) this.#weight = this.#range.ceiling;
  }
}

function smoothed(before: number, headroom: number, intervals: number): number {
  const slowness = headroom < before ? FALL : RISE;
  return before + (headroom - before) * (1 - Math.exp(-intervals / slowness));
}
