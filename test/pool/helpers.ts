import assert from "node:assert/strict";
import type { Algorithm } from "../../src/pool/algorithms/algorithm.ts";
import type { PoolLayout } from "../../src/pool/layout.ts";
import { layoutOf, pickersOf } from "../../src/pool/memory.ts";
import { type ClientKey, Pool, type PoolHandle, type PoolOptions, type TargetState } from "../../src/pool/pool.ts";

/** A pool for tests: no persistence, no limit, a fixed seed. */
export function makePool(options: Partial<PoolOptions> = {}): Pool {
  return Pool.create({
    name: "test",
    algorithm: "leastconn",
    persistent: null,
    concurrency: -1,
    queue: 100,
    maxTargets: 64,
    seed: 42,
    ...options,
  });
}

export function addTarget(
  pool: Pool,
  identity: string,
  { weight = 500, max = 0, priority = 0, backup = false, state = "up" as TargetState, port = 80 } = {},
): void {
  pool.set({ identity, address: { host: "10.0.0.1", port }, weight, maxConnections: max, priority, backup }, state);
}

/** The key of 10.x.y.z for the n-th client. */
export function client(n: number): ClientKey {
  return Uint32Array.of(0, 0, 0xffff, (10 << 24) + n);
}

/** Picks and names the target: identity, or the negative result. */
export function pickName(pool: Pool, key: ClientKey = client(0), tried: number[] = [], now = 0): string | number {
  const row = pool.pick(key, tried, now);
  return row < 0 ? row : pool.identity(row);
}

/** The memory of a pool with this algorithm, past all methods. */
export function memoryOf<Own>(
  handle: PoolHandle,
  algorithm: Algorithm<string, Own>,
): { readonly layout: PoolLayout; readonly own: Own } {
  assert.equal(handle.options.algorithm, algorithm.name);
  return { layout: layoutOf(handle), own: pickersOf(handle).own[0] as Own };
}
