/** How targets' connections divide over the balancers of a group: what one sees of the others while somebody looks. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BYTES_TOLD, type Load, MOST_TOLD, readLoads, type TargetLoad, writtenLoads } from "../../src/group/loads.ts";
import type { Answer } from "../../src/group/shares.ts";
import type { Texts } from "../../src/group/store.ts";
import fc from "../support/draws.ts";
import { settle } from "../support/wait.ts";
import { type Balancer, reporterAt, World } from "./world.ts";

const NAME = "p/10.0.0.1:80";
const CLIENT = Uint32Array.of(0, 0, 0xffff, 1);
/** ms: reports are not made again here. */
const LONG = 1_000_000;

/** Two balancers and more of one group, which all know one target. */
async function grouped(names: readonly string[]): Promise<{ world: World; balancers: Balancer[] }> {
  const world = new World();
  const balancers: Balancer[] = [];
  for (const name of names) balancers.push(await world.start(name, { lease: LONG }));
  await balancers[0]!.report(reporterAt("10.0.0.1"));
  await world.pass(2_000);
  return { world, balancers };
}

function connect(balancer: Balancer, count: number): number {
  let row = -1;
  for (let n = 0; n < count; n++) row = balancer.pools.get("p")!.pick(CLIENT, [], 0);
  assert.ok(row >= 0);
  return row;
}

/** What is answered within so many ms. */
async function look(world: World, balancer: Balancer, ms = 200): Promise<readonly Answer[]> {
  let answers: readonly Answer[] | undefined;
  void balancer.shares.look().then((given) => {
    answers = given;
  });
  await settle();
  for (let left = ms; left > 0 && answers === undefined; left -= 50) await world.pass(50, 50);
  return answers ?? assert.fail(`there is no answer within ${ms} ms`);
}

function activeOf(answers: readonly Answer[], target = NAME): Record<string, number | null> {
  return Object.fromEntries(
    answers.map(({ name, loads }) => [name, loads === null ? null : (loads.of.get(target)?.active ?? 0)]),
  );
}

describe("what other balancers have of a target", () => {
  it("is known a moment after somebody looks, at each of them, and is followed while he looks on", async () => {
    const { world, balancers } = await grouped(["a", "b", "c"]);
    const [a, b] = balancers as [Balancer, Balancer];
    connect(a, 5);
    const row = connect(b, 3);
    assert.deepEqual(activeOf(await look(world, a)), { b: 3, c: 0 });
    assert.deepEqual(activeOf(await look(world, b)), { a: 5, c: 0 });
    b.pools.get("p")!.release(row, CLIENT, 0, 0, 0);
    for (let n = 0; n < 4; n++) {
      await world.pass(2_000);
      const [answer] = await look(world, a);
      assert.ok(answer!.ageMs! <= 1_100, `${answer!.ageMs} ms old`);
    }
    assert.deepEqual(activeOf(a.shares.known()), { b: 2, c: 0 });
    world.close();
  });

  it("costs the store nothing while nobody looks, and is gone from it soon after", async () => {
    const { world, balancers } = await grouped(["a", "b"]);
    connect(balancers[1]!, 3);
    const written = () => [...world.memory.own].filter(([key, texts]) => key.startsWith("shares:") && texts.size > 0);
    await world.pass(3_000);
    assert.deepEqual(written(), []);
    const { changes, hints } = world.memory.counts;
    await world.pass(10_000);
    assert.deepEqual([world.memory.counts.changes, world.memory.counts.hints], [changes, hints]);
    await look(world, balancers[0]!);
    assert.equal(written().length, 2);
    await world.pass(8_000);
    assert.deepEqual(written(), []);
    const { calls } = world.memory.counts;
    await world.pass(5_000);
    assert.ok(world.memory.counts.calls - calls <= 14, `${world.memory.counts.calls - calls} calls of two balancers`);
    world.close();
  });

  it("is not known of one that does not answer, nor of one that has gone without a word, and is of one that is back", async () => {
    const { world, balancers } = await grouped(["a", "b", "c"]);
    const [a, b, c] = balancers as [Balancer, Balancer, Balancer];
    connect(b, 3);
    connect(c, 4);
    await look(world, a);
    c.store.fault({ lost: true });
    await world.pass(10_000);
    assert.deepEqual(activeOf(await look(world, a)), { b: 3, c: null });
    c.store.fault({ lost: false });
    await world.pass(6_000); // it is heard again, and nobody looks any more
    assert.deepEqual(activeOf(await look(world, a, 1_100)), { b: 3, c: 4 });
    world.close();
  });

  it("is waited for a second, once, where one that is there does not answer", async () => {
    const { world, balancers } = await grouped(["a", "b", "c"]);
    const [a, b, c] = balancers as [Balancer, Balancer, Balancer];
    connect(b, 3);
    c.shares.stale = () => undefined; // as one that does not know what it is asked for
    let answers: readonly Answer[] | null = null;
    void a.shares.look().then((given) => {
      answers = given;
    });
    await world.pass(900, 50);
    assert.equal(answers, null);
    await world.pass(150, 50);
    assert.deepEqual(activeOf(answers!), { b: 3, c: null });
    assert.deepEqual(activeOf(await a.shares.look()), { b: 3, c: null }, "and at once the next time");
    world.close();
  });

  it("is what it is now: what was written for a look of long ago counts as no answer", async () => {
    const { world, balancers } = await grouped(["a", "b"]);
    const [a, b] = balancers as [Balancer, Balancer];
    connect(b, 3);
    await look(world, a);
    const left = new Map(world.memory.own.get("shares:b-1"));
    await world.pass(60_000);
    world.memory.own.set("shares:b-1", left);
    b.shares.stale = () => undefined;
    assert.deepEqual(activeOf(await look(world, a, 1_100)), { b: null });
    world.close();
  });

  it("is asked for again where the hint got lost, and where the store is slow it holds up the group no longer than its other reads", async () => {
    const { world, balancers } = await grouped(["a", "b"]);
    const [a, b] = balancers as [Balancer, Balancer];
    connect(b, 3);
    b.store.fault({ hintsLost: true });
    assert.deepEqual(activeOf(await look(world, a, 1_100)), { b: null });
    b.store.fault({ hintsLost: false });
    await world.pass(1_500);
    assert.deepEqual(activeOf(await a.shares.look()), { b: 3 });
    world.memory.fault({ slowMs: 5_000 });
    await world.pass(10_000);
    const [answer] = await look(world, a, 1_100);
    assert.deepEqual([answer!.loads, answer!.ageMs], [null, null]);
    world.close();
  });

  it("hides from nobody that the store was emptied just before it was written: targets are written anew", async () => {
    const { world, balancers } = await grouped(["a"]);
    const [a] = balancers as [Balancer];
    const say = a.store.say.bind(a.store);
    a.store.say = async (...words) => {
      const before = await say(...words);
      a.store.say = say;
      world.memory.clear();
      a.shares.forgotten(); // so that it is written in this very turn
      return before;
    };
    void a.shares.look();
    await world.pass(3_000, 50);
    const b = await world.start("b", { lease: LONG });
    assert.deepEqual(Object.keys(b.targets()), [NAME]);
    world.close();
  });

  it("takes nobody out of the group where the store is too full for it", async () => {
    const { world, balancers } = await grouped(["a", "b"]);
    const [a, b] = balancers as [Balancer, Balancer];
    const write = b.store.write.bind(b.store);
    b.store.write = async (id, section, ...rest) => {
      b.store.fault({ refuses: section === "shares" ? "it is full" : null });
      return write(id, section, ...rest).finally(() => b.store.fault({ refuses: null }));
    };
    assert.deepEqual(activeOf(await look(world, a, 1_100)), { b: null });
    await world.pass(3_000);
    assert.deepEqual([b.told("lost"), b.group.view().state], [[], "connected"]);
    world.close();
  });

  it("is nothing any more of one that has said goodbye and has gone", async () => {
    const { world, balancers } = await grouped(["a", "b", "c"]);
    const [a, b] = balancers as [Balancer, Balancer];
    connect(b, 3);
    await b.group.leave();
    await world.pass(1_000);
    assert.deepEqual(activeOf(await look(world, a)), { b: 3, c: 0 }, "its clients finish");
    b.kill();
    await world.pass(4_000);
    assert.deepEqual(activeOf(await look(world, a)), { c: 0 });
    world.close();
  });
});

async function written(loads: Iterable<TargetLoad>, at = 7): Promise<Texts> {
  const { set, mark } = await writtenLoads(loads, at);
  return new Map([...set, ...(mark ? [mark] : [])]);
}

describe("what is written of targets", () => {
  const amount = fc.nat(1_000_000);
  const load: fc.Arbitrary<Load> = fc.record({ active: amount, perSecond: amount.map((each) => each / 100) });
  const names = fc.tuple(fc.string({ maxLength: 20 }), fc.string({ maxLength: 40 })).map((each) => each.join("/"));

  it("is read as it was, without those that have nothing", async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(names, load, { maxKeys: 50 }), async (all) => {
        const loads = Object.entries(all).map(([name, each]) => ({ name, ...each }));
        const read = (await readLoads(await written(loads)))!;
        const some = loads.filter(({ active, perSecond }) => active > 0 || perSecond > 0);
        assert.deepEqual(new Map(read.of), new Map(some.map(({ name, ...each }) => [name, each])));
        assert.deepEqual([read.at, read.rest], [7, { targets: 0, active: 0, perSecond: 0 }]);
      }),
      { numRuns: 200 },
    );
  });

  it("is no more than so many names and bytes, the busiest ones, and of the others how much they are together", async () => {
    const many = Array.from({ length: MOST_TOLD + 500 }, (_, n) => ({ name: `p/${n}`, active: n + 1, perSecond: 1 }));
    const read = (await readLoads(await written(many)))!;
    assert.equal(read.of.size, MOST_TOLD);
    assert.equal(read.of.get("p/500")?.active, 501);
    assert.equal(read.of.get("p/499"), undefined);
    assert.deepEqual(read.rest, { targets: 500, active: (500 * 501) / 2, perSecond: 500 });
    const long = Array.from({ length: 1_000 }, (_, n) => ({
      name: `p/${String(n).padEnd(600, "x")}`,
      active: 1,
      perSecond: 0,
    }));
    const texts = await written(long);
    assert.ok([...texts].flat().reduce((sum, text) => sum + text.length, 0) <= BYTES_TOLD);
    const { of, rest } = (await readLoads(texts))!;
    assert.equal(of.size + rest.targets, 1_000);
  });

  it("may say more than this version knows, and counts for nothing where it is something else", async () => {
    const texts = (of: Record<string, string>) => new Map(Object.entries({ at: "7", ...of }));
    assert.deepEqual(await readLoads(texts({ "p/x": "5 1.50 7 later", rest: "2 3 0.00 9", later: "1 2" })), {
      at: 7,
      of: new Map([["p/x", { active: 5, perSecond: 1.5 }]]),
      rest: { targets: 2, active: 3, perSecond: 0 },
    });
    for (const wrong of ["", "x", "5", "-1 1", "1e9 1", "5 NaN", "9999999999999999 1"])
      assert.equal((await readLoads(texts({ "p/x": wrong })))?.of.size, 0, wrong);
    assert.equal(await readLoads(new Map([["p/x", "5 1"]])), null);
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), fc.string()), async (any) => {
        const found = await readLoads(texts(any));
        for (const { active, perSecond } of found?.of.values() ?? []) assert.ok(active >= 0 && perSecond >= 0);
      }),
    );
  });
});
