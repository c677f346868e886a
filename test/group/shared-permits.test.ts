/** A pool's `concurrency` over all balancers: never more than that, and as much of it as clients want. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SharedPermits } from "../../src/group/shared-permits.ts";
import { TTL_MS } from "../../src/group/times.ts";
import { ManualClock } from "../support/clock.ts";
import { GroupMemory } from "../support/group-store.ts";
import { LEASE, type PlayedBalancer, PlayedGroup } from "./played-permits.ts";

/** ms in which permits move to where they are wanted. */
const MOVED = 1_000;
/** ms after which a client that was turned away is not waited for any more. */
const WANTED = 2_500;
/** ms after which an empty store gives anybody something. */
const FOUNDED = TTL_MS + 1_500;

function shares({ balancers }: PlayedGroup): number[] {
  return balancers.filter(({ isAlive }) => isAlive).map(({ active }) => active);
}

async function founded(limit: number, size: number, queue?: number): Promise<PlayedGroup> {
  const group = new PlayedGroup(limit, queue);
  for (let n = 0; n < size; n++) group.start();
  await group.pass(FOUNDED);
  return group;
}

/** Three balancers, of which the first hangs while clients of it are served, and a store that has forgotten everything since then. */
async function hanging() {
  const group = await founded(10, 3);
  const [first, second, third] = group.balancers as [PlayedBalancer, PlayedBalancer, PlayedBalancer];
  first.come(4);
  await group.pass(MOVED);
  first.hang();
  group.memory.clear();
  return { group, first, second, third };
}

describe("permits of a pool, over a group", () => {
  it("a balancer that is alone has all of them, once an empty store has been given the time of a word", async () => {
    const group = new PlayedGroup(10);
    const only = group.start();
    only.come(20);
    await group.pass(TTL_MS - 500);
    assert.equal(only.active, 0, "others may be there, and have yet to say what they hold");
    await group.pass(1_500);
    assert.equal(only.active, 10);
    group.end();
  });

  it("clients that wait everywhere get the same everywhere, and all permits are used", async () => {
    const group = await founded(10, 3);
    for (const each of group.balancers) each.come(50);
    await group.pass(MOVED);
    assert.deepEqual(shares(group).sort(), [3, 3, 4]);
    // Each connection that ends is followed by another one, and nothing moves for it.
    let least = 10;
    await group.pass(10_000, () => {
      least = Math.min(least, group.open);
      for (const each of group.balancers) each.next();
    });
    assert.equal(least, 10);
    assert.equal(group.most, 10);
    group.end();
  });

  it("they go to where clients are", async () => {
    const group = await founded(10, 3);
    const [first, second] = group.balancers;
    for (const each of [first!, second!]) {
      each.come(20);
      await group.pass(MOVED);
      assert.equal(each.active, 10);
      each.go(10, false);
      each.go(10, false);
    }
    assert.equal(group.most, 10);
    group.end();
  });

  it("one that is in use moves when its connection has ended", async () => {
    const group = await founded(4, 2);
    const [first, second] = group.balancers;
    first!.come(4);
    await group.pass(MOVED);
    second!.come(4);
    await group.pass(MOVED);
    assert.deepEqual(shares(group), [4, 0]);
    first!.go(1);
    await group.pass(MOVED);
    assert.deepEqual(shares(group), [3, 1]);
    assert.equal(group.most, 4);
    group.end();
  });

  it("where no client can wait, each keeps one for the next", async () => {
    const group = await founded(10, 3, 0);
    const [first, second] = group.balancers;
    await group.pass(2 * MOVED, () => first!.come(1));
    assert.equal(first!.active, 8);
    second!.come(1);
    assert.equal(second!.active, 1);
    group.end();
  });

  it("where there are fewer than balancers, and no client can wait, one goes to where a client was turned away", async () => {
    const group = await founded(2, 3, 0);
    const parts = () => group.balancers.map(({ part }) => part);
    const without = group.balancers.find(({ part }) => part === 0)!;
    without.come(1);
    assert.equal(without.refused, 1);
    await group.pass(MOVED);
    without.come(1);
    assert.equal(without.active, 1);
    await group.pass(WANTED);
    without.go(1);
    const [before, { hints }] = [parts(), group.memory.counts];
    await group.pass(LEASE);
    assert.deepEqual(parts(), before, "nobody is turned away");
    assert.equal(group.memory.counts.hints, hints);
    for (const each of group.balancers) {
      await group.pass(MOVED, () => each.come(1));
      assert.equal(each.active, 2);
      await group.pass(WANTED);
      each.go(2);
    }
    assert.equal(group.most, 2);
    group.end();
  });

  for (const queue of [0, 1_000])
    it(`are had by turns where clients wait everywhere, or are turned away, and there are fewer than balancers (queue ${queue})`, async () => {
      const group = await founded(2, 3, queue);
      const served = group.balancers.map(() => 0);
      for (const each of group.balancers) each.come(50);
      await group.pass(30_000, () => {
        for (const [i, each] of group.balancers.entries()) {
          served[i]! += each.active;
          each.next();
        }
      });
      const all = served.reduce((sum, each) => sum + each, 0);
      assert.ok(all > 0.8 * 2 * 600 && served.every((each) => each > all / 4), `${served}`);
      assert.ok(group.most <= 2, `${group.most}`);
      group.end();
    });

  it("and to and fro where clients come everywhere, so that all are served by turns", async () => {
    const group = await founded(2, 3, 0);
    let step = 0;
    const served = group.balancers.map(() => 0);
    await group.pass(30_000, () => {
      step++;
      for (const [i, each] of group.balancers.entries()) {
        each.go(each.active);
        if ((step + 2 * i) % 6 !== 0) continue;
        each.come(1);
        served[i]! += each.active;
      }
    });
    for (const times of served) assert.ok(times > 45, `${served} of 100 each`);
    assert.ok(group.most <= 2, `${group.most}`);
    group.end();
  });

  it("a newcomer gets its part at once where the group is there already", async () => {
    const group = await founded(10, 1);
    const late = group.start();
    late.come(5);
    await group.pass(500);
    assert.equal(late.active, 5);
    group.end();
  });

  it("those of one that is gone come back after its lease; of one that has said so, at once", async () => {
    const group = await founded(9, 3);
    const [first, second, third] = group.balancers;
    for (const each of group.balancers) each.come(20);
    await group.pass(MOVED);
    first!.kill();
    await group.pass(LEASE);
    assert.deepEqual(shares(group), [3, 3]);
    await group.pass(TTL_MS + MOVED);
    assert.equal(group.open, 9);
    second!.isLeaving = true;
    await second!.close();
    await group.pass(MOVED);
    assert.equal(third!.active, 9);
    group.end();
  });

  it("of two limits the smaller one holds, and what is open stays", async () => {
    const group = await founded(10, 2);
    const [first, second] = group.balancers;
    for (const each of group.balancers) each.come(20);
    await group.pass(MOVED);
    first!.limit(6);
    await group.pass(MOVED);
    assert.equal(second!.permits.least("p"), 6);
    assert.equal(group.open, 10);
    await group.pass(MOVED, () => {
      for (const each of group.balancers) each.next();
    });
    assert.equal(group.open, 6);
    second!.limit(6);
    first!.limit(20);
    second!.limit(20);
    await group.pass(MOVED);
    assert.equal(group.open, 20);
    group.end();
  });

  it("limits that differ for some seconds are told at each balancer, once until they differ in another way", async () => {
    const group = await founded(10, 3);
    const [first, second, third] = group.balancers;
    const told = () => group.balancers.map(({ warnings }) => warnings.splice(0));
    const text = (here: number, others: string, least: number) => [
      `the concurrency of pool "p" is ${here} here, and ${others}: the smallest counts for the whole group, ${least}`,
    ];
    for (const each of [first!, second!, third!]) {
      each.limit(8);
      await group.pass(MOVED);
    }
    await group.pass(LEASE);
    assert.deepEqual(told(), [[], [], []], "they were reloaded one after the other");
    third!.limit(4);
    await group.pass(LEASE);
    assert.deepEqual(told(), [text(8, "4 at b2", 4), text(8, "4 at b2", 4), text(4, "8 at b0, 8 at b1", 4)]);
    await group.pass(LEASE);
    assert.deepEqual(told(), [[], [], []]);
    third!.limit(6);
    await group.pass(LEASE);
    assert.equal(told().flat().length, 3);
    third!.limit(8);
    await group.pass(LEASE);
    assert.deepEqual(told(), [[], [], []]);
    third!.limit(6);
    await group.pass(LEASE);
    assert.equal(told().flat().length, 3);
    group.end();
  });

  it("what is open at one that is paused counts until it has ended, and its limit is nobody else's", async () => {
    const group = await founded(10, 2);
    const [first, second] = group.balancers;
    first!.come(6);
    await group.pass(MOVED);
    first!.limit(0);
    second!.come(50);
    first!.come(5);
    await group.pass(LEASE);
    assert.deepEqual(shares(group), [6, 4]);
    first!.go(4);
    await group.pass(MOVED);
    assert.deepEqual(shares(group), [2, 8]);
    first!.go(2);
    await group.pass(MOVED);
    assert.deepEqual(shares(group), [0, 10]);
    assert.equal(group.most, 10);
    first!.limit(10);
    await group.pass(MOVED, () => second!.next());
    assert.deepEqual(shares(group), [5, 5]);
    group.end();
  });

  it("pools that no text holds any more are divided in equal parts", async () => {
    const clock = new ManualClock(1_000_000);
    const memory = new GroupMemory(clock);
    const names = Array.from({ length: 1_600 }, (_, n) => `pool-${String(n).padStart(4, "0")}`);
    const pools = new Map(
      names.map((name) => [name, { options: { concurrency: 9, queue: 1 }, active: 0, waiting: 0 }]),
    );
    const all = ["a", "b", "c"].map((id) => {
      const permits = new SharedPermits({
        id,
        clock,
        lease: LEASE,
        pools,
        refused: () => 0,
        onWarning: assert.fail,
        onPart: () => undefined,
      });
      for (const name of names) permits.part(name, 9);
      const turn = { store: memory.open(), id, isLeaving: false, members: new Map(), hint: "hint", now: 0 };
      return { permits, turn };
    });
    for (let ms = 0; ms < 2_000; ms += 500) {
      for (const { permits, turn } of all) await permits.share(turn);
      clock.advance(500);
    }
    for (const { permits } of all) assert.equal(permits.part(names.at(-1)!, 9), 3);
    for (const { permits, turn } of all) await permits.end(turn);
  });

  it("a store that has forgotten everything changes nothing", async () => {
    const group = await founded(10, 3);
    for (const each of group.balancers) each.come(50);
    await group.pass(MOVED);
    let least = 10;
    group.memory.clear();
    await group.pass(LEASE, () => {
      least = Math.min(least, group.open);
      for (const each of group.balancers) each.next();
    });
    assert.equal(least, 10);
    assert.equal(group.most, 10);
    group.end();
  });

  it("a store that has forgotten everything gives nobody what one holds that hangs meanwhile, within its lease", async () => {
    const { group, first, second, third } = await hanging();
    for (const each of [second, third]) each.come(50);
    await group.pass(LEASE - 2_000);
    assert.equal(second.active + third.active, 10 - first.part);
    first.goOn();
    first.come(50);
    await group.pass(LEASE, () => {
      for (const each of group.balancers) each.next();
    });
    assert.equal(group.open, 10);
    assert.equal(group.most, 10);
    group.end();
  });

  it("what one holds that hangs and has been told again is free after its lease, and what one has given back that stops, at once", async () => {
    const { group, second, third } = await hanging();
    second.come(50);
    await group.pass(LEASE + TTL_MS + MOVED);
    assert.equal(second.active, 10 - third.part);
    await third.close();
    await group.pass(MOVED);
    assert.equal(second.active, 10);
    group.end();
  });

  it("another store in its place, which does not know the last claims, gives nobody what somebody holds", async () => {
    const group = await founded(10, 3);
    const [, second, third] = group.balancers;
    third!.come(10);
    await group.pass(MOVED);
    second!.come(10);
    await group.lose(MOVED, group.memory, () => {
      group.memory.permits = new Map([["quiet", "0"]]); // of a time when nobody held any
    });
    await group.pass(10 * MOVED, () => third!.next());
    assert.equal(group.most, 10);
    assert.deepEqual(shares(group), [0, 5, 5]);
    group.end();
  });

  it("a balancer that cannot ask keeps what it holds for a lease, and has its equal part from then on", async () => {
    const group = await founded(10, 2);
    const [first, second] = group.balancers;
    first!.come(20);
    await group.pass(MOVED);
    group.memory.fault({ lost: true });
    second!.come(20);
    await group.pass(LEASE - 3_000, () => first!.next());
    assert.deepEqual(shares(group), [10, 0]);
    await group.pass(5_000, () => first!.next());
    assert.deepEqual(shares(group), [5, 5]);
    group.memory.fault({ lost: false });
    await group.pass(15_000, () => first!.next());
    assert.equal(group.open, 10);
    group.end();
  });

  it("a balancer that cannot ask has its part of its own limit from then on, and names no other one's", async () => {
    const group = await founded(10, 2);
    const [first, second] = group.balancers;
    second!.limit(6);
    await group.pass(MOVED);
    assert.equal(first!.permits.least("p"), 6);
    first!.store.fault({ lost: true });
    await group.pass(LEASE + MOVED);
    assert.deepEqual([first!.part, first!.permits.least("p")], [5, Number.POSITIVE_INFINITY]);
    first!.store.fault({ lost: false });
    await group.pass(15_000);
    assert.equal(first!.permits.least("p"), 6);
    group.end();
  });

  it("one that starts while the store is gone has what there is", async () => {
    const group = new PlayedGroup(10);
    const only = group.start();
    only.store.fault({ lost: true });
    only.come(20);
    await group.pass(2_000);
    assert.equal(only.active, 10);
    group.end();
  });

  it("a pool without a limit, or with none left, asks nothing", async () => {
    const group = await founded(-1, 2);
    await group.pass(5_000);
    assert.equal(group.memory.permits.size, 0);
    const [first] = group.balancers;
    first!.limit(3);
    await group.pass(FOUNDED);
    assert.equal(first!.part, 3);
    first!.limit(-1);
    await group.pass(MOVED);
    const { calls } = group.memory.counts;
    await group.pass(5_000);
    assert.equal(group.memory.counts.calls, calls);
    assert.equal(group.clock.pending, 0, "timers");
    group.end();
  });
});
