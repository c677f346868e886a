/** Clients that wait for what other balancers know of them: how that is read, and for how long they wait. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { type GoOn, type Lookers, READING_MS, Readings } from "../../src/group/readings.ts";
import { PROMPT_MS } from "../../src/group/shared-bindings.ts";
import { clientKey } from "../../src/util/client-key.ts";
import { ManualClock } from "../support/clock.ts";
import { settle } from "../support/wait.ts";
import { closeWorlds, OPTIONS, groupOf as stickyGroupOf, worldOf } from "./sticky-group.ts";
import type { Balancer, World } from "./world.ts";

const WAIT = 50;

after(closeWorlds);

const WAITING = { ...OPTIONS, persistentShared: WAIT };

/** So many balancers, which are newcomers yet. */
const groupOf = (names: readonly string[]) => stickyGroupOf(names, WAITING, 2_000);

const keyOf = (host: string) => clientKey(host, new Uint32Array(4));

/** The number of a client that is looked up; -1: it does not wait. */
function come(world: World, balancer: Balancer, host: string): number {
  const pool = balancer.pools.get("p")!;
  return pool.lookUps.ms > 0 ? pool.lookUps.want(keyOf(host), world.clock.now()) : -1;
}

function mayGoOn(balancer: Balancer, number: number): boolean {
  return number < 0 || balancer.pools.get("p")!.lookUps.isDone(number);
}

/** The target that it gets, once it has gone on. */
function serve(world: World, balancer: Balancer, host: string): string {
  const pool = balancer.pools.get("p")!;
  const now = world.clock.now();
  const row = pool.pick(keyOf(host), [], now);
  pool.release(row, keyOf(host), 0, 0, now);
  return pool.identity(row);
}

const hostsFrom = (first: number) =>
  Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? `192.0.2.${first + n}` : `2001:db8:0:${first + n}::1`));

describe("a client that comes to another balancer just after it got a target", () => {
  it("has the same one, of either family, though no hint has told of it", async () => {
    const { world, all } = await groupOf(["a", "b"]);
    const [a, b] = all as [Balancer, Balancer];
    world.memory.fault({ hintsLost: true });
    const hosts = hostsFrom(1);
    const expected = hosts.map((host) => serve(world, a, host));
    world.clock.advance(PROMPT_MS);
    await settle();
    const numbers = hosts.map((host) => come(world, b, host));
    await settle(); // the first one's reading
    world.clock.advance(READING_MS);
    await settle();
    assert.ok(numbers.every((number) => number >= 0 && mayGoOn(b, number)));
    assert.deepEqual(
      hosts.map((host) => serve(world, b, host)),
      expected,
    );
    assert.equal(come(world, b, hosts[0]!), -1, "it is known by then");
  });

  it("is soon known to those to whom nobody comes as well, though each client was written by itself", async () => {
    const { world, all } = await groupOf(["a", "b"]);
    const [a, b] = all as [Balancer, Balancer];
    world.memory.fault({ hintsLost: true });
    for (const host of hostsFrom(1)) {
      serve(world, a, host);
      world.clock.advance(PROMPT_MS);
      await settle();
    }
    world.memory.fault({ hintsLost: false });
    serve(world, a, "192.0.2.250");
    await world.pass(200);
    assert.equal(b.pools.get("p")!.bindings, hostsFrom(1).length + 1);
  });

  it("is looked up with all who have come with it: the store is asked as often for a thousand as for one", async () => {
    const { world, all } = await groupOf(["a", "b", "c"]);
    const [a] = all as [Balancer];
    const cost = async (clients: number) => {
      const before = world.memory.counts.calls;
      for (let n = 0; n < clients; n++) come(world, a, `10.1.${n >> 8}.${n & 255}`);
      await settle();
      world.clock.advance(READING_MS);
      await settle();
      return world.memory.counts.calls - before;
    };
    const ofOne = await cost(1);
    assert.ok(ofOne >= 2, `${ofOne} calls`);
    assert.ok((await cost(1_000)) <= 2 * ofOne); // the first of them has not waited for the others
  });

  it("goes on when its time is over, and nobody waits after that until others can be read again", async () => {
    const { world, all } = await groupOf(["a", "b"]);
    const [a] = all as [Balancer];
    world.memory.fault({ slowMs: 5_000 });
    const first = come(world, a, "192.0.2.1");
    await settle();
    world.clock.advance(WAIT - 1);
    const second = come(world, a, "192.0.2.2");
    assert.deepEqual([mayGoOn(a, first), mayGoOn(a, second)], [false, false]);
    world.clock.advance(1);
    assert.deepEqual([mayGoOn(a, first), mayGoOn(a, second)], [true, true]);
    assert.equal(come(world, a, "192.0.2.3"), -1);
    assert.equal(a.bindings.readings.counts.late, 1);
    world.memory.fault({ slowMs: 0 });
    await world.pass(5_000);
    assert.ok(come(world, a, "192.0.2.4") >= 0);
  });

  it("does not wait where the store is lost, nor before it was reached", async () => {
    const { world, all } = await groupOf(["a", "b"]);
    const [a] = all as [Balancer];
    world.memory.fault({ lost: true });
    const number = come(world, a, "192.0.2.1");
    await settle();
    assert.ok(mayGoOn(a, number), "it is told at once that nothing can be read");
    assert.equal(come(world, a, "192.0.2.2"), -1);
    await world.pass(3_000);
    assert.equal(come(world, a, "192.0.2.2"), -1);
    world.memory.fault({ lost: false });
    await world.pass(3_000);
    assert.ok(come(world, a, "192.0.2.2") >= 0);

    const early = worldOf();
    const alone = early.start("early", WAITING);
    early.memory.fault({ lost: true });
    await early.pass(2_000);
    assert.equal(come(early, await alone, "192.0.2.1"), -1);
  });

  it("does not wait once the balancer has stopped, whatever is being read then", async () => {
    const { world, all } = await groupOf(["a", "b"]);
    const [a] = all as [Balancer];
    world.memory.fault({ slowMs: 20 });
    const number = come(world, a, "192.0.2.1");
    await settle();
    await a.bindings.end();
    assert.ok(mayGoOn(a, number));
    await world.pass(60, 5);
    assert.equal(come(world, a, "192.0.2.2"), -1);
  });

  it("goes on when the pool is not to have clients wait any more", async () => {
    const { world, all } = await groupOf(["a", "b"]);
    const [a] = all as [Balancer];
    world.memory.fault({ slowMs: 5_000 });
    const number = come(world, a, "192.0.2.1");
    a.persistentShared = 0;
    world.clock.advance(PROMPT_MS);
    assert.ok(mayGoOn(a, number));
    assert.equal(come(world, a, "192.0.2.2"), -1);
  });
});

interface Looker {
  readonly name: string;
  readonly ms: number;
}

/** Pools have clients wait for so long. */
class FakeLookers implements Lookers {
  onWanted: (ms: number) => void = () => undefined;
  onServed: () => void = () => undefined;
  readonly #waits: readonly number[];
  atLeast = Number.POSITIVE_INFINITY;
  /** Those who wait, and those for whom that has begun. */
  #waiting: Looker[] = [];
  readonly #begun = new Set<Looker>();
  readonly gone: string[] = [];

  constructor(...waits: number[]) {
    this.#waits = waits;
  }

  open(ms: number): boolean {
    this.atLeast = ms;
    this.#go((each) => each.ms <= ms);
    return this.#waits.some((wait) => wait > ms);
  }

  take(atMost = Number.POSITIVE_INFINITY): GoOn {
    const taken = this.#waiting.filter((each) => each.ms <= atMost && !this.#begun.has(each));
    for (const each of taken) this.#begun.add(each);
    return (most = Number.POSITIVE_INFINITY) => this.#go((each) => each.ms <= most && taken.includes(each));
  }

  #go(isDone: (each: Looker) => boolean): void {
    this.gone.push(...this.#waiting.filter(isDone).map(({ name }) => name));
    this.#waiting = this.#waiting.filter((each) => !isDone(each));
  }

  /** Each is told of, not the first of its pool alone. */
  come(name: string, ms = this.#waits[0]!): void {
    this.#waiting.push({ name, ms });
    this.onWanted(ms);
  }
}

function reading(...waits: number[]) {
  const clock = new ManualClock(1_000);
  const lookers = new FakeLookers(...waits);
  const begun: ((isWhole: boolean | null) => void)[] = [];
  /** null: it cannot be read. */
  const read = () =>
    new Promise<boolean>((resolve, reject) => {
      begun.push((isWhole) => (isWhole === null ? reject(new Error("lost")) : resolve(isWhole)));
    });
  const readings = new Readings({ lookers, clock, read });
  readings.reached(true);
  const pass = async (ms: number) => {
    clock.advance(ms);
    await settle();
  };
  return { clock, lookers, begun, readings, pass };
}

describe("a reading", () => {
  it("is for those who came before it; those who come meanwhile have the next one, which is not at once", async () => {
    const { lookers, begun, readings, pass } = reading(50);
    for (const name of ["a", "b"]) lookers.come(name);
    await settle();
    assert.equal(begun.length, 1);
    begun[0]!(true);
    await settle();
    assert.deepEqual(lookers.gone, ["a"], "b came when it had begun");
    assert.equal(begun.length, 1);
    for (const name of ["c", "d"]) lookers.come(name);
    await pass(READING_MS);
    assert.equal(begun.length, 2);
    lookers.come("e");
    begun[1]!(true);
    await settle();
    assert.deepEqual(lookers.gone, ["a", "b", "c", "d"]);
    await pass(READING_MS);
    begun[2]!(true);
    await settle();
    assert.deepEqual(lookers.gone.at(-1), "e");
    await pass(1_000);
    assert.equal(begun.length, 3, "nobody is there for another");
    assert.deepEqual(readings.counts, { done: 3, failed: 0, late: 0 });
  });

  it("that takes long is waited for by those alone whose pools have them wait for longer", async () => {
    const { clock, lookers, begun, readings } = reading(5, 100);
    lookers.come("a", 5);
    await settle();
    clock.advance(5);
    assert.equal(lookers.atLeast, 5);
    assert.equal(readings.look(), true);
    lookers.come("b", 100);
    begun[0]!(true);
    await settle();
    assert.equal(lookers.atLeast, 0);
    assert.deepEqual(readings.counts, { done: 1, failed: 0, late: 1 });
  });

  it("takes no longer than those may wait who waited for the one before as well: they go on, and nobody else does", async () => {
    const { lookers, begun, readings, pass } = reading(5, 100);
    lookers.come("a");
    await pass(1);
    lookers.come("b");
    lookers.come("long", 100);
    await pass(3);
    begun[0]!(true);
    await settle();
    assert.deepEqual([lookers.gone, begun.length], [["a"], 2]);
    await pass(2);
    assert.deepEqual(lookers.gone, ["a", "b"], "5 ms after it came");
    assert.equal(lookers.atLeast, 0, "the pool has clients wait on");
    lookers.come("c");
    await pass(2);
    begun[1]!(true);
    await settle();
    assert.deepEqual(lookers.gone, ["a", "b", "long"]);
    begun[2]!(true);
    await settle();
    assert.deepEqual(lookers.gone, ["a", "b", "long", "c"]);
    assert.deepEqual(readings.counts, { done: 3, failed: 0, late: 1 });
  });

  it("is not waited for in vain by others than those whose time is over before it begins", async () => {
    const { lookers, begun, readings, pass } = reading(1, 100);
    lookers.come("a");
    await settle();
    begun[0]!(true);
    await settle();
    lookers.come("b");
    lookers.come("long", 100);
    await pass(1);
    assert.deepEqual([lookers.gone, begun.length], [["a", "b"], 1]);
    await pass(1);
    begun[1]!(true);
    await settle();
    assert.deepEqual(lookers.gone, ["a", "b", "long"]);
    assert.deepEqual(readings.counts, { done: 2, failed: 0, late: 1 });
  });

  it("is late once for all of a pool who wait for it, however often one is told of", async () => {
    const { clock, lookers, readings } = reading(50);
    lookers.come("a");
    await settle();
    const timers = clock.pending;
    for (let n = 0; n < 100; n++) lookers.come(`${n}`);
    assert.equal(clock.pending, timers + 1);
    clock.advance(50);
    assert.equal(lookers.gone.length, 101);
    clock.advance(1_000);
    assert.equal(readings.counts.late, 1);
  });

  for (const [what, outcome] of [
    ["fails", null],
    ["is not whole", false],
  ] as const) {
    it(`that ${what} has everybody go on, and nobody wait`, async () => {
      const { lookers, begun, readings } = reading(50);
      lookers.come("a");
      lookers.come("b");
      await settle();
      begun[0]!(outcome);
      await settle();
      assert.deepEqual(lookers.gone, ["a", "b"]);
      assert.equal(lookers.atLeast, Number.POSITIVE_INFINITY);
      assert.deepEqual(readings.counts, { done: 0, failed: 1, late: 0 });
    });
  }

  it("that ends after the end has nobody wait again", async () => {
    const { clock, lookers, begun, readings } = reading(50);
    lookers.come("a");
    await settle();
    lookers.come("b");
    readings.end();
    assert.deepEqual(lookers.gone, ["a", "b"]);
    begun[0]!(true);
    await settle();
    assert.equal(lookers.atLeast, Number.POSITIVE_INFINITY);
    assert.equal(readings.look(), false);
    assert.equal(clock.pending, 0);
  });
});
