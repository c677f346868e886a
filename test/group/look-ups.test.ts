/** Clients that wait for what other balancers know of them: how that is read, and for how long they wait. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { LOOK_UP_MS, type Lookers, LookUps } from "../../src/group/look-ups.ts";
import { PROMPT_MS } from "../../src/group/shared-bindings.ts";
import { Pool } from "../../src/pool/pool.ts";
import { clientKey } from "../../src/util/client-key.ts";
import { ManualClock } from "../support/clock.ts";
import { settle } from "../support/wait.ts";
import { type Balancer, reporterAt, World } from "./world.ts";

const WAIT = 50;
const TARGETS = 5;
const worlds: World[] = [];

after(() => {
  for (const world of worlds) world.close();
});

/** By which the pools of a test draw: none of them picks as another one would. */
let seed = 1;
const poolOf = (name: string) =>
  Pool.create({ name, algorithm: "random", persistent: 600_000, concurrency: -1, queue: 0, seed: seed++ });

const OPTIONS = { poolOf, lease: 6_000_000, persistentShared: WAIT };

/** So many balancers that all know the same targets. */
async function groupOf(names: readonly string[]): Promise<{ world: World; all: Balancer[] }> {
  const world = new World();
  worlds.push(world);
  const all: Balancer[] = [];
  for (const name of names) all.push(await world.start(name, OPTIONS));
  for (let n = 1; n <= TARGETS; n++) await all[0]!.report(reporterAt(`10.0.0.${n}`));
  await world.pass(2_000);
  return { world, all };
}

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
    world.clock.advance(LOOK_UP_MS);
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
      world.clock.advance(LOOK_UP_MS);
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
    assert.equal(a.bindings.lookUps.counts.late, 1);
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

    const early = new World();
    worlds.push(early);
    const alone = early.start("early", OPTIONS);
    early.memory.fault({ lost: true });
    await early.pass(2_000);
    assert.equal(come(early, await alone, "192.0.2.1"), -1);
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

/** Pools have clients wait for so long. */
class FakeLookers implements Lookers {
  onWanted: (ms: number) => void = () => undefined;
  onServed: () => void = () => undefined;
  readonly #waits: readonly number[];
  atLeast = Number.POSITIVE_INFINITY;
  waiting: string[] = [];
  readonly gone: string[] = [];

  constructor(...waits: number[]) {
    this.#waits = waits;
  }

  open(ms: number): boolean {
    this.atLeast = ms;
    if (!this.#waits.some((wait) => wait > ms)) this.gone.push(...this.waiting.splice(0));
    return this.#waits.some((wait) => wait > ms);
  }

  take(): () => void {
    const taken = this.waiting.splice(0);
    return () => void this.gone.push(...taken);
  }

  come(name: string, ms = this.#waits[0]!): void {
    this.waiting.push(name);
    if (this.waiting.length === 1) this.onWanted(ms);
  }
}

function readings(...waits: number[]) {
  const clock = new ManualClock(1_000);
  const lookers = new FakeLookers(...waits);
  const begun: ((isRead: boolean) => void)[] = [];
  const read = () =>
    new Promise<void>((resolve, reject) => {
      begun.push((isRead) => (isRead ? resolve() : reject(new Error("lost"))));
    });
  const lookUps = new LookUps({ lookers, clock, read });
  lookUps.reached(true);
  return { clock, lookers, begun, lookUps };
}

describe("a reading", () => {
  it("is for those who came before it; those who come meanwhile have the next one, which is not at once", async () => {
    const { clock, lookers, begun, lookUps } = readings(50);
    for (const name of ["a", "b"]) lookers.come(name);
    await settle();
    assert.equal(begun.length, 1);
    begun[0]!(true);
    await settle();
    assert.deepEqual(lookers.gone, ["a"], "b came when it had begun");
    assert.equal(begun.length, 1);
    for (const name of ["c", "d"]) lookers.come(name);
    clock.advance(LOOK_UP_MS);
    await settle();
    assert.equal(begun.length, 2);
    lookers.come("e");
    begun[1]!(true);
    await settle();
    assert.deepEqual(lookers.gone, ["a", "b", "c", "d"]);
    clock.advance(LOOK_UP_MS);
    await settle();
    begun[2]!(true);
    await settle();
    assert.deepEqual(lookers.gone.at(-1), "e");
    clock.advance(1_000);
    await settle();
    assert.equal(begun.length, 3, "nobody is there for another");
    assert.deepEqual(lookUps.counts, { done: 3, late: 0 });
  });

  it("that takes long is waited for by those alone whose pools have them wait for longer", async () => {
    const { clock, lookers, begun, lookUps } = readings(5, 100);
    lookers.come("a", 5);
    await settle();
    clock.advance(5);
    assert.equal(lookers.atLeast, 5);
    assert.equal(lookUps.look(), true);
    lookers.come("b", 100);
    begun[0]!(true);
    await settle();
    assert.equal(lookers.atLeast, 0);
    assert.deepEqual(lookUps.counts, { done: 1, late: 1 });
  });

  it("that fails has everybody go on", async () => {
    const { lookers, begun, lookUps } = readings(50);
    lookers.come("a");
    lookers.come("b");
    await settle();
    begun[0]!(false);
    await settle();
    assert.deepEqual(lookers.gone, ["a", "b"]);
    assert.equal(lookers.atLeast, Number.POSITIVE_INFINITY);
    assert.deepEqual(lookUps.counts, { done: 0, late: 0 });
  });
});
