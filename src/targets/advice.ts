/** Tells an operator, once each, what a pool does that its options may not have been meant to do. */
import type { TargetPool } from "./registry.ts";

export class Advice {
  readonly #warn: (message: string) => void;
  /** Pools of which it has been said that they give up bindings. */
  readonly #evicting = new Set<TargetPool>();

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /** To be called about once a second. */
  look(name: string, pool: TargetPool): void {
    if (pool.evictions === 0 || this.#evicting.has(pool)) return;
    this.#evicting.add(pool);
    this.#warn(
      `pool ${name}: more clients than --max-bindings are to be kept on their targets; those away for longest may get other ones`,
    );
  }
}
