/** What others than Harmony write beside the permits that balancers hold: it counts for a while, and stops no pool for good. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MAX_TEXT } from "../../src/group/max-text.ts";
import { MOST_LIFE_MS, readHeld } from "../../src/group/permits.ts";
import { SharedPermits } from "../../src/group/shared-permits.ts";
import { TTL_MS } from "../../src/group/times.ts";
import { ManualClock } from "../support/clock.ts";
import { GroupMemory } from "../support/group-store.ts";
import { settle } from "../support/wait.ts";
import { LEASE, PlayedGroup } from "./played-permits.ts";

/** ms in which permits move to where they are wanted. */
const MOVED = 1_000;
/** ms after which an empty store gives anybody something. */
const FOUNDED = TTL_MS + 1_500;

function shares({ balancers }: PlayedGroup): number[] {
  return balancers.map(({ active }) => active);
}

/** Of two, which share ten. */
async function founded(): Promise<PlayedGroup> {
  const group = new PlayedGroup(10);
  for (let n = 0; n < 2; n++) group.start();
  await group.pass(FOUNDED);
  return group;
}

describe("rows of permits that no balancer has written", () => {
  it("a row of nobody counts as long as it is there, and is not told again", async () => {
    const group = await founded();
    group.memory.permits.set("forged", `${group.clock.now()} 9999999999 9007199254740990;p 10 0 0 10 0`);
    for (const each of group.balancers) each.come(50);
    await group.pass(2 * MOVED, () => {
      for (const each of group.balancers) each.go(10, false);
    });
    assert.equal(group.open, 0, "somebody else holds all");
    group.memory.clear();
    for (const each of group.balancers) each.come(50);
    await group.pass(FOUNDED);
    assert.equal(group.memory.permits.has("forged"), false);
    assert.equal(group.open, 10);
    group.end();
  });

  it("a row of nobody that nobody removes counts no more after an hour", async () => {
    const memory = new Map([["forged", "9007199254740990 9999999999 1;p 10 0 0 10 0"]]);
    const group = new PlayedGroup(10);
    group.memory.permits = memory;
    group.start().come(20);
    await group.pass(FOUNDED);
    assert.equal(group.open, 0);
    group.clock.advance(MOST_LIFE_MS);
    await group.pass(FOUNDED);
    assert.equal(group.open, 10);
    group.end();
  });

  for (const number of ["99000", "9999999999999999"])
    it(`one whose row has been given the number ${number} goes on`, async () => {
      const group = await founded();
      const [first, second] = group.balancers;
      first!.come(10);
      await group.pass(MOVED);
      group.memory.permits.set("b0", `${group.clock.now()} 60000 ${number};p 0 0 0 10 0`);
      await group.pass(MOVED, () => second!.next());
      first!.go(10, false);
      second!.come(10);
      await group.pass(2 * MOVED);
      assert.equal(second!.active, 10);
      first!.come(20);
      await group.pass(2 * MOVED, () => second!.next());
      assert.deepEqual(shares(group), [5, 5]);
      group.memory.clear();
      await group.pass(LEASE, () => second!.next());
      assert.deepEqual(shares(group), [5, 5]);
      group.end();
    });

  it("a lease that is longer than anything counts there is cut to that on both sides", async () => {
    const clock = new ManualClock(1_000_000);
    const memory = new GroupMemory(clock);
    const pools = new Map([["p", { options: { concurrency: 10, queue: 1 }, active: 0, waiting: 20 }]]);
    const own = { id: "a", clock, lease: 24 * MOST_LIFE_MS, pools, refused: () => 0 };
    const permits = new SharedPermits({ ...own, onWarning: assert.fail, onPart: () => undefined });
    permits.part("p", 10);
    const store = memory.open();
    const turn = { store, id: "a", isLeaving: false, members: new Map(), hint: "hint", now: 0 };
    await settle(); // it is connected
    for (let ms = 0; ms < FOUNDED; ms += 500) {
      await permits.share(turn);
      clock.advance(500);
    }
    assert.equal(permits.part("p", 10), 10);
    const { at, life } = readHeld(memory.permits.get("a")!)!;
    assert.equal(life, MOST_LIFE_MS);
    // Nobody asks from then on.
    clock.advance(at + life - 2 * TTL_MS - clock.now());
    assert.equal(permits.least("p"), 10, "what it has heard counts");
    clock.advance(2 * TTL_MS);
    assert.equal(permits.least("p"), Number.POSITIVE_INFINITY, "it counts no more");
    await permits.end(turn);
  });

  it("one of a member that is longer than any of Harmony's is not told again", async () => {
    const group = await founded();
    group.start().kill();
    const pools = ";p 1 0 0 10 0".repeat(MAX_TEXT / 12);
    await group.pass(MOVED, () => {
      group.memory.permits.set("b2", `${group.clock.now()} 60000 7${pools}`);
    });
    group.memory.clear();
    await group.pass(FOUNDED);
    assert.deepEqual([...group.memory.permits.keys()].sort(), ["b0", "b1", "quiet"]);
    group.end();
  });
});
