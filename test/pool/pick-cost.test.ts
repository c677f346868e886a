/**
 * "A pick at 10,000 targets costs at most 3 times a pick at 10", counted instead of timed (`make bench-picks` takes the time):
 * how often a pick with its release reads or writes an element of the pool's memory.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findAlgorithm } from "../../src/pool/algorithms/index.ts";
import { OPEN } from "../../src/pool/header.ts";
import { ALGORITHM_NAMES, type AlgorithmName, Pool } from "../../src/pool/pool.ts";
import { Rows } from "../../src/pool/rows.ts";
import { memoryOf } from "./helpers.ts";

const FEW = 10;
const MANY = 10_000;
const MOST = 3;
const PICKS = 2_000;
/** Connections open at any time. */
const AT_A_TIME = 100;
/** Of a worker thread: the pool's own is 0. */
const WORKER = 1;

const client = new Uint32Array(4);

/** In no order, as clients come. */
function clientOf(n: number): Uint32Array {
  client[3] = Math.imul(n, 0x9e3779b1);
  return client;
}

/** The same memory with every access to an element counted, from any class. */
function counted<M extends object>(memory: M, count: { accesses: number }): M {
  const watch = (array: object): object =>
    new Proxy(array, {
      get(of, name) {
        if (isIndex(name)) count.accesses++;
        const value: unknown = Reflect.get(of, name, of);
        return typeof value === "function" ? value.bind(of) : value;
      },
      set(of, name, value) {
        if (isIndex(name)) count.accesses++;
        return Reflect.set(of, name, value, of);
      },
    });
  const wrap = (field: unknown): unknown => {
    if (ArrayBuffer.isView(field)) return watch(field);
    if (Array.isArray(field)) return field.map(wrap);
    if (typeof field !== "object" || field === null) return field;
    return Object.fromEntries(Object.entries(field).map(([name, each]) => [name, wrap(each)]));
  };
  return wrap(memory) as M;
}

function isIndex(name: string | symbol): boolean {
  return typeof name === "string" && /^\d+$/.test(name);
}

/** Accesses per pick with its release: what the pool does between taking its lock and freeing it. */
function accessesPerPick(name: AlgorithmName, targets: number): number {
  const options = { persistent: null, concurrency: -1, queue: 0, maxTargets: MANY, seed: 1 };
  const pool = Pool.create({ name: "cost", algorithm: name, ...options });
  for (let i = 0; i < targets; i++) {
    const address = { host: `10.0.${i >> 8}.${i & 255}`, port: 80 };
    pool.set({ identity: `target-${i}`, address, weight: 100 + (i % 7), maxConnections: 0 }, "up");
  }
  pool.release(pool.pick(clientOf(0), [], 0), client, 0, 0, 0); // now what an algorithm prepares is there
  const count = { accesses: 0 };
  const algorithm = findAlgorithm(name)!;
  const { layout, own } = counted(memoryOf(pool.handle, algorithm), count);
  const picker = algorithm.create({ layout, takes: OPEN, seed: options.seed, lock: null }, own);
  const rows = new Rows(layout, [picker, picker], WORKER, true);
  const pick = (n: number): number => {
    const row = picker.pick(clientOf(n), [], n);
    assert.ok(row >= 0);
    rows.addConnection(row);
    return row;
  };
  const open = Array.from({ length: AT_A_TIME }, (_, n) => pick(n));
  count.accesses = 0;
  for (let n = 0; n < PICKS; n++) {
    rows.removeConnection(open[n % AT_A_TIME]!);
    open[n % AT_A_TIME] = pick(AT_A_TIME + n);
  }
  return count.accesses / PICKS;
}

describe(`a pick and its release among ${MANY} targets`, () => {
  for (const algorithm of ALGORITHM_NAMES) {
    it(`touches at most ${MOST} times the memory of one among ${FEW}: ${algorithm}`, () => {
      const [few, many] = [accessesPerPick(algorithm, FEW), accessesPerPick(algorithm, MANY)];
      assert.ok(few > 0);
      assert.ok(many <= MOST * few, `${many} accesses instead of ${few}`);
    });
  }
});
