import assert from "node:assert/strict";
import { it } from "node:test";
import { Pool, type PoolOptions } from "../../src/pool/pool.ts";

const OPTIONS: PoolOptions = { name: "test", algorithm: "leastconn", persistent: null, concurrency: -1, queue: 1 };

for (const [name, least, most] of [
  ["queue", 0, 1 << 24],
  ["concurrency", -1, 2 ** 31 - 1],
  ["maxTargets", 1, 100_000],
  ["maxBindings", 8, 1 << 24],
  ["seed", 0, Number.MAX_SAFE_INTEGER],
] as const) {
  it(`a pool's ${name} is a whole number from ${least} to ${most}`, () => {
    for (const value of [least - 1, most + 1, least + 0.5, Number.NaN]) {
      assert.throws(() => Pool.create({ ...OPTIONS, [name]: value }), {
        name: "RangeError",
        message: `${name} ${value}: a whole number from ${least} to ${most} is allowed`,
      });
    }
    assert.equal(Pool.create({ ...OPTIONS, [name]: least }).options[name], least);
    // The largest targets and queues take gigabytes.
    if (name === "concurrency" || name === "seed") Pool.create({ ...OPTIONS, [name]: most });
  });
}

it("a pool's bindings last for some time, or there are none", () => {
  for (const persistent of [0, -1, Number.NaN]) {
    assert.throws(() => Pool.create({ ...OPTIONS, persistent }), /milliseconds above 0 or null is allowed/);
  }
  for (const persistent of [0.5, null])
    assert.equal(Pool.create({ ...OPTIONS, persistent }).options.persistent, persistent);
});

it("a pool's seed is a random whole number of 53 bits, unless one is given", () => {
  const seeds = Array.from({ length: 64 }, () => Pool.create({ ...OPTIONS, maxTargets: 8 }).options.seed);
  assert.equal(new Set(seeds).size, seeds.length);
  for (const seed of seeds) assert.ok(Number.isSafeInteger(seed) && seed >= 0, `${seed}`);
  // Each of the bits is set in some of them, and in some it is not: one in 2^58 fails.
  for (let bit = 0; bit < 53; bit++) {
    const set = seeds.filter((seed) => Math.floor(seed / 2 ** bit) % 2 === 1);
    assert.ok(set.length > 0 && set.length < seeds.length, `bit ${bit}`);
  }
  assert.equal(Pool.create({ ...OPTIONS, seed: 7 }).options.seed, 7);
});
