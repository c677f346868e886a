/**
 * "A pick at 10,000 targets costs at most 3 times a pick at 10", counted instead of timed (`make bench-picks` takes the time):
 * how often a pick with its release reads or writes an element of the pool's memory.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Picker } from "../../src/pool/algorithms/algorithm.ts";
import { ConsistentHash } from "../../src/pool/algorithms/hash.ts";
import { LeastConnections } from "../../src/pool/algorithms/leastconn.ts";
import { TwoRandomChoices } from "../../src/pool/algorithms/random.ts";
import { RoundRobin } from "../../src/pool/algorithms/roundrobin.ts";
import { type Algorithm, Pool } from "../../src/pool/pool.ts";
import { Rows } from "../../src/pool/rows.ts";
import { type Memory, view } from "../../src/pool/table.ts";

const FEW = 10;
const MANY = 10_000;
const MOST = 3;
const PICKS = 2_000;
/** Connections open at any time. */
const OPEN = 100;
/** Of a worker thread: the pool's own is 0. */
const WORKER = 1;

const PICKERS: Readonly<Record<Algorithm, (memory: Memory) => Picker>> = {
  leastconn: (memory) => new LeastConnections(memory),
  roundrobin: (memory) => new RoundRobin(memory),
  random: (memory) => new TwoRandomChoices(memory),
  hash: (memory) => new ConsistentHash(memory, null),
};

const client = new Uint32Array(4);

/** Clients come in no order. */
function clientOf(n: number): Uint32Array {
  client[3] = Math.imul(n, 0x9e3779b1);
  return client;
}

/** The same memory with every access to an element counted, whoever makes it. */
function counted(memory: Memory, count: { accesses: number }): Memory {
  const isIndex = (name: string | symbol) => typeof name === "string" && /^\d+$/.test(name);
  const watch = (array: object): object =>
    new Proxy(array, {
      get(of, name) {
        if (isIndex(name)) count.accesses++;
        const value: unknown = Reflect.get(of, name, of);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          const result: unknown = value.apply(of, args);
          return ArrayBuffer.isView(result) ? watch(result) : result; // subarray()
        };
      },
      set(of, name, value) {
        if (isIndex(name)) count.accesses++;
        return Reflect.set(of, name, value, of);
      },
    });
  const fields = Object.entries(memory).map(([name, field]) => [
    name,
    ArrayBuffer.isView(field) ? watch(field) : field,
  ]);
  return Object.fromEntries(fields) as Memory;
}

/** Accesses per pick with its release: what the pool does between taking its lock and freeing it. */
function accessesPerPick(algorithm: Algorithm, targets: number): number {
  const options = { persistent: null, concurrency: -1, queue: 0, maxTargets: MANY, seed: 1 };
  const pool = Pool.create({ name: "cost", algorithm, ...options });
  for (let i = 0; i < targets; i++) {
    const address = { host: `10.0.${i >> 8}.${i & 255}`, port: 80 };
    pool.set({ identity: `target-${i}`, address, weight: 100 + (i % 7), maxConnections: 0 }, "up");
  }
  pool.release(pool.pick(clientOf(0), [], 0), client, 0, 0, 0); // now the hash has made its table
  const count = { accesses: 0 };
  const memory = counted(view(pool.shared.options, pool.shared.buffer), count);
  const picker = PICKERS[algorithm](memory);
  const rows = new Rows(memory, picker, WORKER);
  const pick = (n: number): number => {
    const row = picker.choose(clientOf(n), []);
    assert.ok(row >= 0);
    rows.take(row);
    return row;
  };
  const open = Array.from({ length: OPEN }, (_, n) => pick(n));
  count.accesses = 0;
  for (let n = 0; n < PICKS; n++) {
    rows.give(open[n % OPEN]!);
    open[n % OPEN] = pick(OPEN + n);
  }
  return count.accesses / PICKS;
}

describe(`a pick and its release among ${MANY} targets`, () => {
  for (const algorithm of Object.keys(PICKERS) as Algorithm[]) {
    it(`touches at most ${MOST} times the memory of one among ${FEW}: ${algorithm}`, () => {
      const [few, many] = [accessesPerPick(algorithm, FEW), accessesPerPick(algorithm, MANY)];
      assert.ok(few > 0);
      assert.ok(many <= MOST * few, `${many} accesses instead of ${few}`);
    });
  }
});
