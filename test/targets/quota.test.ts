/** What the holders of one key may take up, and that it never costs others their room. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Pool } from "../../src/pool/pool.ts";
import { INVITED_TARGETS, quotaOf, TargetQuotas } from "../../src/targets/quota.ts";
import type { Registry } from "../../src/targets/registry.ts";
import type { QuotaLimits, TargetOwner } from "../../src/targets/report.ts";
import { codeOf, messageOf } from "../../src/util/errors.ts";
import { amount } from "../support/amount.ts";
import { ManualClock } from "../support/clock.ts";
import fc from "../support/draws.ts";
import { registryOf } from "./registry-of.ts";

const LEASE = 10_000;
const CLIENT = Uint32Array.of(0, 0, 0xffff, 1);

class World {
  readonly clock = new ManualClock();
  readonly pool: Pool;
  readonly registry: Registry;
  readonly events: string[] = [];
  accepted = true;

  /** A key that does not say otherwise may have half of `maxTargets`. */
  constructor(maxTargets: number) {
    const options = { algorithm: "roundrobin", persistent: null, concurrency: -1, queue: 0 } as const;
    this.pool = Pool.create({ name: "p", ...options, maxTargets });
    this.registry = registryOf({
      pools: new Map([["p", this.pool]]),
      clock: this.clock,
      lease: LEASE,
      accepts: ({ id }) => this.accepted || id !== "a",
      quotaOf: ({ limits }) => quotaOf(limits, maxTargets / 2),
      onEvent: (...event) => {
        if (event[0] === "targetLeave") this.events.push(`${event[1].identity} ${event[2]}`);
      },
    });
  }

  owner(id: string, limits: QuotaLimits = {}): TargetOwner {
    const remote = { host: "10.0.0.1", port: 1 };
    return { remote, key: { id, limits }, forbids: () => null, replaced: () => undefined };
  }

  /** "ok", or the code of the refusal. */
  report(owner: TargetOwner, id: string, ref = 0): string {
    const report = { id, pool: "p", port: 80, weight: 1, health: "up", drain: false } as const;
    try {
      this.registry.report(owner, report, owner.remote.host, { ref, reach: "connected" });
      return "ok";
    } catch (error) {
      this.message = messageOf(error);
      return codeOf(error) ?? assert.fail(error as Error);
    }
  }
  message = "";

  /** Registers as many as it may, each in a session of its own that is lost at once. Gives how many there were. */
  flood(id: string, count: number, limits: QuotaLimits = {}): number {
    let taken = 0;
    for (let each = 0; each < count; each++) {
      const owner = this.owner(id, limits);
      if (this.report(owner, `${id}-${each}`) === "ok") taken++;
      this.registry.lost(owner);
    }
    return taken;
  }

  pass(ms: number): void {
    this.clock.advance(ms);
    this.registry.expire();
  }

  get names(): string[] {
    return this.pool.targets().map(({ identity }) => identity);
  }
}

describe("the targets of a key", () => {
  it("are half of all at once: one that reports 1,024 ids as fast as it can keeps no other out, dead or alive", () => {
    const world = new World(1_024);
    assert.equal(world.flood("a", 1_024), 512);
    assert.equal(world.report(world.owner("a"), "more"), "QUOTA");
    assert.match(world.message, /key "a" has 512 targets.*targets=/);
    assert.equal(world.flood("b", 512), 512);
    world.pass(LEASE);
    world.pass(60_000);
    assert.equal(world.report(world.owner("c"), "c"), "ok", "the pool is full of dead rows");
    assert.equal(world.names.length, 1_024);
    assert.equal(world.flood("a", 1_024), 512, "in place of its own dead ones");
    assert.equal(world.names.filter((name) => name.startsWith("p/b-")).length, 511, "and of nobody else's");
  });

  it("are as many as its line says", () => {
    const world = new World(64);
    assert.equal(world.flood("a", 64, { targets: 3 }), 3);
    assert.equal(world.flood("b", 64, { targets: 60 }), 60);
    assert.deepEqual(quotaOf({}, INVITED_TARGETS), { targets: 16, sessions: 32, newTargets: 16 });
    assert.deepEqual(quotaOf({ targets: 5, sessions: 7, newTargets: 9 }, 512), {
      targets: 5,
      sessions: 7,
      newTargets: 9,
    });
  });

  it("that are dead give way to new ones of the key, also where the table has room", () => {
    const world = new World(64);
    assert.equal(world.flood("a", 3, { targets: 2 }), 2);
    world.pass(LEASE + 60_000);
    assert.equal(world.report(world.owner("a", { targets: 2 }), "new"), "ok");
    assert.deepEqual(world.names.sort(), ["p/a-1", "p/new"]);
    assert.deepEqual(world.events, ["p/a-0 forgotten"]);
  });

  it("come as fast as they may be many, and then so many a minute: churn of ids is slowed down", () => {
    const world = new World(64);
    const owner = world.owner("a", { targets: 4, newTargets: 2 });
    const churn = () => {
      let taken = 0;
      for (let count = 0; count < 1_000; count++) {
        if (world.report(owner, `id-${world.clock.now()}-${count}`) === "ok") taken++;
      }
      return taken;
    };
    assert.equal(churn(), 4);
    assert.match(world.message, /2 new targets a minute.*new-targets=/);
    assert.equal(world.names.length, 1, "each has moved on");
    world.clock.advance(30_000);
    assert.equal(churn(), 1);
    world.clock.advance(3_600_000);
    assert.equal(churn(), 4);
    assert.equal(world.report(world.owner("b"), "b"), "ok");
  });

  it("that are known are reported again without end", () => {
    const world = new World(64);
    const owner = world.owner("a", { targets: 2, newTargets: 1 });
    for (let count = 0; count < 100; count++) {
      assert.equal(world.report(owner, `id-${count % 2}`, count % 2), "ok");
    }
    world.registry.lost(owner);
    for (let count = 0; count < 100; count++) {
      const next = world.owner("a", { targets: 2, newTargets: 1 });
      assert.equal(world.report(next, "id-0"), "ok");
      world.registry.lost(next);
    }
  });

  it("count until their last connection has ended, also once they have left", () => {
    const world = new World(64);
    const limits = { targets: 2, newTargets: 100 };
    const [first, second] = [world.owner("a", limits), world.owner("a", limits)];
    assert.equal(world.report(first, "one"), "ok");
    const row = world.pool.pick(CLIENT, [], 0);
    assert.equal(world.report(second, "two"), "ok");
    world.clock.advance(5_000); // so that these two count no more as new
    world.registry.leave(first);
    assert.equal(world.report(first, "three"), "QUOTA");
    assert.equal(world.report(first, "one"), "ok", "it has the row already");
    world.registry.leave(first);
    world.pool.release(row, CLIENT, 0, 0, 0);
    assert.equal(world.report(first, "three"), "ok");
  });

  it("make room for one that moves to another name, even where all are taken", () => {
    const world = new World(2);
    const owner = world.owner("a", { targets: 1, newTargets: 100 });
    assert.equal(world.report(world.owner("b"), "b"), "ok");
    assert.equal(world.report(owner, "one"), "ok");
    world.clock.advance(5_000); // so that it counts no more as new
    assert.equal(world.report(owner, "two"), "ok");
    assert.deepEqual(world.names.sort(), ["p/b", "p/two"]);
    assert.ok(world.events.includes("p/one moved"));
  });

  it("go with it, and it may have all of them again should it come back", () => {
    const world = new World(64);
    const owner = world.owner("a");
    assert.equal(world.report(owner, "mine"), "ok");
    assert.equal(world.flood("a", 64), 31);
    assert.equal(world.report(world.owner("b"), "b"), "ok");
    world.accepted = false;
    world.registry.revoke();
    assert.deepEqual(world.names, ["p/b"]);
    assert.ok(world.events.includes("p/mine revoked"));
    assert.equal(world.registry.owns(owner), false);
    world.accepted = true;
    world.clock.advance(60_000);
    assert.equal(world.flood("a", 64), 32);
  });
});

describe("room in a full pool", () => {
  /** Each lost at once, and dead. */
  function dead(world: World, targets: readonly string[], limits: QuotaLimits = {}): void {
    for (const id of targets) {
      const owner = world.owner(id.split("-")[0]!, limits);
      assert.equal(world.report(owner, id), "ok");
      world.registry.lost(owner);
    }
    world.pass(LEASE);
  }

  it("is made by the key's own dead first, though another key has more of them", () => {
    const world = new World(4);
    dead(world, ["a-1", "b-1", "b-2", "c-1"]);
    assert.equal(world.report(world.owner("a"), "a-2"), "ok");
    assert.deepEqual(world.names.sort(), ["p/a-2", "p/b-1", "p/b-2", "p/c-1"]);
  });

  it("is made by the dead of the key that has most of all", () => {
    const world = new World(4);
    dead(world, ["a-1", "b-1", "b-2", "c-1"]);
    assert.equal(world.report(world.owner("d"), "d"), "ok");
    assert.deepEqual(world.names.sort(), ["p/a-1", "p/b-2", "p/c-1", "p/d"]);
  });

  it("costs nobody anything where the target has its row still", () => {
    const world = new World(2);
    const owner = world.owner("a");
    assert.equal(world.report(owner, "a-1"), "ok");
    world.pool.pick(CLIENT, [], 0);
    world.registry.leave(owner);
    dead(world, ["b-1"]);
    world.clock.advance(60_000); // so that the first one counts no more as new
    assert.equal(world.report(owner, "a-1"), "ok");
    assert.deepEqual(world.names.sort(), ["p/a-1", "p/b-1"]);
  });

  it("is not counted twice: a row whose name another key has taken is that one's", () => {
    const world = new World(8);
    const limits = { targets: 1, newTargets: 100 };
    const [first, second] = [world.owner("a", limits), world.owner("b", limits)];
    assert.equal(world.report(first, "shared"), "ok");
    world.pool.pick(CLIENT, [], 0);
    world.registry.leave(first);
    assert.equal(world.report(second, "shared"), "ok");
    world.clock.advance(5_000);
    assert.equal(world.report(first, "other"), "ok");
    assert.equal(world.report(world.owner("b", limits), "more"), "QUOTA");
  });
});

describe("what is known of a key", () => {
  it("is dropped once it says nothing", () => {
    const clock = new ManualClock();
    const quotas = new TargetQuotas({ quotaOf: ({ limits }) => quotaOf(limits, 4), clock }, new Map());
    const pool = Pool.create({ name: "p", algorithm: "roundrobin", persistent: null, concurrency: -1, queue: 0 });
    const key = { id: "a", limits: {} };
    quotas.roomFor({ key, pool, identity: "p/a", mine: undefined, freed: undefined });
    assert.equal(quotas.size, 1);
    quotas.prune();
    assert.equal(quotas.size, 0);
  });
});

type Step =
  | { do: "report"; key: number; id: number; seat: number; ref: number }
  | { do: "leave"; key: number; seat: number; ref: number }
  | { do: "lose"; key: number; seat: number }
  | { do: "connect" }
  | { do: "hangUp"; which: number }
  | { do: "pass"; ms: number };

const KEYS: readonly QuotaLimits[] = [{ targets: 3 }, { targets: 2, newTargets: 40 }, { targets: 3, newTargets: 9 }];
const ROWS = 8;
const seat = { key: fc.nat(KEYS.length - 1), seat: fc.nat(1) };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("report" as const), ...seat, id: fc.nat(5), ref: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), ...seat, ref: fc.nat(1) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("lose" as const), ...seat }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("connect" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("hangUp" as const), which: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.constantFrom(1_000, 11_000) }) },
);

describe("whoever takes up whatever", () => {
  it("keeps nobody out who has room in his own quota, where the table has room for all of these", () => {
    const seen = new Map<string, number>();
    const course = (steps: readonly Step[]) => {
      const world = new World(ROWS);
      const owners = new Map<string, TargetOwner>();
      const open: number[] = [];
      for (const each of steps) {
        const name = "key" in each ? `${each.key}/${each.seat}` : "";
        const owner = owners.get(name) ?? ("key" in each ? world.owner(`k${each.key}`, KEYS[each.key]) : undefined);
        if (owner) owners.set(name, owner);
        if (each.do === "report") {
          const code = world.report(owner!, `${each.key}-${each.id}`, each.ref);
          seen.set(code, (seen.get(code) ?? 0) + 1);
          assert.notEqual(code, "POOL_FULL");
        } else if (each.do === "leave") {
          world.registry.leave(owner!, each.ref);
        } else if (each.do === "lose") {
          world.registry.lost(owner!);
          owners.delete(name);
        } else if (each.do === "connect") {
          const row = world.pool.pick(CLIENT, [], 0);
          if (row >= 0) open.push(row);
        } else if (each.do === "hangUp") {
          const [row] = open.splice(each.which, 1);
          if (row !== undefined) world.pool.release(row, CLIENT, 0, 0, 0);
        } else {
          world.pass(each.ms);
        }
        for (const [key, { targets = 0 }] of KEYS.entries()) {
          const rows = world.names.filter((identity) => identity.startsWith(`p/${key}-`));
          assert.ok(rows.length <= targets);
        }
      }
    };
    fc.assert(fc.property(fc.array(step, { minLength: 10, maxLength: 80, size: "max" }), course), {
      numRuns: amount(300),
    });
    assert.ok((seen.get("QUOTA") ?? 0) > amount(100) && (seen.get("ok") ?? 0) > amount(100), JSON.stringify([...seen]));
  });
});
