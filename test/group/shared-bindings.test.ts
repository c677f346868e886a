/** Sticky bindings that balancers of a group share: which target a client gets at another one. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { clientKey } from "../../src/util/client-key.ts";
import fc from "../support/draws.ts";
import { closeWorlds, groupOf, IDLE, OPTIONS, TARGETS, worlds } from "./sticky-group.ts";
import { type Balancer, LEASE, reporterAt, type World } from "./world.ts";

after(closeWorlds);

/** Those that are gone are soon removed. */
const SHORT = { ...OPTIONS, memberLease: LEASE };

interface Connection {
  readonly target: string;
  close(): void;
}

function connect(balancer: Balancer, host: string): Connection {
  const pool = balancer.pools.get("p")!;
  const client = clientKey(host, new Uint32Array(4));
  const clock = worlds.at(-1)!.clock;
  const row = pool.pick(client, [], clock.now());
  assert.ok(row >= 0, `${balancer.name} has no target for ${host}`);
  return { target: pool.identity(row), close: () => pool.release(row, client, 0, 0, clock.now()) };
}

/** The target that the client gets. */
function visit(balancer: Balancer, host: string): string {
  const { target, close } = connect(balancer, host);
  close();
  return target;
}

const hostOf = (n: number) => (n % 2 === 0 ? `192.0.2.${n}` : `2001:db8:0:${n.toString(16)}::7`);
const CLIENTS = Array.from({ length: 40 }, (_, n) => hostOf(n));

function assertSame(balancer: Balancer, targets: ReadonlyMap<string, string>): void {
  const there = [...targets.keys()].map((host) => [host, visit(balancer, host)] as const);
  assert.deepEqual(new Map(there), targets);
}

const visitAll = (balancer: Balancer) => new Map(CLIENTS.map((host) => [host, visit(balancer, host)]));

describe("a client of one balancer of a group", () => {
  it("has the same target at the others a tenth of a second later, by IPv4 and by IPv6", async () => {
    const { world, all } = await groupOf(["a", "b", "c"]);
    const targets = visitAll(all[0]!);
    assert.equal(new Set(targets.values()).size, TARGETS, "clients of all targets");
    await world.pass(300);
    assertSame(all[1]!, targets);
    assertSame(all[2]!, targets);
    assert.equal(all[1]!.bindings.counts.taken, CLIENTS.length);
  });

  it("has it as long as a connection of it is open, though it opens no other", async () => {
    const { world, all } = await groupOf(["a", "b"]);
    const { target, close } = connect(all[0]!, CLIENTS[0]!);
    await world.pass(2 * IDLE, 5_000);
    assert.equal(visit(all[1]!, CLIENTS[0]!), target);
    close();
  });

  it("is written down once, and again after a quarter of the time that its binding lasts, however often it comes", async () => {
    const { world, all } = await groupOf(["a", "b"]);
    for (let n = 0; n < 50; n++) {
      visit(all[0]!, CLIENTS[0]!);
      await world.pass(1_000, 500);
    }
    assert.equal(all[0]!.bindings.counts.written, 1);
    for (let n = 0; n < 40; n++) {
      visit(all[0]!, CLIENTS[0]!);
      await world.pass(IDLE / 40, 5_000);
    }
    const { written } = all[0]!.bindings.counts;
    assert.ok(written >= 3 && written <= 6, `${written} times in ${IDLE + 50_000} ms`);
  });

  it("keeps at each the target that it is connected to; else the newer one holds", async () => {
    const { world, all } = await groupOf(["a", "b"]);
    const [a, b] = all as [Balancer, Balancer];
    b.store.fault({ hintsLost: true });
    const first = CLIENTS.map((host) => ({ host, here: connect(a, host) }));
    await world.pass(200); // others are told of them
    const both = first.map((each) => ({ ...each, there: connect(b, each.host) }));
    b.store.fault({ hintsLost: false });
    const different = both.filter(({ here, there }) => here.target !== there.target);
    assert.ok(different.length > CLIENTS.length / 2);
    await world.pass(1_000);
    for (const { host, here, there } of different)
      assert.deepEqual([visit(a, host), visit(b, host)], [here.target, there.target]);
    for (const { here } of different) here.close();
    await world.pass(IDLE / 2, 5_000); // which renews what b has open
    for (const { host, there } of different) assert.equal(visit(a, host), there.target, host);
  });

  it("is known to a balancer that starts before that has clients of its own", async () => {
    const { world, all } = await groupOf(["a"]);
    const targets = visitAll(all[0]!);
    await world.pass(500);
    const b = await world.start("b", OPTIONS);
    assertSame(b, targets);
  });

  it("is forgotten by the store when its binding has expired", async () => {
    const { world, all } = await groupOf(["a", "b"]);
    visitAll(all[0]!);
    await world.pass(1_000);
    const own = () => world.memory.own.get("bindings:a-0")!;
    assert.ok(own().size > 1);
    await world.pass(IDLE + 65_000, 5_000);
    const batches = [...own().keys()].filter((name) => /^\d+$/.test(name));
    assert.deepEqual(batches, []);
  });

  it("waits with its binding for a target that is not known yet", async () => {
    const { world, all } = await groupOf(["a", "b"]);
    const [a, b] = all as [Balancer, Balancer];
    b.store.fault({ hintsLost: true });
    await a.report(reporterAt("10.0.0.99"), { weight: 1_000_000 });
    const read = b.store.read.bind(b.store);
    b.store.read = async (id, section, names) => (section === "targets" ? new Map() : read(id, section, names));
    const target = visit(a, CLIENTS[0]!);
    assert.equal(target, "p/10.0.0.99:80");
    await world.pass(5_000);
    b.store.read = read;
    await world.pass(31_000);
    assert.equal(visit(b, CLIENTS[0]!), target);
  });
});

/** A balancer is gone without a word, and after its lease others have removed from the store what it had written. */
async function loseAndForget(world: World, gone: Balancer): Promise<void> {
  gone.kill();
  await world.pass(LEASE + 6_000);
  const { id } = [...world.balancers]
    .map((each, n) => ({ each, id: `${each.name}-${n}` }))
    .find(({ each }) => each === gone)!;
  assert.ok(!world.memory.own.has(`bindings:${id}`), "the others have removed it");
}

describe("clients of a balancer that is gone for longer than its lease", () => {
  it("are known to one that starts then, each told of by one of those that are left", async () => {
    const { world, all } = await groupOf(["a", "b", "c"], SHORT);
    const targets = visitAll(all[0]!);
    await world.pass(1_000);
    await loseAndForget(world, all[0]!);
    const written = all.slice(1).map(({ bindings }) => bindings.counts.written);
    assert.equal(written[0]! + written[1]!, CLIENTS.length);
    assert.ok(Math.min(...written) > CLIENTS.length / 8, `${written} of ${CLIENTS.length} each`);
    const d = await world.start("d", SHORT);
    assertSame(d, targets);
  });

  it("are known to one that starts when those have gone as well that it was told by", async () => {
    const { world, all } = await groupOf(["a", "b", "c"], SHORT);
    const targets = visitAll(all[0]!);
    await world.pass(1_000);
    await loseAndForget(world, all[0]!);
    await loseAndForget(world, all[1]!);
    assertSame(await world.start("d", SHORT), targets);
  });

  it("are known to one that starts after it had said goodbye, though it served them until it ended", async () => {
    const { world, all } = await groupOf(["a", "b"], SHORT);
    const { target, close } = connect(all[0]!, CLIENTS[0]!);
    await all[0]!.group.leave();
    const late = connect(all[0]!, CLIENTS[1]!);
    await world.pass(8_000);
    close();
    late.close();
    await loseAndForget(world, all[0]!);
    const c = await world.start("c", SHORT);
    assert.deepEqual([visit(c, CLIENTS[0]!), visit(c, CLIENTS[1]!)], [target, late.target]);
  });

  it("are known to one that starts when the store was emptied after that", async () => {
    const { world, all } = await groupOf(["a", "b", "c"], SHORT);
    const targets = visitAll(all[0]!);
    await world.pass(1_000);
    await loseAndForget(world, all[0]!);
    world.memory.clear();
    await world.pass(3_000);
    assertSame(await world.start("d", SHORT), targets);
  });

  it("keep their targets where it was emptied while none of the others was there to tell, whoever comes before they do", async () => {
    const { world, all } = await groupOf(["a", "b", "c"], SHORT, 1_000); // newcomers themselves, but there before
    const [a, b, c] = all as [Balancer, Balancer, Balancer];
    const targets = visitAll(a);
    await world.pass(1_000);
    await loseAndForget(world, a);
    for (const each of [b, c]) each.store.fault({ lost: true });
    world.memory.clear();
    const d = await world.start("d", SHORT);
    for (let n = 1; n <= TARGETS; n++) await d.report(reporterAt(`10.0.0.${n}`));
    visitAll(d);
    await world.pass(2_000);
    for (const each of [b, c]) each.store.fault({ lost: false });
    await world.pass(4_000);
    for (const each of [b, c, d]) assertSame(each, targets);
  });
});

describe("a client that has got two targets", () => {
  it("has one a second later, though it goes on to come to both balancers by turns", async () => {
    const { world, all } = await groupOf(["a", "b", "c"]);
    const [a, b] = all as [Balancer, Balancer];
    const both = CLIENTS.filter((host) => visit(a, host) !== visit(b, host));
    assert.ok(both.length > CLIENTS.length / 2);
    for (let n = 0; n < 10; n++) {
      for (const host of both) visit(n % 2 === 0 ? a : b, host);
      await world.pass(100, 50);
    }
    for (const host of both) assert.equal(new Set(all.map((each) => visit(each, host))).size, 1, host);
    const before = all.map(({ bindings }) => bindings.counts.written);
    for (let n = 0; n < 20; n++) {
      for (const host of both) visit(n % 2 === 0 ? a : b, host);
      await world.pass(100, 50);
    }
    assert.deepEqual(
      all.map(({ bindings }) => bindings.counts.written),
      before,
      "no more is written of it",
    );
  });

  it("keeps both as long as it is connected to both, and has one a second after that", async () => {
    const { world, all } = await groupOf(["a", "b"]);
    const [a, b] = all as [Balancer, Balancer];
    const both = CLIENTS.map((host) => ({ host, here: connect(a, host), there: connect(b, host) })).filter(
      ({ here, there }) => here.target !== there.target,
    );
    await world.pass(5_000);
    for (const { host, here, there } of both)
      assert.deepEqual([visit(a, host), visit(b, host)], [here.target, there.target]);
    for (const { here, there } of both) {
      here.close();
      there.close();
    }
    await world.pass(1_000);
    for (const { host } of both) assert.equal(visit(a, host), visit(b, host), host);
  });
});

describe("clients of a group whose store fails", () => {
  it("are known again to all when it is back, those of meanwhile as well", async () => {
    const { world, all } = await groupOf(["a", "b"]);
    world.memory.fault({ lost: true });
    const targets = visitAll(all[0]!);
    await world.pass(5_000);
    world.memory.fault({ lost: false });
    await world.pass(2_000);
    assertSame(all[1]!, targets);
  });

  it("are known to a newcomer though it was emptied", async () => {
    const { world, all } = await groupOf(["a"]);
    const targets = visitAll(all[0]!);
    await world.pass(1_000);
    world.memory.clear();
    await world.pass(3_000);
    const b = await world.start("b", OPTIONS);
    assertSame(b, targets);
  });

  it("hide from nobody that it was emptied: targets are written anew, though bindings were before", async () => {
    const { world, all } = await groupOf(["a"]);
    visit(all[0]!, CLIENTS[0]!);
    await world.pass(1_050);
    world.memory.clear();
    for (let n = 1; n < 30; n++) {
      visit(all[0]!, hostOf(n));
      await world.pass(100, 50);
    }
    const b = await world.start("b", OPTIONS);
    assert.equal(Object.keys(b.targets()).length, TARGETS);
  });

  it("are known to one that may not write itself, as where the store is full", async () => {
    const { world, all } = await groupOf(["a", "b"]);
    const [a, b] = all as [Balancer, Balancer];
    b.store.fault({ refuses: "it is full" });
    visit(b, hostOf(200));
    await world.pass(500);
    const targets = visitAll(a);
    await world.pass(3_000);
    assertSame(b, targets);
  });

  it("are known within half a minute though hints get lost", async () => {
    const { world, all } = await groupOf(["a", "b"]);
    world.memory.fault({ hintsLost: true });
    const targets = visitAll(all[0]!);
    await world.pass(31_000);
    assertSame(all[1]!, targets);
  });

  it("of one balancer alone are known to all, whatever has become of the store in between", async () => {
    const fault = fc.constantFrom("lost", "answersLost", "hintsLost", "hintsTwice", "clear", "refuses");
    const step = fc.record({
      fault,
      clients: fc.integer({ min: 0, max: 30 }),
      ms: fc.integer({ min: 50, max: 4_000 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        const { world, all } = await groupOf(["a", "b", "c"]);
        const targets: Map<string, string>[] = all.map(() => new Map());
        let next = 0;
        for (const { fault: what, clients, ms } of steps) {
          if (what === "clear") world.memory.clear();
          else world.memory.fault({ [what]: what === "refuses" ? "it is full" : true });
          for (let n = 0; n < clients; n++, next++) {
            const at = next % all.length;
            targets[at]!.set(hostOf(next % 250), visit(all[at]!, hostOf(next % 250)));
          }
          await world.pass(ms);
          world.memory.fault({ lost: false, answersLost: false, hintsLost: false, hintsTwice: false, refuses: null });
        }
        await world.pass(33_000);
        for (const one of all) for (const each of targets) assertSame(one, each);
        world.close();
      }),
      { numRuns: 12 },
    );
  });
});
