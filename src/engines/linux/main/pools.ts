/** The pools that an engine serves, as the main thread has them: which numbers they have, and what the workers are told of each. */
import type { Pool, PoolHandle } from "../../../pool/pool.ts";
import { lifecycleOptions } from "../../../proxy/options.ts";
import type { ServedPool } from "../../engine.ts";
import type { PoolData, PoolTerms } from "../shared/orders.ts";
import { Numbered } from "./numbered.ts";

export class PoolEntry {
  readonly number: number;
  served: ServedPool;
  /** As far as workers have been told: it is ahead of the pool's while that moves. */
  handle: PoolHandle;
  /** The shortest time that `removePool()` was given; null: it is not being removed. */
  stopWithin: number | null = null;
  removal: Promise<void> | null = null;
  /** Workers are told to forget it, and those that start are not told of it. */
  isForgotten = false;

  constructor(number: number, served: ServedPool) {
    this.number = number;
    this.served = served;
    this.handle = served.pool.handle;
  }

  get data(): PoolData {
    const { handle, number, served, stopWithin } = this;
    return { number, handle, terms: termsOf(served), stopWithin };
  }
}

export class Pools implements Iterable<PoolEntry> {
  readonly #entries = new Numbered<PoolEntry>();
  readonly #byPool = new Map<Pool, PoolEntry>();

  add(served: ServedPool): PoolEntry {
    const { pool } = served;
    if (this.#byPool.has(pool)) throw new Error(`the pool "${pool.options.name}" is served already`);
    const entry = this.#entries.add((number) => new PoolEntry(number, served));
    this.#byPool.set(pool, entry);
    return entry;
  }

  find(pool: Pool): PoolEntry | undefined {
    return this.#byPool.get(pool);
  }

  /** One that is not being removed. Throws where there is none: its caller has mixed something up. */
  get(pool: Pool): PoolEntry {
    const entry = this.#byPool.get(pool);
    if (entry !== undefined && entry.removal === null) return entry;
    throw new Error(`the pool "${pool.options.name}" is not served, or is being removed`);
  }

  byNumber(number: number): PoolEntry | undefined {
    return this.#entries.get(number);
  }

  /** No worker knows it any more. */
  remove({ number, served }: PoolEntry): void {
    this.#entries.free(number);
    this.#byPool.delete(served.pool);
  }

  [Symbol.iterator](): Iterator<PoolEntry> {
    return this.#entries[Symbol.iterator]();
  }
}

function termsOf(served: ServedPool): PoolTerms {
  const { keepalive, sendProxy, sockets, targetTls, unavailable } = served;
  return {
    ...lifecycleOptions(served),
    text: unavailable instanceof Uint8Array ? unavailable : null,
    handled: typeof unavailable === "function",
    keepalive,
    sockets,
    sendProxy,
    targetTls,
  };
}
