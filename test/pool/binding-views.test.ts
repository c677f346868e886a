import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Pool } from "../../src/pool/pool.ts";
import { clientKey } from "../../src/util/client-key.ts";

const IDLE = 1_000;

function poolOf(persistent: number | null = IDLE): Pool {
  const pool = Pool.create({ name: "p", algorithm: "leastconn", persistent, concurrency: -1, queue: 0 });
  pool.set({ identity: "p/a", address: { host: "10.0.0.1", port: 1 }, weight: 1, maxConnections: 0 }, "up");
  return pool;
}

function connect(pool: Pool, host: string, now: number) {
  const client = clientKey(host, new Uint32Array(4));
  const row = pool.pick(client, [], now);
  return () => pool.release(row, client, 0, 0, now);
}

describe("what is seen of sticky bindings", () => {
  it("is each of them once, with what its client has open", () => {
    const pool = poolOf();
    const hosts = Array.from({ length: 3_000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
    for (const [i, host] of hosts.entries()) {
      const close = connect(pool, host, 100);
      if (i % 2 === 0) close();
    }
    const views = [...pool.bindingViews(() => 150)];
    assert.deepEqual(views.map(({ client }) => client).sort(), [...hosts].sort());
    assert.equal(views.filter(({ active }) => active === 1).length, 1_500);
    for (const { active, idleMs, row } of views) {
      assert.equal(idleMs, active > 0 ? 0 : 50);
      assert.equal(pool.identity(row), "p/a");
    }
    assert.equal([...pool.bindingViews(() => 100 + IDLE)].length, 1_500, "what has expired is none");
  });

  it("is a network of IPv6, and no row where the target's is another one's", () => {
    const pool = poolOf();
    connect(pool, "2001:db8:1:2:3::4", 0)();
    pool.remove("p/a");
    pool.set({ identity: "p/b", address: { host: "10.0.0.2", port: 1 }, weight: 1, maxConnections: 0 }, "up");
    assert.deepEqual(
      [...pool.bindingViews(() => 10)],
      [{ client: "2001:db8:1:2::/64", row: -1, active: 0, idleMs: 10, isShared: false }],
    );
  });

  it("ends in peace while the table grows, moves or goes", () => {
    const pool = poolOf();
    for (let i = 0; i < 100; i++) connect(pool, `10.1.0.${i}`, 0)();
    const views = pool.bindingViews(() => 1);
    views.next();
    for (let i = 0; i < 2_000; i++) connect(pool, `10.2.${i >> 8}.${i & 255}`, 0)();
    pool.change({ maxBindings: 4_000 });
    const seen = new Set([...views].map(({ client }) => client));
    assert.ok(seen.size > 1_900);
    const others = pool.bindingViews(() => 1);
    others.next();
    pool.change({ persistent: null });
    assert.ok([...others].length < 8, "no more than was read before");
    assert.deepEqual([...poolOf(null).bindingViews(() => 1)], []);
  });
});
