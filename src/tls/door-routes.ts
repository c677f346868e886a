/**
 * The routes from TLS threads into the engine: a number for each pool of a listener, which it keeps for as long as it is served there. A
 * client that a thread has received by a former service, or that is still agreeing on TLS, comes to the pool that it was led to then,
 * or to none if that is gone, and never to one that has taken the place of its route.
 */
import type { Pool } from "../pool/pool.ts";

/** As many as the engine is told with 16 bits. */
const MOST = 0x10000;

export class DoorRoutes {
  #pools: (Pool | null)[] = [];

  /** The numbers of these. What has been served stays. */
  numbersOf(pools: readonly Pool[]): number[] {
    return pools.map((pool) => {
      const known = this.#pools.indexOf(pool);
      if (known >= 0) return known;
      // A number that was another pool's comes round when its clients have long gone.
      const number = this.#pools.length < MOST ? this.#pools.length : this.#pools.indexOf(null);
      this.#pools[number] = pool;
      return number;
    });
  }

  /** Nothing but these from now on: pools by their numbers, null where one is gone. */
  keep(pools: readonly Pool[]): readonly (Pool | null)[] {
    this.#pools = this.#pools.map((pool) => (pool !== null && pools.includes(pool) ? pool : null));
    return this.#pools;
  }
}
