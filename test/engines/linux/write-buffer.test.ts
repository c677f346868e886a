import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as abi from "../../../src/engines/linux/sys/abi.ts";
import { WriteBufferPool } from "../../../src/engines/linux/worker/write-buffer.ts";
import { SimulatedKernel } from "../../support/kernel/kernel.ts";
import { simulatedLibc } from "../../support/kernel/simulated-libc.ts";

const BYTES = 8_192;
const KEPT = 8;

function setUp() {
  const kernel = new SimulatedKernel();
  const libc = simulatedLibc(kernel);
  const pool = new WriteBufferPool(libc, BYTES);
  const keep = (count: number) => Array.from({ length: count }, (_, i) => pool.keep(new Uint8Array(100).fill(i + 1)));
  /** Given back since the last time, in buffers. */
  let seen = 0;
  const givenBack = () => {
    const count = (kernel.givenBack - seen) / BYTES;
    seen = kernel.givenBack;
    return count;
  };
  /** As long as there is something to give back; returns for how long, in ms. */
  const idle = (from: number) => {
    let now = from;
    while (pool.giveBackAt !== Number.POSITIVE_INFINITY) {
      now = pool.giveBackAt;
      pool.giveBack(now);
    }
    return now - from;
  };
  return { kernel, libc, pool, keep, givenBack, idle };
}

describe("write buffers", () => {
  it("give back what is free for a while, but for a few", () => {
    const { pool, keep, givenBack, idle } = setUp();
    for (const number of keep(20)) pool.drop(number, 1_000);
    assert.equal(pool.giveBackAt, 2_000);
    assert.equal(idle(1_000), 2_000, "within so many ms");
    assert.equal(givenBack(), 20 - KEPT);
  });

  it("keep what was needed meanwhile", () => {
    const { libc, pool, keep, givenBack, idle } = setUp();
    for (const number of keep(20)) pool.drop(number, 1_000);
    const used = keep(15);
    pool.giveBack(2_000);
    assert.equal(givenBack(), 0);
    for (const number of used) pool.drop(number, 2_500);
    const held = keep(5);
    idle(2_500);
    assert.equal(givenBack(), 15 - KEPT);
    for (const number of held) assert.equal(pool.length(number), 100);
    const [read, write] = pipe(libc);
    for (const [i, number] of held.entries()) {
      libc.write(write, pool.start(number), 1);
      const one = libc.alloc(1);
      libc.read(read, one.at(0), 1);
      assert.equal(one.bytes[0], i + 1, "what it holds is not given back");
    }
  });

  it("give back once, until they are used again", () => {
    const { pool, keep, givenBack, idle } = setUp();
    for (const number of keep(20)) pool.drop(number, 0);
    idle(0);
    for (const number of keep(KEPT)) pool.drop(number, 1_500); // those that were kept
    assert.equal(pool.giveBackAt, Number.POSITIVE_INFINITY);
    assert.equal(givenBack(), 12);
    for (const number of keep(10)) pool.drop(number, 2_000); // and two of the others
    idle(2_000);
    assert.equal(givenBack(), 2);
  });

  it("drop all that stand behind each other", () => {
    const { kernel, libc, pool } = setUp();
    const [read, write] = pipe(libc);
    const bytes = libc.alloc(3 * BYTES);
    assert.equal(libc.write(write, bytes.at(0), 3 * BYTES), 3 * BYTES);
    const first = pool.keepFrom(read, 2 * BYTES + 10);
    assert.equal(pool.length(first), BYTES);
    pool.drop(first, 0);
    const { allocated } = kernel;
    for (let i = 0; i < 3; i++) pool.keep(new Uint8Array(10));
    assert.equal(kernel.allocated, allocated, "each of them is free again");
    pool.keep(new Uint8Array(10));
    assert.equal(kernel.allocated, allocated + BYTES, "once");
  });
});

function pipe(libc: ReturnType<typeof simulatedLibc>): [number, number] {
  const ends = libc.alloc(8);
  assert.equal(libc.pipe2(ends.at(0), abi.O_NONBLOCK), 0);
  const [read, write] = new Int32Array(ends.bytes.buffer);
  return [read!, write!];
}
