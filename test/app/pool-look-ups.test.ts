/** Which pools have clients wait, for how long, and who is told. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PoolLookUps } from "../../src/app/pool-look-ups.ts";
import { type Pool, SharedPool } from "../../src/pool/pool.ts";
import { addTarget, client, makePool } from "../pool/helpers.ts";

function world(settings: Record<string, number | null>) {
  const given = { ...settings };
  const pools = new Map(Object.keys(settings).map((name) => [name, makePool({ name, persistent: 60_000 })]));
  for (const pool of pools.values()) addTarget(pool, "a");
  const told: string[] = [];
  const lookUps = new PoolLookUps({
    pools,
    settingsOf: (name) => ({ persistentShared: given[name]! }),
    engine: { lookedUp: (pool: Pool) => void told.push(`through ${pool.options.name}`) },
  });
  lookUps.onWanted = (ms) => void told.push(`wanted ${ms}`);
  lookUps.onServed = () => void told.push("served");
  const waits = () => Object.fromEntries([...pools].map(([name, pool]) => [name, pool.lookUps.ms]));
  return { given, pools, told, lookUps, waits };
}

describe("the look-ups of pools", () => {
  it("are for those that are told so, and have more time than it takes", () => {
    const { lookUps, waits, given } = world({ a: null, b: 0, c: 5, d: 50 });
    assert.equal(lookUps.open(0), true);
    assert.deepEqual(waits(), { a: 0, b: 0, c: 5, d: 50 });
    assert.equal(lookUps.open(5), true);
    assert.deepEqual(waits(), { a: 0, b: 0, c: 0, d: 50 });
    assert.equal(lookUps.open(Number.POSITIVE_INFINITY), false);
    assert.deepEqual(waits(), { a: 0, b: 0, c: 0, d: 0 });
    given.a = 7;
    given.d = 0;
    lookUps.open(0);
    assert.deepEqual(waits(), { a: 7, b: 0, c: 5, d: 0 });
  });

  it("have those go on who came before, and tell engines whose do", () => {
    const { lookUps, pools, told } = world({ a: 5, b: 50 });
    lookUps.open(0);
    const [a, b] = [pools.get("a")!, pools.get("b")!];
    const first = a.lookUps.want(client(1), 0);
    assert.deepEqual(told.splice(0), ["wanted 5"]);
    const goOn = lookUps.take();
    const second = a.lookUps.want(client(2), 0);
    const other = b.lookUps.want(client(1), 0);
    assert.deepEqual(told.splice(0), ["wanted 5", "wanted 50"]);
    goOn();
    assert.deepEqual(told.splice(0), ["through a"]);
    assert.deepEqual(
      [a.lookUps.isDone(first), a.lookUps.isDone(second), b.lookUps.isDone(other)],
      [true, false, false],
    );
    lookUps.open(Number.POSITIVE_INFINITY);
    assert.deepEqual(told.splice(0), ["through a", "through b"]);
    assert.ok(a.lookUps.isDone(second) && b.lookUps.isDone(other));
  });

  it("have those go on alone whose pools have them wait for no longer, where that is asked for", () => {
    const { lookUps, pools } = world({ a: 5, b: 50 });
    lookUps.open(0);
    const [a, b] = [pools.get("a")!.lookUps, pools.get("b")!.lookUps];
    const numbers = [a.want(client(1), 0), b.want(client(1), 0)] as const;
    const areDone = () => [a.isDone(numbers[0]), b.isDone(numbers[1])];
    const goOn = lookUps.take();
    goOn(5);
    assert.deepEqual(areDone(), [true, false]);
    goOn();
    assert.deepEqual(areDone(), [true, true]);
    const [later, other] = [a.want(client(2), 0), b.want(client(2), 0)];
    lookUps.take(5)();
    assert.deepEqual([a.isDone(later), b.isDone(other), b.isWanted], [true, false, true]);
  });

  it("are begun for those of a thread that has died before it could say so", () => {
    const { lookUps, pools, told } = world({ a: 5 });
    lookUps.open(0);
    const pool = pools.get("a")!;
    SharedPool.attach(pool.handle, 1).lookUps.want(client(1), 0);
    pool.recover(1);
    pool.lookUps.want(client(2), 0);
    assert.deepEqual(told, []);
    lookUps.open(0);
    assert.deepEqual(told.splice(0), ["wanted 5"]);
    lookUps.take()();
    lookUps.open(0);
    assert.deepEqual(told, ["through a"]);
  });
});
