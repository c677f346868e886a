/** What balancers of a group know of each other's targets, whatever becomes of the store and of each other. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HarmonyError } from "../../src/util/errors.ts";
import { settle } from "../support/wait.ts";
import { type Balancer, LEASE, reporterAt, World } from "./world.ts";

const HOST = "10.0.0.1";
const NAME = `p/${HOST}:80`;

/** The names of those that it has told to have found, each time. */
function foundBy({ events }: Balancer): string[][] {
  return events.flatMap((event) => (event[0] === "found" ? [event[1].map(({ name }) => name)] : []));
}

/** A target whose reporter has spoken to two balancers, and has told the second one that it leaves. */
async function leftAtB() {
  const world = new World();
  const [a, b] = [await world.start("a"), await world.start("b")];
  const [atA, atB] = [reporterAt(HOST), reporterAt(HOST)];
  await a.report(atA);
  await b.report(atB);
  await world.pass(2_000);
  b.registry.leave(atB);
  return { world, a, b, atA };
}

describe("a target whose reporter speaks to one balancer", () => {
  it("is known to all within a moment, as it says that it is", async () => {
    const world = new World();
    const [a, b, c] = [await world.start("a"), await world.start("b"), await world.start("c")];
    const owner = reporterAt(HOST);
    await a.report(owner);
    await world.pass(100);
    for (const each of [a, b, c]) assert.deepEqual(each.targets(), { [NAME]: "up 9" }, each.name);
    assert.deepEqual(
      [a, b, c].map((each) => each.sourcesOf(NAME)),
      ["registered", "shared", "shared"],
    );
    await a.report(owner, { weight: 3 });
    await world.pass(100);
    assert.deepEqual(b.targets(), { [NAME]: "up 3" });
    await a.report(owner, { health: "down", reason: "no disk" });
    await world.pass(100);
    assert.deepEqual(b.targets(), { [NAME]: "down 9" });
    assert.match(
      b.registry.standingOf(NAME)!.reason,
      /its reporter says that it is down: no disk, as balancer a has heard/,
    );
    a.registry.leave(owner);
    await world.pass(100);
    for (const each of [a, b, c]) assert.deepEqual(each.targets(), {}, each.name);
    assert.equal(b.story.at(-1), `targetLeave ${NAME}`);
    world.close();
  });

  it("costs the store nothing while its reports change nothing", async () => {
    const world = new World();
    const [a, b] = [await world.start("a"), await world.start("b")];
    const owners = Array.from({ length: 100 }, (_, n) => reporterAt(`10.0.1.${n}`));
    for (const owner of owners) await a.report(owner);
    await world.pass(1_000);
    assert.equal(Object.keys(b.targets()).length, 100);
    const before = { ...world.memory.counts };
    for (let second = 0; second < 20; second++) {
      for (const owner of owners) await a.report(owner);
      await world.pass(1_000);
    }
    const { changes, hints } = world.memory.counts;
    assert.deepEqual({ changes, hints }, { changes: before.changes, hints: before.hints });
    assert.equal(Object.keys(b.targets()).length, 100, "and others keep them for longer than a lease");
    world.close();
  });

  it("is known to one that starts before that one takes clients", async () => {
    const world = new World();
    const a = await world.start("a");
    await a.report(reporterAt(HOST));
    await world.pass(100);
    const b = await world.start("b");
    assert.deepEqual(b.targets(), { [NAME]: "up 9" });
    world.close();
  });

  it("is its own once its reporter speaks here as well, and is another's again when that is over", async () => {
    const world = new World();
    const [a, b] = [await world.start("a"), await world.start("b")];
    const [atA, atB] = [reporterAt(HOST), reporterAt(HOST)];
    await a.report(atA);
    await world.pass(100);
    await b.report(atB, { weight: 4 });
    assert.deepEqual([b.sourcesOf(NAME), b.targets()], ["registered", { [NAME]: "up 4" }]);
    b.registry.lost(atB);
    for (let second = 0; second < 15; second++) {
      await a.report(atA);
      await world.pass(1_000);
    }
    assert.deepEqual([b.sourcesOf(NAME), b.targets()], ["shared", { [NAME]: "up 9" }]);
    world.close();
  });

  it("is as it says at another balancer, once that is newer and its reporter is lost here", async () => {
    const world = new World();
    const [a, b] = [await world.start("a"), await world.start("b")];
    const [atA, atB] = [reporterAt(HOST), reporterAt(HOST)];
    await a.report(atA, { weight: 1 });
    await world.pass(1_000);
    a.registry.lost(atA);
    await b.report(atB, { weight: 7 });
    await world.pass(200);
    assert.deepEqual([a.sourcesOf(NAME), a.targets()], ["shared", { [NAME]: "up 7" }]);
    world.close();
  });

  it("is kept where the balancer that had lost its reporter gives it up while nobody hears the one that it is at", async () => {
    const world = new World();
    const [a, b, c] = [await world.start("a"), await world.start("b"), await world.start("c")];
    const [atA, atB] = [reporterAt(HOST), reporterAt(HOST)];
    await a.report(atA);
    await world.pass(1_000);
    a.registry.lost(atA);
    await world.pass(4_500);
    await b.report(atB, { weight: 7 });
    await world.pass(1_000);
    b.store.fault({ lost: true });
    for (let s = 0; s < 8; s++) {
      await world.pass(1_000);
      await b.report(atB, { weight: 7 });
    }
    assert.equal(a.registry.rows.get(NAME)?.registered?.counts, false, "its lease at a is over");
    assert.deepEqual(c.targets(), { [NAME]: "up 7" });
    b.store.fault({ lost: false });
    await world.pass(3_000);
    assert.deepEqual([a.targets(), c.targets()], [{ [NAME]: "up 7" }, { [NAME]: "up 7" }]);
    world.close();
  });

  it("does not come back by the word of one that loses its reporter after it has left here", async () => {
    const { world, a, b, atA } = await leftAtB();
    await world.pass(1_000);
    a.registry.lost(atA);
    await world.pass(2_000);
    assert.deepEqual(b.targets(), {});
    world.close();
  });

  it("does not come back by another's word when it has left here", async () => {
    const { world, a, b, atA } = await leftAtB();
    await world.pass(3_000);
    assert.deepEqual(b.targets(), {});
    assert.deepEqual(a.targets(), { [NAME]: "up 9" }, "a has not been told yet");
    await a.report(atA, { weight: 5 });
    await world.pass(100);
    assert.deepEqual(b.targets(), { [NAME]: "up 5" }, "what is said anew counts");
    world.close();
  });

  it("is refused where it cannot be reached, which is told once, and is taken in when its pool comes", async () => {
    const world = new World();
    const a = await world.start("a", { pools: ["p", "q"] });
    const b = await world.start("b", { host: "another host" });
    await a.report(reporterAt("127.0.0.1"));
    await a.report(reporterAt(HOST), { pool: "q" });
    await world.pass(3_000);
    assert.deepEqual(b.targets(), {});
    const told = b.told("refused").map((event) => event.slice(1));
    assert.equal(told.length, 2);
    assert.match(String(told[0]), /p\/127\.0\.0\.1:80,a,127\.0\.0\.1 is that balancer's own host/);
    assert.match(String(told[1]), /there is no pool "q"/);
    b.pools.set("q", a.pools.get("q")!);
    b.group.offer();
    await settle();
    assert.equal(b.registry.sharing.has(`q/${HOST}:80`), true);
    world.close();
  });
});

describe("a balancer", () => {
  it("that says goodbye is told, and its targets stay for a lease, in which their reporters come to another", async () => {
    const world = new World();
    const [a, b] = [await world.start("a"), await world.start("b")];
    await a.report(reporterAt(HOST));
    await a.report(reporterAt("10.0.0.2"));
    await world.pass(100);
    await a.group.leave();
    await world.pass(2_000);
    assert.deepEqual(
      b.told("left").map(([, member, why]) => [(member as { name: string }).name, why]),
      [["a", "goodbye"]],
    );
    assert.deepEqual(
      b.group.view().members.map(({ name, state }) => `${name} ${state}`),
      ["b present", "a left"],
    );
    assert.deepEqual(Object.keys(b.targets()), [NAME, "p/10.0.0.2:80"]);
    a.kill();
    const owner = reporterAt(HOST);
    for (let second = 0; second < 2 * (LEASE / 1_000); second++) {
      await b.report(owner);
      await world.pass(1_000);
    }
    assert.deepEqual(b.targets(), { [NAME]: "up 9" });
    assert.deepEqual(world.memory.members.size, 1, "and what it has written is removed");
    world.close();
  });

  it("that is killed is noticed within seconds, and its targets end with their lease", async () => {
    const world = new World();
    const [a, b] = [await world.start("a"), await world.start("b")];
    await a.report(reporterAt(HOST));
    await world.pass(100);
    a.kill();
    await world.pass(5_000);
    assert.deepEqual(
      b.told("left").map(([, member, why]) => [(member as { name: string }).name, why]),
      [["a", "silent"]],
    );
    assert.deepEqual(b.targets(), { [NAME]: "up 9" });
    await world.pass(LEASE);
    assert.deepEqual(b.targets(), {});
    world.close();
  });

  it("that comes back as another life of itself makes what the former one has said of a target void", async () => {
    const world = new World();
    const [a, b] = [await world.start("a"), await world.start("b")];
    await a.report(reporterAt(HOST));
    await world.pass(100);
    a.kill();
    const again = await world.start("a");
    const owner = reporterAt(HOST);
    await again.report(owner);
    await world.pass(5_000);
    again.registry.leave(owner);
    await world.pass(200);
    assert.deepEqual(b.targets(), {});
    world.close();
  });

  it("that starts finds none of those that take leave just then", async () => {
    const world = new World();
    const a = await world.start("a");
    const b = await world.start("b");
    await world.pass(2_000);
    await b.group.leave();
    const c = await world.start("c");
    await world.pass(1_000);
    assert.deepEqual(foundBy(c), [["a"]]);
    await Promise.all([a, c].map(({ group }) => group.leave()));
    const d = await world.start("d");
    await world.pass(1_000);
    assert.deepEqual(foundBy(d), [], "nobody is there for it");
    world.close();
  });
});

describe("while the store", () => {
  for (const [what, faults] of [
    ["is gone", { lost: true }],
    ["does not answer", { slowMs: 5_000 }],
    ["is full, and takes nothing", { refuses: "it is full" }],
  ] as const) {
    it(`${what} nothing is forgotten, and each balancer registers and serves; when it is back all agree`, async () => {
      const world = new World();
      const [a, b] = [await world.start("a"), await world.start("b")];
      const [first, other] = [reporterAt(HOST), reporterAt("10.0.0.2")];
      await a.report(first);
      await world.pass(100);
      world.memory.fault(faults);
      for (let minute = 0; minute < 60; minute++) {
        await a.report(first);
        await b.report(other);
        await world.pass(LEASE / 2, 1_000);
      }
      assert.deepEqual(b.targets(), { [NAME]: "up 9", "p/10.0.0.2:80": "up 9" });
      assert.deepEqual(a.targets(), { [NAME]: "up 9" });
      assert.deepEqual(b.group.view().state, "lost");
      assert.equal(b.told("lost").length, 1, "that is told once");
      world.memory.fault({ lost: false, slowMs: 0, refuses: null });
      for (let second = 0; second < 6; second++) {
        await a.report(first);
        await b.report(other);
        await world.pass(1_000);
      }
      assert.deepEqual(Object.keys(a.targets()).sort(), [NAME, "p/10.0.0.2:80"].sort());
      assert.deepEqual(b.targets(), { [NAME]: "up 9", "p/10.0.0.2:80": "up 9" });
      assert.deepEqual(a.told("left"), [], "and nobody was taken for gone");
      world.close();
    });
  }

  it("has not been reached yet that is told as such, once, and then whom this balancer has found", async () => {
    const world = new World();
    const [a, b] = [await world.start("a"), await world.start("b")];
    world.isLost = true;
    const c = await world.start("c");
    await world.pass(5_000);
    assert.deepEqual([c.events.map(([event]) => event), c.group.view().state], [["unreached"], "connecting"]);
    assert.equal(c.group.view().reason, c.told("unreached")[0]![1]);
    world.isLost = false;
    c.store.fault({ lost: false });
    await world.pass(3_000);
    assert.deepEqual([c.group.view().state, c.group.view().reason], ["connected", null]);
    const joined = ({ events }: Balancer) => events.flatMap((event) => (event[0] === "joined" ? [event[1].name] : []));
    assert.deepEqual([foundBy(c), joined(c)], [[["a", "b"]], []]);
    assert.deepEqual([joined(a), joined(b)], [["b", "c"], ["c"]]);
    world.memory.fault({ lost: true });
    await world.pass(3_000);
    world.memory.fault({ lost: false });
    await world.pass(5_000);
    const d = await world.start("d");
    await world.pass(1_000);
    assert.deepEqual(c.told("lost").length, 1);
    assert.deepEqual(joined(c), [d.name]);
    assert.deepEqual(a.told("found"), [], "it was the first");
    world.close();
  });

  it("takes nothing, not even that one who is long gone is removed, it is asked at the pace of a group that is lost", async () => {
    const world = new World();
    const a = await world.start("a");
    a.kill();
    await world.pass(10 * 60_000, 10_000);
    world.isLost = true;
    const b = await world.start("b");
    b.store.fault({ lost: false, refuses: "it is full" });
    const { calls } = world.memory.counts;
    await world.pass(10_000);
    const made = world.memory.counts.calls - calls;
    assert.ok(made < 200, `${made} calls in 10 s`);
    assert.equal(b.group.view().state, "lost");
    b.store.fault({ refuses: null });
    await world.pass(3_000);
    assert.deepEqual([...world.memory.members.keys()], [b.group.view().members[0]!.id]);
    world.close();
  });

  it("forgets everything, all of it is written anew, and nobody is forgotten meanwhile", async () => {
    const world = new World();
    const [a, b] = [await world.start("a"), await world.start("b")];
    const owner = reporterAt(HOST);
    await a.report(owner);
    await world.pass(100);
    a.registry.ordering.order(NAME, { state: "drain" }, "me");
    await world.pass(100);
    world.memory.clear();
    await world.pass(3_000);
    assert.deepEqual(b.targets(), { [NAME]: "draining 9" });
    assert.equal(b.story.includes(`targetLeave ${NAME}`), false);
    const c = await world.start("c");
    await world.pass(200);
    assert.deepEqual(c.targets(), { [NAME]: "draining 9" }, "the order as well");
    world.close();
  });

  for (const [what, isOlder, next] of [
    ["forgets everything", false, "change"],
    ["forgets everything", false, "goodbye"],
    ["is restored from an older copy", true, "change"],
  ] as const) {
    it(`${what} between a change and the next ${next}, no target is missed by who reads before all the rest is there`, async () => {
      // Calls take their time, at any moment of a second in which each says its word.
      for (let at = 0; at < 1_000; at += 250) {
        const world = new World();
        const { memory } = world;
        const [a, b] = [await world.start("a"), await world.start("b")];
        const [owner, other] = [reporterAt(HOST), reporterAt("10.0.0.2")];
        await a.report(other);
        await world.pass(100);
        const [own, members] = [new Map(memory.own), new Map(memory.members)];
        await a.report(owner);
        await world.pass(1_000 + at, 50);
        b.store.fault({ slowMs: 400 });
        await a.report(owner, { weight: 2 });
        await world.pass(450, 10);
        a.store.fault({ slowMs: 300 });
        Object.assign(memory, isOlder ? { own, members } : { own: new Map(), members: new Map() });
        if (next === "change") await a.report(other, { weight: 3 });
        else void a.group.leave();
        await world.pass(2_000, 10);
        memory.fault({ slowMs: 0 });
        await world.pass(4_000, 50);
        assert.equal(b.targets()[NAME], "up 2", `${at}`);
        assert.equal(b.story.includes(`targetLeave ${NAME}`), false, `${at}`);
        world.close();
      }
    });
  }

  it("takes nothing at one balancer, that one hears the others all the same, and says what does not go", async () => {
    const world = new World();
    const [a, b] = [await world.start("a"), await world.start("b")];
    b.store.fault({ refuses: "it is full" });
    await b.report(reporterAt("10.0.0.9"));
    await a.report(reporterAt(HOST));
    await world.pass(2_000);
    a.registry.ordering.order(NAME, { state: "drain" }, "me");
    await world.pass(2_000);
    assert.deepEqual(b.targets(), { [NAME]: "draining 9", "p/10.0.0.9:80": "up 9" });
    assert.deepEqual(a.targets(), { [NAME]: "draining 9" });
    assert.deepEqual(b.told("lost"), [["lost", "it is full", true]]);
    assert.equal(b.group.view().reason, "it is full");
    b.store.fault({ refuses: null });
    await world.pass(2_000);
    assert.deepEqual(a.targets(), { [NAME]: "draining 9", "p/10.0.0.9:80": "up 9" });
    assert.deepEqual([b.told("lost").length, b.told("connected").length], [1, 2]);
    world.close();
  });

  it("loses hints, or gives them twice, all agree within a second or two", async () => {
    const world = new World();
    const [a, b] = [await world.start("a"), await world.start("b")];
    world.memory.fault({ hintsLost: true });
    const owner = reporterAt(HOST);
    await a.report(owner);
    await world.pass(2_100);
    assert.deepEqual(b.targets(), { [NAME]: "up 9" });
    world.memory.fault({ hintsLost: false, hintsTwice: true });
    await a.report(owner, { weight: 2 });
    await world.pass(100);
    assert.deepEqual(b.targets(), { [NAME]: "up 2" });
    world.close();
  });

  it("does what it is asked, and its answers get lost, all agree", async () => {
    const world = new World();
    const [a, b] = [await world.start("a"), await world.start("b")];
    a.store.fault({ answersLost: true });
    await a.report(reporterAt(HOST));
    await world.pass(3_000);
    a.store.fault({ answersLost: false });
    await world.pass(3_000);
    assert.deepEqual(b.targets(), { [NAME]: "up 9" });
    world.close();
  });
});

describe("an order", () => {
  it("that is given to one balancer holds at all, and so does that it is taken back", async () => {
    const world = new World();
    const [a, b] = [await world.start("a"), await world.start("b")];
    await a.report(reporterAt(HOST));
    await world.pass(100);
    b.registry.ordering.order(NAME, { state: "maintain", reason: "disk" }, "me");
    await world.pass(100);
    assert.deepEqual([a.targets(), b.targets()], [{ [NAME]: "down 9" }, { [NAME]: "down 9" }]);
    a.registry.ordering.order(NAME, { state: null }, "you");
    await world.pass(200);
    assert.deepEqual([a.targets(), b.targets()], [{ [NAME]: "up 9" }, { [NAME]: "up 9" }]);
    world.close();
  });

  it("of two that were given while they could not hear each other the newer one holds", async () => {
    const world = new World();
    const [a, b] = [await world.start("a"), await world.start("b")];
    await a.report(reporterAt(HOST));
    await world.pass(100);
    world.memory.fault({ lost: true });
    a.registry.ordering.order(NAME, { state: "maintain" }, "me");
    await world.pass(2_000);
    b.registry.ordering.order(NAME, { state: "drain" }, "you");
    world.memory.fault({ lost: false });
    await world.pass(5_000);
    assert.deepEqual([a.targets(), b.targets()], [{ [NAME]: "draining 9" }, { [NAME]: "draining 9" }]);
    world.close();
  });
});

describe("a balancer that stops", () => {
  it("says so to the others, also while a change of its targets is on its way", async () => {
    const world = new World();
    const [a, b] = [await world.start("a"), await world.start("b")];
    await world.pass(1_000);
    a.store.fault({ slowMs: 200 });
    await a.report(reporterAt(HOST));
    await world.pass(100, 20);
    void a.group.close();
    await world.pass(600, 20);
    assert.deepEqual(
      b.told("left").map(([, , why]) => why),
      ["goodbye"],
    );
    world.close();
  });

  it("takes a second for it at most, though the store answers nothing", async () => {
    const world = new World();
    const a = await world.start("a");
    a.store.fault({ slowMs: 60_000 });
    await a.report(reporterAt(HOST));
    await world.pass(100);
    let isClosed = false;
    void a.group.close().then(() => {
      isClosed = true;
    });
    await world.pass(900);
    assert.equal(isClosed, false, "its goodbye may still arrive");
    await world.pass(200);
    assert.equal(isClosed, true);
    world.close();
  });
});

describe("what another balancer does", () => {
  it("costs one line, however many of its targets cannot be used here", async () => {
    const world = new World();
    const a = await world.start("a", { pools: ["p", "q"] });
    const b = await world.start("b");
    for (let n = 0; n < 300; n++) await a.report(reporterAt(`10.1.${n >> 8}.${n & 255}`), { pool: "q" });
    await world.pass(3_000);
    assert.equal(b.told("refused").length, 1);
    world.close();
  });

  it("does not keep what a dead one vouched for while the store comes and goes", async () => {
    const world = new World();
    const [a, b] = [await world.start("a"), await world.start("b")];
    await a.report(reporterAt(HOST));
    await world.pass(100);
    a.kill();
    for (let flap = 0; flap < 8; flap++) {
      await world.pass(3_000);
      b.store.fault({ lost: true });
      await world.pass(3_000);
      b.store.fault({ lost: false });
    }
    assert.deepEqual(b.targets(), {});
    world.close();
  });

  it("is not held against it when this one could not listen", async () => {
    const world = new World();
    const [a, b] = [await world.start("a"), await world.start("b")];
    await a.report(reporterAt(HOST));
    b.store.fault({ slowMs: 1_500 });
    await world.pass(40_000);
    b.store.fault({ slowMs: 0 });
    await world.pass(3_000);
    assert.deepEqual(b.told("left"), []);
    world.close();
  });

  it("and cannot be read, is left out, and told; the others are heard", async () => {
    const world = new World();
    const [a, b, c] = [await world.start("a"), await world.start("b"), await world.start("c")];
    const read = b.store.read.bind(b.store);
    b.store.read = (id, ...rest) => {
      if (!id.startsWith("a-")) return read(id, ...rest);
      return Promise.reject(new HarmonyError("GROUP_REFUSED", "another program uses it", { fault: "balancer" }));
    };
    await a.report(reporterAt(HOST));
    await c.report(reporterAt("10.0.0.2"));
    await world.pass(5_000);
    assert.deepEqual(b.targets(), { "p/10.0.0.2:80": "up 9" });
    assert.equal(b.group.view().state, "connected");
    assert.equal(b.told("warning").length, 1);
    world.close();
  });
});
