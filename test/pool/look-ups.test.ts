/** Clients that wait for what other balancers know of them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LOOK_UPS_BEGUN, LOOK_UPS_DONE, LOOK_UPS_WANTED } from "../../src/pool/header.ts";
import { layoutOf } from "../../src/pool/memory.ts";
import { SharedPool } from "../../src/pool/pool.ts";
import { amount } from "../support/amount.ts";
import fc from "../support/draws.ts";
import { addTarget, client, makePool } from "./helpers.ts";

const NOBODY = new Uint32Array(4);

function lookedUpPool() {
  const pool = makePool({ persistent: 1_000 });
  for (const name of ["a", "b"]) addTarget(pool, name);
  pool.lookUps.ms = 5;
  return pool;
}

describe("a client", () => {
  it("is looked up where it has no binding to a target that serves, and has an address", () => {
    const pool = lookedUpPool();
    const isWanted = (n: number, now = 0) => pool.lookUps.want(client(n), now) >= 0;
    assert.ok(isWanted(1));
    const row = pool.pick(client(1), [], 0);
    assert.ok(!isWanted(1), "it is here");
    pool.setState(pool.identity(row), "down");
    assert.ok(isWanted(1), "its target takes it no more");
    pool.setState(pool.identity(row), "up");
    pool.release(row, client(1), 0, 0, 0);
    assert.ok(!isWanted(1, 999));
    assert.ok(isWanted(1, 1_000), "its binding has expired");
    assert.equal(pool.lookUps.want(NOBODY, 0), -1);
    pool.lookUps.ms = 0;
    assert.ok(!isWanted(2), "nobody is");
    const none = makePool({ persistent: null });
    none.lookUps.ms = 5;
    assert.equal(none.lookUps.want(client(1), 0), -1, "there are no bindings");
  });

  it("has the creator told of it that comes first after looking up has begun, and no other", () => {
    const pool = lookedUpPool();
    let told = 0;
    pool.lookUps.onWanted = () => void told++;
    const thread = SharedPool.attach(pool.handle, 1);
    let ofThread = 0;
    thread.lookUps.onWanted = () => void ofThread++;
    for (const each of [pool, thread, pool]) each.lookUps.want(client(1), 0);
    assert.deepEqual([told, ofThread, pool.lookUps.isWanted], [1, 0, true]);
    pool.lookUps.begin();
    assert.equal(pool.lookUps.isWanted, false);
    for (const each of [thread, thread, pool]) each.lookUps.want(client(1), 0);
    assert.deepEqual([told, ofThread], [1, 1]);
  });

  it("goes on in any thread when that is done, and when nobody is looked up any more, also in other memory", () => {
    const pool = lookedUpPool();
    let { handle } = pool;
    pool.onMove = (moved) => {
      handle = moved;
    };
    const thread = SharedPool.attach(handle, 1, () => handle);
    const [first, second] = [thread.lookUps.want(client(1), 0), pool.lookUps.want(client(2), 0)];
    const last = pool.lookUps.begin();
    const third = thread.lookUps.want(client(3), 0);
    pool.change({ maxTargets: 1_000 });
    const areThrough = () => [first, second, third].map((number) => thread.lookUps.isDone(number));
    assert.deepEqual(areThrough(), [false, false, false]);
    assert.equal(pool.lookUps.done(last), true);
    assert.deepEqual(areThrough(), [true, true, false]);
    assert.equal(pool.lookUps.done(last), false);
    pool.lookUps.ms = 0;
    assert.deepEqual(areThrough(), [true, true, true]);
  });

  it("that comes later goes on later, also where numbers begin anew", () => {
    const step = fc.constantFrom("wants", "begins", "ends");
    fc.assert(
      fc.property(fc.constantFrom(0, 0x7fff_fffa, 0x3fff_fffa), fc.array(step, { maxLength: 60 }), (from, steps) => {
        const pool = lookedUpPool();
        const { header } = layoutOf(pool.handle);
        for (const word of [LOOK_UPS_WANTED, LOOK_UPS_BEGUN, LOOK_UPS_DONE]) header[word] = from;
        const wanted: number[] = [];
        const begun: { last: number; count: number }[] = [];
        let done = 0;
        for (const each of steps) {
          if (each === "wants") wanted.push(pool.lookUps.want(client(1), 0));
          else if (each === "begins") begun.push({ last: pool.lookUps.begin(), count: wanted.length });
          else {
            const ended = begun.pop(); // also one that others have overtaken
            if (ended === undefined) continue;
            assert.equal(pool.lookUps.done(ended.last), ended.count > done);
            done = Math.max(done, ended.count);
          }
          assert.deepEqual(
            wanted.map((number) => pool.lookUps.isDone(number)),
            wanted.map((_, n) => n < done),
          );
        }
      }),
      { numRuns: amount(200) },
    );
  });
});
