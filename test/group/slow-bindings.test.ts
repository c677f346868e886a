/** What sticky bindings cost a group whose store is slow, or takes nothing: balancers are heard, and the store is not asked again and again. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { clientKey } from "../../src/util/client-key.ts";
import { closeWorlds, groupOf, OPTIONS } from "./sticky-group.ts";
import type { Balancer, World } from "./world.ts";

/** ms between two words of one that is heard: others take it for silent after 3.5 s. */
const HEARD_MS = 2_500;

after(closeWorlds);

const sharing = (persistentShared: number) => ({ ...OPTIONS, persistentShared });

const keyOf = (n: number) => clientKey(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, new Uint32Array(4));

/** Clients from that number on come to the balancer. */
function visit(world: World, balancer: Balancer, first: number, count: number): void {
  const pool = balancer.pools.get("p")!;
  const now = world.clock.now();
  for (let n = first; n < first + count; n++) {
    const row = pool.pick(keyOf(n), [], now);
    pool.release(row, keyOf(n), 0, 0, now);
  }
}

/** The longest time that the balancer says nothing while that is done. */
async function silenceOf({ store }: Balancer, world: World, run: () => Promise<void>): Promise<number> {
  const say = store.say.bind(store);
  let saidAt = world.clock.now();
  let longest = 0;
  const said = () => {
    longest = Math.max(longest, world.clock.now() - saidAt);
    saidAt = world.clock.now();
  };
  store.say = (id, word) => {
    said();
    return say(id, word);
  };
  await run();
  said();
  store.say = say;
  return longest;
}

/** Writings of bindings while that is done. */
async function writingsOf({ store }: Balancer, run: () => Promise<void>): Promise<number> {
  const write = store.write.bind(store);
  let writings = 0;
  store.write = (id, section, changes, word, hint) => {
    if (section === "bindings") writings++;
    return write(id, section, changes, word, hint);
  };
  await run();
  store.write = write;
  return writings;
}

describe("a balancer that reads slowly what others have written", () => {
  it("is heard meanwhile, though that is many small batches", async () => {
    const { world, all } = await groupOf(["a", "b", "c", "slow"], sharing(0));
    const slow = all[3]!;
    slow.store.fault({ slowMs: 100, hintsLost: true });
    for (let n = 0; n < 230; n++) {
      for (const [at, each] of all.slice(0, 3).entries()) visit(world, each, 3 * n + at, 1);
      await world.pass(100, 50);
    }
    const silence = await silenceOf(slow, world, () => world.pass(40_000, 20));
    assert.ok(silence <= HEARD_MS, `${silence} ms`);
    assert.equal(slow.pools.get("p")!.bindings, 3 * 230, "it knows all in the end");
  });

  it("is heard meanwhile, though clients wait for it and there is much; they wait again when it has caught up", async () => {
    const { world, all } = await groupOf(["a", "b", "c", "slow"], sharing(150));
    const slow = all[3]!;
    const { lookUps } = slow.pools.get("p")!;
    slow.store.fault({ hintsLost: true });
    for (let n = 0; n < 20; n++) {
      for (const [at, each] of all.slice(0, 3).entries()) visit(world, each, (3 * n + at) * 2_000, 2_000);
      await world.pass(100, 5);
    }
    slow.store.fault({ slowMs: 100 });
    const silence = await silenceOf(slow, world, async () => {
      assert.ok(lookUps.want(keyOf(1_000_000), world.clock.now()) >= 0);
      await world.pass(1_000, 10);
      assert.equal(lookUps.ms, 0, "nobody waits as long as there is more");
      await world.pass(20_000, 10);
    });
    assert.ok(silence <= HEARD_MS, `${silence} ms`);
    assert.equal(slow.pools.get("p")!.bindings, 120_000);
    assert.equal(lookUps.ms, 150);
  });
});

it("a balancer whose clients wait writes to a store that takes nothing as often as any other, and at once again when it is taken", async () => {
  const { world, all } = await groupOf(["a", "b"], sharing(50));
  const [a] = all as [Balancer];
  let next = 0;
  const refusals = async (wait: number) => {
    a.persistentShared = wait;
    await world.pass(1_000);
    world.memory.fault({ refuses: "it is full" });
    visit(world, a, next, 1_000);
    next += 1_000;
    const writings = await writingsOf(a, () => world.pass(5_000, 5));
    world.memory.fault({ refuses: null });
    await world.pass(5_000);
    return writings;
  };
  const [plain, waiting] = [await refusals(0), await refusals(50)];
  assert.ok(waiting <= plain + 1, `${waiting} writings, ${plain} where nobody waits`);
  visit(world, a, next, 1);
  assert.equal(await writingsOf(a, () => world.pass(5, 5)), 1);
});
