/** The last hour of a pool in steps of ten seconds: 30 kB, and nothing before anything has happened in it. */
import { SLICE_MS } from "./window.ts";

/** ms of a step. */
export const STEP_MS = SLICE_MS;
const STEPS = 3_600_000 / STEP_MS;

export const SERIES = [
  "active",
  "waiting",
  "connections",
  "failures",
  "unavailable",
  "bytesIn",
  "bytesOut",
  "connectP50",
  "connectP99",
  "targetsUp",
] as const;
export type SeriesName = (typeof SERIES)[number];

/** What is known at the end of a step; null: nothing was measured. */
export type Step = { readonly [K in SeriesName]: number | null };

/** The step of a pool that nobody uses. */
const NOTHING: Step = {
  active: 0,
  waiting: 0,
  connections: 0,
  failures: 0,
  unavailable: 0,
  bytesIn: 0,
  bytesOut: 0,
  connectP50: null,
  connectP99: null,
  targetsUp: 0,
};

export class History {
  /** null: there was nothing but NOTHING, so that a thousand pools that nobody uses take no memory for it. */
  #steps: ReadonlyMap<SeriesName, Float64Array> | null = null;
  #count = 0;

  /** `step` null: nothing is known of that time. */
  add(step: Step | null): void {
    const place = this.#count++ % STEPS;
    if (this.#steps === null && step !== null && isNothing(step)) return;
    this.#steps ??= new Map(SERIES.map((name) => [name, new Float64Array(STEPS).fill(NOTHING[name] ?? Number.NaN)]));
    for (const [name, values] of this.#steps) values[place] = step?.[name] ?? Number.NaN;
  }

  /** The oldest first; as many of each. */
  get series(): Record<SeriesName, (number | null)[]> {
    const first = Math.max(0, this.#count - STEPS);
    const valueAt = (name: SeriesName, step: number) =>
      this.#steps === null ? NOTHING[name] : known(this.#steps.get(name)![step % STEPS]!);
    const inOrder = (name: SeriesName) =>
      Array.from({ length: this.#count - first }, (_, i) => valueAt(name, first + i));
    return Object.fromEntries(SERIES.map((name) => [name, inOrder(name)])) as Record<SeriesName, (number | null)[]>;
  }
}

function isNothing(step: Step): boolean {
  return SERIES.every((name) => step[name] === NOTHING[name]);
}

function known(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
