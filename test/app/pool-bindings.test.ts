/** Which pools share their sticky bindings, and what of others' is taken. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PoolBindings } from "../../src/app/pool-bindings.ts";
import { clientKey } from "../../src/util/client-key.ts";
import { addTarget, makePool } from "../pool/helpers.ts";

const IDLE = 60_000;
const WALL = 1_700_000_000_000;

function world(settings: { persistent: number | null; persistentShared: number | null }) {
  const pool = makePool({ persistent: IDLE });
  addTarget(pool, "p/a");
  const given = { ...settings };
  const book = new PoolBindings({
    pools: new Map([["p", pool]]),
    settingsOf: () => given,
    engine: { now: () => 1_000 },
    wallClock: () => WALL,
  });
  return { pool, book, given };
}

const ON = { persistent: IDLE, persistentShared: 0 };
const there = (client: string, at = WALL - 500) => ({ pool: "p", target: "p/a", clients: [[client, at, at]] as const });

describe("a pool's bindings, as the others of a group know them", () => {
  it("are told by the names that all balancers use, and by the wall clock", () => {
    const { pool, book } = world(ON);
    book.take(0, 100); // from here on they are noted
    for (const [n, host] of ["192.0.2.7", "2001:db8:1:2:3::4", "fe80::1"].entries()) {
      pool.pick(clientKey(host, new Uint32Array(4)), [], 600 + n);
      pool.release(0, clientKey(host, new Uint32Array(4)), 0, 0, 600 + n);
    }
    const found = book.take(0, 100);
    assert.deepEqual(
      found.map(({ client, at }) => [client, at]),
      [
        ["192.0.2.7", WALL - 400],
        ["2001:db8:1:2::/64", WALL - 399],
        ["fe80::1", WALL - 398],
      ],
    );
    assert.deepEqual(
      new Set(found.map(({ target, pool: of, at, until }) => `${of} ${target} ${until - at}`)),
      new Set([`p p/a ${IDLE}`]),
    );
  });

  it("of others are taken by the same names, but not what is no client, or of a target that is not known", () => {
    const { pool, book } = world(ON);
    assert.equal(book.heed(there("192.0.2.7")), 1);
    assert.equal(book.heed(there("2001:db8:1:2::/64")), 1);
    assert.equal(book.heed(there("nobody")), 0);
    assert.equal(book.heed(there("192.0.2.8", WALL - IDLE)), 0, "it has expired");
    assert.equal(book.heed({ ...there("192.0.2.7"), target: "p/b" }), null);
    assert.equal(book.heed({ ...there("192.0.2.7"), pool: "q" }), null);
    const views = [...pool.bindingViews(() => 1_000)].map(({ client, idleMs, isShared }) => [client, idleMs, isShared]);
    assert.deepEqual(views.sort(), [
      ["192.0.2.7", 500, true],
      ["2001:db8:1:2::/64", 500, true],
    ]);
  });

  it("of others are no own ones, though they come before anything was asked of the pool", () => {
    const { pool, book } = world(ON);
    const clients = Array.from(
      { length: 500 },
      (_, n) => [`10.1.${n >> 8}.${n & 255}`, WALL - 500, WALL - 500] as const,
    );
    assert.equal(book.heed({ ...there(""), clients }), 500);
    assert.deepEqual(book.take(IDLE, 1_000), []);
    assert.equal([...pool.bindingViews(() => 1_000)].filter(({ isShared }) => isShared).length, 500);
  });

  it("are its own where it does not share them, also from a reload on", () => {
    const { pool, book, given } = world(ON);
    book.take(0, 100);
    given.persistentShared = null;
    pool.pick(clientKey("192.0.2.7", new Uint32Array(4)), [], 600);
    assert.deepEqual(book.take(IDLE, 100), []);
    assert.equal(pool.exchange.isOn, false);
    assert.equal(book.heed(there("192.0.2.8")), 0);
    given.persistentShared = 0;
    book.take(0, 100);
    const found = book.take(IDLE, 100).map(({ client }) => client);
    assert.deepEqual(found, ["192.0.2.7"], "what was bound meanwhile is found");
  });
});
