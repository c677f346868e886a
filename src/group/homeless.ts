/** Bindings of other balancers to targets that are not known here yet, as when this one has just started: they wait for them. */
import type { BoundThere } from "./binding-batch.ts";

/** Bindings that wait, more than can be read before the first client comes: some 40 MB for that time. A target with none counts as one. */
const MOST = 300_000;
/** The share that stays of more: each look for the oldest one steps over all that have gone before it. */
const KEPT = 0.9;

export class Homeless {
  readonly #heed: (there: BoundThere) => boolean;
  readonly #most: number;
  /** By pool and target, those that have waited for longest first. */
  readonly #waiting = new Map<string, BoundThere[]>();
  #count = 0;

  /** `heed`: false while there is no such target. */
  constructor(heed: (there: BoundThere) => boolean, most = MOST) {
    this.#heed = heed;
    this.#most = most;
  }

  add(there: BoundThere): void {
    const key = `${there.pool} ${there.target}`;
    const others = this.#waiting.get(key);
    if (others === undefined) this.#waiting.set(key, [there]);
    else others.push(there);
    this.#count += sizeOf(there);
    if (this.#count <= this.#most) return;
    for (const [longest, all] of this.#waiting) {
      if (this.#count <= KEPT * this.#most) break;
      this.#drop(longest, all);
    }
  }

  look(): void {
    for (const [key, all] of this.#waiting) {
      if (!this.#heed(all[0]!)) continue;
      for (const each of all.slice(1)) this.#heed(each);
      this.#drop(key, all);
    }
  }

  #drop(key: string, all: readonly BoundThere[]): void {
    this.#waiting.delete(key);
    this.#count -= all.reduce((sum, there) => sum + sizeOf(there), 0);
  }
}

/** Others than Harmony may write there. */
function sizeOf({ clients }: BoundThere): number {
  return Math.max(1, clients.length);
}
