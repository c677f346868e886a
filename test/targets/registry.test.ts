/** Sessions that speak for several targets, and reports that were made some time ago. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TargetMonitor } from "../../src/targets/monitor.ts";
import type { ProbeOutcome } from "../../src/targets/probe.ts";
import { quotaOf } from "../../src/targets/quota.ts";
import type { Registry } from "../../src/targets/registry.ts";
import type { Report, TargetOwner } from "../../src/targets/report.ts";
import { formatAddress } from "../../src/util/address.ts";
import { ManualClock } from "../support/clock.ts";
import { settle } from "../support/wait.ts";
import { plainPool, watchedRegistry } from "./registry-of.ts";

const LEASE = 10_000;
const REPORT: Report = { pool: "p", port: 80, weight: 1, health: "up", drain: false };

class World {
  readonly clock = new ManualClock();
  readonly pool = plainPool();
  readonly probed: string[] = [];
  readonly story: string[] = [];
  readonly registry: Registry;
  readonly monitor: TargetMonitor;
  outcome: ProbeOutcome = "connected";

  constructor() {
    const pools = new Map([["p", this.pool]]);
    const { clock } = this;
    const { registry, monitor } = watchedRegistry({
      pools,
      clock,
      lease: LEASE,
      quotaOf: ({ limits }) => quotaOf(limits, 100),
      onEvent: (...[name, target, reason]) => {
        if (typeof target === "object") this.story.push(`${name} ${target.identity} ${String(reason ?? "")}`.trim());
      },
      probe: async (to) => {
        this.probed.push(formatAddress(to));
        return this.outcome;
      },
    });
    this.registry = registry;
    this.monitor = monitor;
  }

  owner(id = "k", forbids: TargetOwner["forbids"] = () => null): TargetOwner {
    const remote = { host: "10.0.0.1", port: 1 };
    return { remote, key: { id, limits: {} }, forbids, replaced: () => undefined };
  }

  /** Targets on ports 80, 81, 82 by their numbers, each of which is up. */
  async three(owner = this.owner()): Promise<TargetOwner> {
    for (const ref of [0, 1, 2]) {
      this.registry.report(owner, { ...REPORT, port: 80 + ref }, owner.remote.host, { ref });
    }
    await settle();
    assert.deepEqual(this.states, { "p/10.0.0.1:80": "up", "p/10.0.0.1:81": "up", "p/10.0.0.1:82": "up" });
    this.probed.length = 0;
    this.story.length = 0;
    return owner;
  }

  get states(): Record<string, string> {
    return Object.fromEntries(this.pool.targets().map(({ identity, state }) => [identity, state]));
  }
}

describe("a session with several targets", () => {
  it("that is lost leaves each without a reporter, and each is probed at once", async () => {
    const world = new World();
    const owner = await world.three();
    world.registry.report(owner, { ...REPORT, port: 81, health: "down" }, "10.0.0.1", { ref: 1 });
    world.outcome = "ECONNREFUSED";
    const orphans = world.registry.lost(owner);
    assert.deepEqual(orphans.map(({ identity }) => identity).sort(), ["p/10.0.0.1:80", "p/10.0.0.1:82"]);
    assert.equal(world.registry.owns(owner), false);
    for (const orphan of orphans) world.monitor.orphaned(orphan);
    await settle();
    assert.deepEqual(world.probed.sort(), ["10.0.0.1:80", "10.0.0.1:82"]);
    assert.deepEqual(new Set(Object.values(world.states)), new Set(["down"]));
    world.monitor.close();
  });

  it("has the others when one leaves, or is refused for good", async () => {
    const world = new World();
    const owner = await world.three();
    assert.deepEqual(world.registry.leave(owner, 1), { target: "p/10.0.0.1:81", active: 0 });
    assert.deepEqual(world.registry.leave(owner, 1), { target: "", active: 0 });
    world.registry.rejected(owner, 2);
    assert.deepEqual(world.states, { "p/10.0.0.1:80": "up" });
    assert.deepEqual(world.story, ["targetLeave p/10.0.0.1:81 leave", "targetLeave p/10.0.0.1:82 rejected"]);
    assert.equal(world.registry.owns(owner), true);
    world.registry.leave(owner);
    assert.equal(world.registry.owns(owner), false);
    world.monitor.close();
  });

  it("moves one to another name without the others", async () => {
    const world = new World();
    const owner = await world.three();
    world.registry.report(owner, { ...REPORT, port: 90 }, "10.0.0.1", { ref: 1 });
    await settle();
    assert.deepEqual(Object.keys(world.states).sort(), ["p/10.0.0.1:80", "p/10.0.0.1:82", "p/10.0.0.1:90"]);
    assert.ok(world.story.includes("targetLeave p/10.0.0.1:81 moved"));
    world.monitor.close();
  });

  it("is told which of them its key no longer allows", async () => {
    const world = new World();
    let forbidden: number | null = null;
    const owner = await world.three(world.owner("k", ({ port }) => (port === forbidden ? "not there" : null)));
    assert.equal(world.registry.forbidden(owner), null);
    forbidden = 82;
    assert.deepEqual(world.registry.forbidden(owner), { ref: 2, reason: "not there" });
    world.monitor.close();
  });

  it("gives them to the session that its reporter reconnects with, each as it is reported", async () => {
    const world = new World();
    const [first, second] = [await world.three(), world.owner()];
    world.registry.report(second, { ...REPORT, port: 81 }, "10.0.0.1", { ref: 7 });
    assert.deepEqual(world.registry.leave(first, 1), { target: "", active: 0 });
    assert.equal(world.registry.owns(first), true);
    assert.equal(world.registry.leave(second, 7).target, "p/10.0.0.1:81");
    world.monitor.close();
  });
});

describe("a report that was held up", () => {
  it("counts from when it was made, and not from a time that is yet to come", async () => {
    const world = new World();
    world.clock.advance(100_000);
    const owner = world.owner();
    for (const [made, lasts] of [
      [4_000, LEASE - 4_000],
      [-4_000, LEASE],
    ] as const) {
      world.registry.report(owner, REPORT, "10.0.0.1", { madeAt: world.clock.now() - made });
      await settle();
      world.clock.advance(lasts - 1);
      world.registry.expire();
      assert.deepEqual(world.states, { "p/10.0.0.1:80": "up" });
      world.clock.advance(1);
      world.registry.expire();
      assert.deepEqual(world.states, { "p/10.0.0.1:80": "down" });
    }
    world.monitor.close();
  });

  it("for longer than it counts is refused, and changes nothing", () => {
    const world = new World();
    world.clock.advance(100_000);
    const owner = world.owner();
    const late = { madeAt: world.clock.now() - LEASE };
    const isTooLate = { code: "TOO_LATE", retry: true };
    assert.throws(() => world.registry.report(owner, REPORT, "10.0.0.1", late), isTooLate);
    assert.deepEqual(world.states, {});
    world.registry.report(owner, { ...REPORT, drain: true }, "10.0.0.1");
    assert.throws(() => world.registry.report(owner, REPORT, "10.0.0.1", late), isTooLate);
    assert.deepEqual(world.states, { "p/10.0.0.1:80": "draining" });
    world.monitor.close();
  });
});

describe("what the pool knows of a target", () => {
  it("is told to holders of its key alone", async () => {
    const world = new World();
    await world.three();
    assert.equal(world.registry.known(world.owner(), REPORT)?.state, "up");
    assert.equal(world.registry.known(world.owner("another"), REPORT), undefined);
    world.monitor.close();
  });

  it("is as old as its way was long, without the time for which the balancer itself could hear none", () => {
    const { clock, registry } = new World();
    const owner = new World().owner();
    const report = (madeAt: number) => registry.report(owner, REPORT, owner.remote.host, { madeAt });
    clock.advance(3 * LEASE);
    assert.throws(() => report(1_000), { code: "TOO_LATE" });
    registry.leases.extend(3 * LEASE);
    report(1_000);
    clock.advance(LEASE);
    assert.throws(() => report(3 * LEASE), { code: "TOO_LATE" }, "made when it could be heard");
  });
});
