/** Targets without a reporter, and what happens where there is one as well. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Address } from "../../src/net/runtime.ts";
import { ASKED_PROXIES } from "../../src/pool/asked-proxy.ts";
import type { Pool } from "../../src/pool/pool.ts";
import type { TargetMonitor } from "../../src/targets/monitor.ts";
import type { ProbeOutcome } from "../../src/targets/probe.ts";
import { quotaOf } from "../../src/targets/quota.ts";
import type { Registry } from "../../src/targets/registry.ts";
import type { QuotaLimits, Report, TargetOwner } from "../../src/targets/report.ts";
import type { DeclaredTarget } from "../../src/targets/wanted.ts";
import { formatAddress } from "../../src/util/address.ts";
import { codeOf } from "../../src/util/errors.ts";
import { ManualClock } from "../support/clock.ts";
import { settle } from "../support/wait.ts";
import { plainPool, watchedRegistry } from "./registry-of.ts";

const LEASE = 10_000;
const CLIENT = Uint32Array.of(0, 0, 0xffff, 1);
const REPORT: Report = { pool: "p", port: 80, weight: 9, health: "up", drain: false };

class World {
  readonly clock = new ManualClock();
  readonly pool: Pool;
  readonly pools = new Map<string, Pool>();
  readonly story: string[] = [];
  readonly warnings: string[] = [];
  readonly probed: string[] = [];
  /** How often the pool was written to. */
  writes = 0;
  listeners: Address[] = [];
  outcome: ProbeOutcome = "connected";
  readonly registry: Registry;
  readonly monitor: TargetMonitor;

  constructor({ maxTargets = 16, panic = false } = {}) {
    const { clock, pools } = this;
    this.pool = plainPool("p", maxTargets);
    pools.set("p", this.pool);
    const set = this.pool.set.bind(this.pool);
    this.pool.set = (...args) => {
      this.writes += 1;
      set(...args);
    };
    const { registry, monitor } = watchedRegistry({
      panicOf: () => panic,
      pools,
      clock,
      lease: LEASE,
      quotaOf: ({ limits }) => quotaOf(limits, 100),
      ownListeners: () => this.listeners,
      localAddresses: () => ["10.0.0.99"],
      onWarning: (message) => void this.warnings.push(message),
      onEvent: (...[name, target, detail]) => {
        const told = typeof detail === "object" && detail !== null && "code" in detail ? detail.code : detail;
        this.story.push(`${name} ${typeof target === "object" ? target.identity : target} ${told ?? ""}`.trim());
      },
      probe: async (to) => {
        this.probed.push(formatAddress(to));
        return this.outcome;
      },
    });
    this.registry = registry;
    this.monitor = monitor;
  }

  async declare(...targets: readonly DeclaredTarget[]): Promise<void> {
    this.registry.declare("p", targets);
    await settle(5);
  }

  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      this.clock.advance(1_000);
      await settle(3);
    }
  }

  /** "ok", or why not. */
  async report(owner: TargetOwner, report: Partial<Report> = {}, ref = 0): Promise<string> {
    try {
      this.registry.report(owner, { ...REPORT, ...report }, owner.remote.host, { ref });
      await settle(5);
      return "ok";
    } catch (error) {
      return codeOf(error) ?? assert.fail(error as Error);
    }
  }

  /** What the pool has: state and weight by name. */
  get targets(): Record<string, string> {
    return Object.fromEntries(
      this.pool.targets().map(({ identity, state, weight }) => [identity, `${state} ${weight}`]),
    );
  }
}

function at(host: string, terms: Partial<DeclaredTarget> = {}): DeclaredTarget {
  const address = { host, port: 80 };
  return { address, weight: 1, maxConnections: 0, priority: 0, backup: false, source: "static", name: null, ...terms };
}

function ownerAt(host: string, id = "k", limits: QuotaLimits = {}): TargetOwner {
  return { remote: { host, port: 1 }, key: { id, limits }, forbids: () => null, replaced: () => undefined };
}

const A = "10.0.0.1";
const B = "10.0.0.2";
const ON_A = `p/${A}:80`;
const ON_B = `p/${B}:80`;

describe("a target that is declared", () => {
  it("is connected to at once, is up when it accepts, and has no lease", async () => {
    const world = new World();
    await world.declare(at(A));
    assert.deepEqual([world.probed, world.targets], [[`${A}:80`], { [ON_A]: "up 1" }]);
    await world.pass(60);
    world.clock.advance(1_000 * LEASE);
    await settle();
    assert.deepEqual(world.targets, { [ON_A]: "up 1" });
    assert.deepEqual(world.story, [`targetUp ${ON_A}`]);
    world.monitor.close();
  });

  it("is there before the one whose place it takes has gone, and takes load before that one ceases to", async () => {
    const world = new World();
    await world.declare(at(A));
    const taking: number[] = [];
    const { pool } = world;
    for (const name of ["set", "remove"] as const) {
      const own = pool[name].bind(pool) as (...args: unknown[]) => never;
      pool[name] = (...args: unknown[]) => {
        const result = own(...args);
        taking.push(pool.targets().filter(({ weight }) => weight > 0).length);
        return result;
      };
    }
    await world.declare(at(B));
    await world.declare(at(A, { weight: 0 }), at(B));
    await world.declare(at(B, { weight: 0 }), at(A));
    assert.ok(taking.length >= 5 && !taking.includes(0), `${taking}`);
    assert.deepEqual(world.targets, { [ON_B]: "up 0", [ON_A]: "up 1" });
    world.monitor.close();
  });

  it("goes first where the pool is full", async () => {
    const world = new World({ maxTargets: 1 });
    await world.declare(at(A));
    await world.declare(at(B));
    assert.deepEqual([world.targets, world.warnings], [{ [ON_B]: "up 1" }, []]);
    world.monitor.close();
  });

  it("is suspect while it does not accept, and is probed until it does", async () => {
    const world = new World();
    world.outcome = "ECONNREFUSED";
    await world.declare(at(A));
    await world.pass(30);
    assert.deepEqual(world.targets, { [ON_A]: "suspect 1" });
    assert.deepEqual(world.story, [`targetSuspect ${ON_A} ECONNREFUSED`]);
    world.outcome = "connected";
    await world.pass(11);
    assert.deepEqual(world.targets, { [ON_A]: "up 1" });
    world.pool.setState(ON_A, "suspect", "ECONNRESET");
    await world.pass(3);
    assert.match(world.story.at(-1)!, new RegExp(`^targetRecovered ${ON_A} \\d+$`));
    world.monitor.close();
  });

  it("is written where it has changed, and not touched where it has not", async () => {
    const world = new World();
    await world.declare(at(A), at(B));
    const writes = world.writes;
    await world.declare(at(A), at(B, { weight: 5, backup: true }));
    assert.equal(world.writes, writes + 1);
    assert.equal(world.pool.view(ON_B)?.backup, true);
    await world.declare(at(B, { weight: 5, backup: true }));
    assert.equal(world.writes, writes + 1);
    assert.deepEqual(world.targets, { [ON_B]: "up 5" });
    assert.equal(world.story.at(-1), `targetLeave ${ON_A} undeclared`);
    world.monitor.close();
  });

  it("may be a Unix socket", async () => {
    const world = new World();
    await world.declare(at("", { address: { path: "/run/db.sock" } }));
    assert.deepEqual([world.probed, world.targets], [["unix:/run/db.sock"], { "p/unix:/run/db.sock": "up 1" }]);
    world.monitor.close();
  });

  it("is one, however its address is written", async () => {
    const world = new World();
    await world.declare(at(A), at(`::ffff:${A}`, { weight: 7 }), at("FD00::1"), at("fd00:0::1"));
    assert.deepEqual(world.targets, { [ON_A]: "up 1", "p/[fd00::1]:80": "up 1" });
    world.monitor.close();
  });

  it("is not used where the balancer itself listens, which is judged anew whenever it is declared", async () => {
    const world = new World();
    world.listeners = [{ host: "", port: 80 }, { path: "/run/own.sock" }];
    const own = [at("10.0.0.99"), at("127.0.0.1"), at("", { address: { path: "/run/own.sock" } })];
    await world.declare(...own, at(A));
    assert.deepEqual(world.targets, { [ON_A]: "up 1" });
    assert.equal(world.warnings.length, 3);
    assert.match(world.warnings[0]!, /^pool p: the target 10\.0\.0\.99:80 is not used: .*it would dial itself$/);
    world.listeners = [{ host: A, port: 80 }];
    await world.declare(...own, at(A));
    assert.deepEqual(Object.keys(world.targets).sort(), ["p/10.0.0.99:80", "p/127.0.0.1:80", "p/unix:/run/own.sock"]);
    world.monitor.close();
  });

  it("waits for room in a pool that is full, where no dead one makes room for it", async () => {
    const world = new World({ maxTargets: 2 });
    const owner = ownerAt("10.0.0.7");
    await world.report(owner, { id: "dying" });
    world.registry.lost(owner);
    await world.pass(LEASE / 1_000 + 1);
    assert.deepEqual(world.targets, { "p/dying": "down 9" });
    await world.declare(at(A), at(B), at("10.0.0.3"), at("10.0.0.4"));
    assert.deepEqual(world.targets, { [ON_A]: "up 1", [ON_B]: "up 1" });
    assert.match(world.warnings[0]!, /^pool p is full: 2 of the targets that it is to have are not used/);
    await world.declare(at(B), at("10.0.0.3"), at("10.0.0.4"));
    assert.deepEqual(Object.keys(world.targets).sort(), [ON_B, "p/10.0.0.3:80"]);
    await world.pass(5);
    await world.declare(at("10.0.0.4"));
    assert.deepEqual(Object.keys(world.targets), ["p/10.0.0.4:80"]);
    world.monitor.close();
  });

  it("finds room as soon as somebody leaves", async () => {
    const world = new World({ maxTargets: 1 });
    const owner = ownerAt(B);
    await world.report(owner);
    await world.declare(at(A));
    assert.deepEqual(Object.keys(world.targets), [ON_B]);
    assert.match(world.warnings[0]!, /^pool p is full: one of the targets/);
    world.registry.leave(owner);
    await world.pass(2);
    assert.deepEqual(world.targets, { [ON_A]: "up 1" });
    await world.declare(at(B));
    await world.pass(2);
    assert.deepEqual(world.targets, { [ON_B]: "up 1" }, "the one that had waited is wanted no more");
    world.monitor.close();
  });
});

describe("a target that a reporter registers as well", () => {
  it("keeps its name, its counters and its connections while sources come and go", async () => {
    const world = new World();
    const owner = ownerAt(A);
    await world.report(owner, { id: "one" });
    const row = world.pool.pick(CLIENT, [], 0);
    await world.declare(at(A, { maxConnections: 3 }));
    assert.deepEqual(world.registry.sourcesOf("p/one"), ["registered", "static"]);
    world.registry.leave(owner);
    assert.deepEqual(world.registry.sourcesOf("p/one"), ["static"]);
    assert.equal(world.registry.report(owner, { ...REPORT, id: "two" }, A).target, "p/one");
    await world.declare();
    assert.equal(world.registry.report(owner, { ...REPORT, id: "two" }, A).target, "p/one");
    assert.equal(world.pool.view("p/one")?.active, 1);
    assert.deepEqual(world.targets, { "p/one": "up 9" });
    const ownWords = world.story.filter((line) => !line.startsWith("targetSources"));
    assert.deepEqual(ownWords, ["targetUp p/one"], "it was up all the time");
    assert.deepEqual(
      world.story.slice(1),
      ["registered,static", "static", "registered,static", "registered"].map((all) => `targetSources p/one ${all}`),
    );
    world.pool.release(row, CLIENT, 0, 0, 0);
    world.monitor.close();
  });

  it("has the priority that its reporter says, and else the declared one", async () => {
    const world = new World();
    const owner = ownerAt(A);
    const priority = () => world.pool.view(ON_A)?.priority;
    await world.declare(at(A, { priority: 3 }));
    assert.equal(priority(), 3);
    await world.report(owner, {});
    assert.equal(priority(), 3);
    await world.report(owner, { priority: 5 });
    assert.equal(priority(), 5);
    await world.declare(at(A, { priority: 4 }));
    assert.equal(priority(), 5);
    world.registry.leave(owner);
    assert.equal(priority(), 4);
    world.monitor.close();
  });

  it("is sent the PROXY header that its reporter asks for while that counts, and else what its pool says", async () => {
    const world = new World();
    const owner = ownerAt(A);
    const asked = () => ASKED_PROXIES[world.pool.askedProxy(world.pool.row(ON_A))];
    await world.declare(at(A));
    assert.equal(asked(), "pool");
    for (const sendProxy of ["v2", "off", "v1"] as const) {
      await world.report(owner, { sendProxy });
      assert.equal(asked(), sendProxy);
      assert.equal(world.pool.view(ON_A)?.sendProxy, sendProxy);
    }
    await world.report(owner, {});
    assert.equal(asked(), "pool");
    await world.report(owner, { sendProxy: "v2" });
    world.registry.leave(owner);
    assert.equal(asked(), "pool");
    world.monitor.close();
  });

  it("is as its reporter says while that counts, and else as it is declared", async () => {
    const world = new World();
    const owner = ownerAt(A);
    await world.declare(at(A, { backup: true }));
    await world.report(owner, { drain: true });
    assert.deepEqual(world.targets, { [ON_A]: "draining 9" });
    await world.report(owner, { health: "down" });
    assert.deepEqual(world.targets, { [ON_A]: "down 9" });
    await world.pass(LEASE / 1_000 + 1);
    assert.deepEqual(world.targets, { [ON_A]: "up 1" }, "its lease has run out");
    await world.report(owner, { drain: true });
    world.registry.leave(owner);
    await settle();
    assert.deepEqual(world.targets, { [ON_A]: "up 1" }, "nobody takes it away");
    assert.equal(world.pool.view(ON_A)?.backup, true);
    world.monitor.close();
  });

  it("is suspect when it refuses after its reporter was lost", async () => {
    const world = new World();
    const owner = ownerAt(A);
    await world.declare(at(A));
    await world.report(owner);
    world.outcome = "ECONNREFUSED";
    for (const orphan of world.registry.lost(owner)) world.monitor.orphaned(orphan);
    await settle();
    assert.deepEqual(world.targets, { [ON_A]: "suspect 1" });
    await world.pass(2);
    assert.ok(world.story.includes(`targetSuspect ${ON_A} ECONNREFUSED`));
    assert.ok(!world.story.some((line) => line.startsWith("targetDown")));
    world.outcome = "connected";
    await world.pass(11);
    assert.deepEqual(world.targets, { [ON_A]: "up 1" });
    world.monitor.close();
  });

  it("is down when it is declared no more and its last report counts no more, and leaves in time", async () => {
    const world = new World();
    const owner = ownerAt(A);
    await world.report(owner);
    await world.declare(at(A));
    world.registry.lost(owner);
    await world.pass(LEASE / 1_000 + 1);
    assert.deepEqual(world.targets, { [ON_A]: "up 1" });
    await world.declare();
    assert.deepEqual(world.targets, { [ON_A]: "down 9" });
    assert.ok(world.story.includes(`targetDown ${ON_A} lease-expired`));
    world.clock.advance(86_400_000);
    await settle();
    assert.deepEqual(world.targets, {});
    world.monitor.close();
  });

  it("counts in nobody's quota", async () => {
    const world = new World();
    const limits = { targets: 1, newTargets: 1_000 };
    await world.declare(at(A), at(B));
    const [first, second, third] = [A, B, "10.0.0.3"].map((host) => ownerAt(host, "k", limits));
    for (const owner of [first!, second!, third!]) assert.equal(await world.report(owner), "ok");
    assert.equal(await world.report(ownerAt("10.0.0.4", "k", limits)), "QUOTA");
    world.registry.leave(third!);
    await world.declare(at(A));
    await world.pass(1); // so that none counts as new
    assert.equal(await world.report(third!), "QUOTA", "what is no longer declared is the key's");
    await world.declare(at(A), at(B));
    await world.pass(1); // so that it counts no more as new
    assert.equal(await world.report(third!), "ok");
    world.monitor.close();
  });

  it("belongs to the key that it is registered with, and to nobody before", async () => {
    const world = new World();
    await world.declare(at(A));
    const [owner, other] = [ownerAt(A, "a"), ownerAt(A, "b")];
    assert.equal(await world.report(owner), "ok");
    assert.equal(await world.report(other, { weight: 0 }), "OWNED");
    assert.deepEqual(world.targets, { [ON_A]: "up 9" });
    world.registry.lost(owner);
    await world.pass(LEASE / 1_000 + 1);
    assert.equal(await world.report(other, { weight: 4 }), "ok", "it is seen there, and the other one is gone");
    assert.deepEqual(world.targets, { [ON_A]: "up 4" });
    world.monitor.close();
  });

  it("on this host is the one at the loopback address that is declared", async () => {
    const world = new World();
    await world.declare(at("::1"));
    const owner = ownerAt("127.0.0.1");
    const { target } = world.registry.report(owner, REPORT, "::1", { reach: "connected" });
    assert.equal(target, "p/[::1]:80");
    assert.equal(world.registry.known(owner, REPORT)?.identity, target);
    await world.declare();
    assert.equal(world.registry.known(owner, REPORT)?.identity, target);
    assert.deepEqual(world.targets, { [target]: "up 9" });
    world.monitor.close();
  });

  it("is in no panic, since it is served anyway", async () => {
    const world = new World({ panic: true });
    const hosts = [A, B, "10.0.0.3"];
    for (const host of hosts) await world.report(ownerAt(host));
    await world.declare(at(A));
    await world.pass(LEASE / 1_000 + 2);
    assert.equal(world.pool.panic, true, "of the two others");
    await world.declare(at(A), at(B), at("10.0.0.3"));
    assert.equal(world.pool.panic, false, "nobody is left in it");
    assert.deepEqual(new Set(Object.values(world.targets)), new Set(["up 1"]));
    world.monitor.close();
  });
});

describe("a pool that is removed", () => {
  it("takes its targets with it, and nothing is known of it when another one gets its name", async () => {
    const world = new World({ panic: true });
    world.pools.set("q", plainPool("q", 16));
    const owner = ownerAt(A, "k", { targets: 3, newTargets: 100 });
    await world.report(owner, { port: 79 }, 3);
    world.pool.pick(CLIENT, [], 0);
    world.registry.leave(owner, 3); // its row counts as the key's, as long as it has a connection
    await world.report(owner);
    await world.report(owner, { port: 81 }, 1);
    await world.declare(at(B));
    await world.pass(LEASE / 1_000 + 2);
    assert.equal(world.pool.panic, true);
    assert.equal(await world.report(owner, { pool: "q" }, 2), "QUOTA");
    world.story.length = 0;
    world.registry.poolRemoved("p");
    world.pools.delete("p");
    const left = [ON_A, `p/${A}:81`, ON_B].map((identity) => `targetLeave ${identity} pool-removed`);
    assert.deepEqual(world.story.slice(1), left);
    assert.match(world.story[0]!, /^panicEnd p \d+$/);
    assert.deepEqual([world.registry.identities(owner), world.registry.size], [[], 0]);
    assert.equal(await world.report(owner), "UNKNOWN_POOL");
    world.registry.declare("p", [at(B)]);
    assert.equal(world.registry.size, 0);

    const next = plainPool("p", 16);
    world.pools.set("p", next);
    for (const ref of [1, 2]) assert.equal(await world.report(owner, { pool: "q", port: 80 + ref }, ref), "ok");
    assert.equal(await world.report(owner), "ok", "its quota is free again");
    world.registry.declare("p", [at(B)]);
    await settle();
    assert.deepEqual(
      next.targets().map(({ identity, state }) => `${identity} ${state}`),
      [`${ON_A} up`, `${ON_B} up`],
    );
    world.monitor.close();
  });

  it("and comes again before it is looked at has its suspects probed for the pool that there is", async () => {
    const world = new World();
    world.outcome = "ECONNREFUSED";
    await world.declare(at(A));
    await world.pass(1);
    world.registry.poolRemoved("p");
    const next = plainPool("p", 16);
    world.pools.set("p", next);
    next.set({ identity: ON_A, address: { host: A, port: 80 }, weight: 1, maxConnections: 0 }, "suspect");
    world.registry.declare("p", [at(A)]);
    world.outcome = "connected";
    await world.pass(15);
    assert.equal(next.view(ON_A)?.state, "up");
    world.monitor.close();
  });
});
