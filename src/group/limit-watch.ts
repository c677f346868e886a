/** Tells of pools whose limit is another one at another balancer: the smallest counts, and nobody would know which that is. */
import { firstOf } from "../util/counted.ts";

/** ms for which they have to differ in the same way: where all are reloaded, one is before the other. */
const STAYS_MS = 5_000;
/** Balancers that are named. */
const MOST_NAMED = 5;

/** Another balancer's. */
export interface OtherLimit {
  readonly by: string;
  readonly limit: number;
}

interface Difference {
  readonly text: string;
  readonly since: number;
  isTold: boolean;
}

export class LimitWatch {
  readonly #onWarning: (message: string) => void;
  /** By pool. */
  readonly #differences = new Map<string, Difference>();

  constructor(onWarning: (message: string) => void) {
    this.#onWarning = onWarning;
  }

  /** What all balancers say of a pool just now. Each way in which they differ is told once, and again when it has been another one. */
  look(pool: string, limit: number, others: readonly OtherLimit[], now: number): void {
    const text = textOf(pool, limit, others);
    const known = this.#differences.get(pool);
    if (text === null) this.#differences.delete(pool);
    else if (text !== known?.text) this.#differences.set(pool, { text, since: now, isTold: false });
    else if (!known.isTold && now - known.since >= STAYS_MS) {
      known.isTold = true;
      this.#onWarning(text);
    }
  }

  /** There is no such pool here any more, or it has no limit. */
  forget(pool: string): void {
    this.#differences.delete(pool);
  }
}

/** null: they do not differ. */
function textOf(pool: string, limit: number, others: readonly OtherLimit[]): string | null {
  const different = others.filter((other) => other.limit !== limit).sort((a, b) => (a.by < b.by ? -1 : 1));
  if (different.length === 0) return null;
  const named = different.map((other) => `${other.limit} at ${other.by}`);
  const least = Math.min(limit, ...different.map((other) => other.limit));
  return `the concurrency of pool "${pool}" is ${limit} here, and ${firstOf(named, MOST_NAMED)}: the smallest counts for the whole group, ${least}`;
}
