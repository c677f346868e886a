/** Bindings of other balancers to targets that are not known here yet, as when this one has just started: they wait for them. */
import type { BoundThere } from "./binding-batch.ts";

/** Bindings that wait: as many as another balancer writes down. */
const MOST = 100_000;

export class Homeless {
  readonly #heed: (there: BoundThere) => boolean;
  /** By pool and target, those that have waited for longest first. */
  readonly #waiting = new Map<string, BoundThere[]>();
  #count = 0;

  /** `heed`: false while there is no such target. */
  constructor(heed: (there: BoundThere) => boolean) {
    this.#heed = heed;
  }

  get size(): number {
    return this.#count;
  }

  add(there: BoundThere): void {
    const key = `${there.pool} ${there.target}`;
    const others = this.#waiting.get(key) ?? [];
    this.#waiting.set(key, [...others, there]);
    this.#count += there.clients.length;
    for (const [longest, all] of this.#waiting) {
      if (this.#count <= MOST) break;
      this.#drop(longest, all);
    }
  }

  look(): void {
    for (const [key, [first, ...others]] of this.#waiting) {
      if (!this.#heed(first!)) continue;
      for (const each of others) this.#heed(each);
      this.#drop(key, [first!, ...others]);
    }
  }

  #drop(key: string, all: readonly BoundThere[]): void {
    this.#waiting.delete(key);
    this.#count -= all.reduce((sum, { clients }) => sum + clients.length, 0);
  }
}
