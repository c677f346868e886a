import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Address } from "../../src/net/runtime.ts";
import { NO_TARGET, Pool } from "../../src/pool/pool.ts";
import { ALGORITHMS, addTarget, client, makePool, pickName } from "./helpers.ts";

describe("a target's row", () => {
  it("is not given to another identity while connections count on it", () => {
    const pool = makePool({ maxTargets: 1 });
    addTarget(pool, "a");
    const row = pool.pick(client(0), [], 0);
    assert.equal(pool.remove("a"), true);
    assert.equal(pool.remove("a"), false);
    assert.deepEqual([pool.size, pool.targets().length, pool.view("a")?.active], [0, 0, 1]);
    assert.throws(() => addTarget(pool, "b"), /pool "test" is full: at most 1 targets/);
    assert.equal(pickName(pool), NO_TARGET);
    pool.release(row, client(0), 10, 20, 1);
    assert.equal(pool.view("a"), undefined);
    assert.equal(pool.identity(row), "a", "the log of that connection may still want its name");
    addTarget(pool, "b");
    assert.deepEqual([pool.view("b")?.total, pool.view("b")?.bytesIn, pool.size], [0, 0, 1]);
  });

  it("is its again, counters and all, when the identity returns in time", () => {
    const pool = makePool();
    addTarget(pool, "a");
    const row = pool.pick(client(0), [], 0);
    pool.connected(row, 7);
    pool.remove("a");
    addTarget(pool, "a", { weight: 7 });
    const { active, total, weight, state } = pool.view("a")!;
    assert.deepEqual({ active, total, weight, state }, { active: 1, total: 1, weight: 7, state: "up" });
    assert.equal(pool.size, 1);
  });

  it("counts connections, failures, bytes and connect time", () => {
    const pool = makePool();
    addTarget(pool, "a");
    assert.equal(pool.view("a")?.connectMs, null);
    const row = pool.pick(client(0), [], 0);
    pool.connected(row, 8);
    pool.addBytes(row, 100, 1000);
    pool.release(row, client(0), 1, 2, 1);
    pool.connected(pool.pick(client(1), [], 1), 16);
    pool.failed(pool.pick(client(2), [], 1), 1);
    const { address: _, ...view } = pool.view("a")!;
    assert.deepEqual(view, {
      identity: "a",
      weight: 500,
      maxConnections: 0,
      state: "suspect",
      active: 1,
      total: 2,
      failures: 1,
      bytesIn: 101,
      bytesOut: 1002,
      connectMs: 9,
    });
  });

  it("cannot be released more often than picked", () => {
    const pool = makePool();
    addTarget(pool, "a");
    const row = pool.pick(client(0), [], 0);
    pool.release(row, client(0), 0, 0, 0);
    assert.throws(() => pool.release(row, client(0), 0, 0, 0), /no connection on it/);
    assert.equal(pool.view("a")?.active, 0);
  });
});

describe("suspicion", () => {
  it("comes with a failure; reports do not lift it, probes, connections and a new address do", () => {
    const pool = makePool();
    const suspects = () => pool.suspects().map((target) => target.identity);
    const fail = () => pool.failed(pool.pick(client(0), [], 0), 0);
    addTarget(pool, "a");
    fail();
    assert.deepEqual(suspects(), ["a"]);
    addTarget(pool, "a");
    assert.deepEqual(suspects(), ["a"]);
    pool.setState("a", "up");
    assert.deepEqual(suspects(), []);
    fail();
    pool.connected(pool.pick(client(0), [], 0), 1);
    assert.deepEqual(suspects(), []);
    fail();
    addTarget(pool, "a", { port: 81 });
    assert.deepEqual(suspects(), []);
    fail();
    addTarget(pool, "a", { state: "draining", port: 81 });
    assert.equal(pool.view("a")?.state, "draining");
  });

  for (const algorithm of ALGORITHMS) {
    it(`${algorithm}: a dead target is tried once, then the others, then whoever failed longest ago`, () => {
      const pool = makePool({ algorithm });
      for (const name of ["a", "b", "c"]) addTarget(pool, name);
      const tried: number[] = [];
      for (let now = 1; now <= 3; now++) {
        const row = pool.pick(client(0), tried, now);
        assert.ok(row >= 0 && !tried.includes(row));
        pool.failed(row, now);
        tried.push(row);
      }
      assert.equal(pool.pick(client(0), tried, 4), NO_TARGET);
      assert.equal(pool.pick(client(0), [], 4), tried[0]);
      assert.equal(pool.pick(client(0), [tried[0]!], 4), tried[1]);
    });
  }
});

describe("eligibility", () => {
  for (const algorithm of ALGORITHMS) {
    it(`${algorithm}: weight 0, draining and down get nothing, a full one no more`, () => {
      const pool = makePool({ algorithm });
      addTarget(pool, "zero", { weight: 0 });
      addTarget(pool, "draining", { state: "draining" });
      addTarget(pool, "down", { state: "down" });
      addTarget(pool, "small", { max: 3 });
      addTarget(pool, "rest", { weight: 1 });
      for (let i = 0; i < 1000; i++) assert.ok(pool.pick(client(i), [], i) >= 0);
      assert.deepEqual(
        pool.targets().map((target) => [target.identity, target.active]),
        [
          ["zero", 0],
          ["draining", 0],
          ["down", 0],
          ["small", 3],
          ["rest", 997],
        ],
      );
    });

    it(`${algorithm}: a target that comes while the tree grows is found`, () => {
      const pool = makePool({ algorithm, maxTargets: 600 });
      for (let i = 0; i < 600; i++) {
        addTarget(pool, `t${i}`);
        if (i > 0) pool.setState(`t${i - 1}`, "down");
        assert.equal(pickName(pool, client(i)), `t${i}`);
      }
    });
  }
});

describe("addresses", () => {
  const cases: [string, Address, number, (bytes: Uint8Array) => void][] = [
    [
      "IPv4",
      { host: "192.0.2.1", port: 8080 },
      4,
      (bytes) => assert.deepEqual([...bytes.subarray(0, 18)], [192, 0, 2, 1, ...Array(12).fill(0), 0x1f, 0x90]),
    ],
    [
      "IPv6",
      { host: "2001:db8::1", port: 1 },
      6,
      (bytes) =>
        assert.deepEqual([...bytes.subarray(0, 22)], [0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 1, 0, 1, 0, 0, 0, 0]),
    ],
    [
      "IPv6 with a scope",
      { host: "fe80::1%7", port: 65535 },
      6,
      (bytes) => assert.deepEqual([...bytes.subarray(15, 22)], [1, 255, 255, 0, 0, 0, 7]),
    ],
    [
      "Unix",
      { path: `/run/${"x".repeat(102)}` },
      1,
      (bytes) => assert.equal(new TextDecoder().decode(bytes), `/run/${"x".repeat(102)}\0`),
    ],
  ];
  for (const [what, address, kind, check] of cases) {
    it(`${what}: as text and in binary, followed when they change`, () => {
      const pool = makePool();
      addTarget(pool, "t");
      const row = pool.pick(client(0), [], 0);
      const bytes = new Uint8Array(108);
      assert.deepEqual(pool.address(row), { host: "10.0.0.1", port: 80 });
      assert.equal(pool.rowAddress(row, bytes), 4);
      pool.set({ identity: "t", address, weight: 1, maxConnections: 0 }, "up");
      assert.deepEqual(pool.address(row), address);
      assert.deepEqual(pool.view("t")?.address, address);
      assert.equal(pool.rowAddress(row, bytes), kind);
      check(bytes);
    });
  }

  it("leave nothing behind for the next one", () => {
    const pool = makePool();
    const row = () => pool.pick(client(0), [], 0);
    const sequence: Address[] = [
      { path: "/run/a-long-name-of-a-socket" },
      { path: "/run/short" },
      { host: "fe80::1%11", port: 80 },
      { host: "fe80::1", port: 80 },
    ];
    for (const address of sequence) {
      pool.set({ identity: "t", address, weight: 1, maxConnections: 0 }, "up");
      assert.deepEqual(pool.address(row()), address);
    }
  });

  it("bad ones change nothing", () => {
    const pool = makePool();
    addTarget(pool, "t");
    const bad: Address[] = [
      { host: "example.org", port: 80 },
      { host: "10.0.0.1", port: 0 },
      { host: "10.0.0.1", port: 65_536 },
      { path: "" },
      { path: "x".repeat(108) },
      { path: "a\0b" },
    ];
    for (const address of bad) {
      assert.throws(() => pool.set({ identity: "t", address, weight: 1, maxConnections: 0 }, "up"), RangeError);
    }
    assert.deepEqual([pool.view("t")?.address, pool.view("t")?.weight], [{ host: "10.0.0.1", port: 80 }, 500]);
  });
});

describe("bad values", () => {
  it("name the option, what was given and what is allowed", () => {
    assert.throws(() => makePool({ concurrency: -2 }), /concurrency -2: a whole number from -1/);
    assert.throws(() => makePool({ queue: 1.5 }), /queue 1.5/);
    assert.throws(() => makePool({ maxTargets: 0 }), /maxTargets 0/);
    assert.throws(() => makePool({ persistent: 0 }), /persistent 0/);
    assert.throws(() => makePool({ algorithm: "best" as "hash" }), /algorithm "best": leastconn/);
    assert.throws(() => makePool().setConcurrency(-2), /concurrency -2/);
    assert.throws(() => addTarget(makePool(), "t", { weight: 1_000_001 }), /weight 1000001 of target "t"/);
    assert.throws(() => addTarget(makePool(), "t", { max: -1 }), /maxConnections -1/);
    assert.throws(() => Pool.attach(makePool().shared, 0), /worker 0/);
    assert.throws(() => Pool.attach(makePool().shared, 1).targets(), /creator's thread/);
  });
});
