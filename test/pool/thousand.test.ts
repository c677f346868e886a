/** A balancer of a thousand services: what their pools cost before anybody uses them, and when all are used. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { Pool, SharedPool } from "../../src/pool/pool.ts";
import { addTarget, client } from "./helpers.ts";

const POOLS = 1_000;
/** Of the 100 MB that such a balancer may take, listeners and all; about 50 of them are used. */
const MOST_MIB = 80;

function create(n: number): Pool {
  const options = { algorithm: "leastconn", persistent: null, concurrency: -1, queue: 1024 } as const;
  const pool = Pool.create({ name: `p${n}`, ...options });
  for (let i = 0; i < 2; i++) addTarget(pool, `p${n}/t${i}`, { port: 1 + i });
  return pool;
}

/** A connection of that thread, from its coming to its end. */
function serve(pool: Pool, worker: number): void {
  const thread = SharedPool.attach(pool.handle, worker);
  thread.enter(1);
  const row = thread.pick(client(worker), [], 1);
  thread.connected(row, 1);
  thread.release(row, client(worker), 1, 1, 2);
  thread.leave();
}

it(`${POOLS} pools, each with targets, and connections in two threads, take less than ${MOST_MIB} MiB`, () => {
  for (let n = 0; n < 50; n++) serve(create(n), 1); // what the code takes is not counted
  const before = process.memoryUsage().rss;
  const pools = Array.from({ length: POOLS }, (_, n) => create(n));
  for (const pool of pools) for (const worker of [1, 2]) serve(pool, worker);
  const taken = (process.memoryUsage().rss - before) / 2 ** 20;
  assert.equal(pools.filter((pool) => pool.targets().every(({ total }) => total === 1)).length, POOLS);
  assert.ok(taken < MOST_MIB, `${taken} MiB`);
});
