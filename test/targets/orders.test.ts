/** What operators order of targets. Random courses of orders among reports and declarations: two-sources.test.ts. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { changed, MOST_ORDERS, type Order, Orders, weightBy } from "../../src/targets/orders.ts";
import type { Registry } from "../../src/targets/registry.ts";
import type { Report, TargetOwner } from "../../src/targets/report.ts";
import type { DeclaredTarget } from "../../src/targets/wanted.ts";
import { ManualClock } from "../support/clock.ts";
import fc from "../support/draws.ts";
import { plainPool, registryOf } from "./registry-of.ts";

const LEASE = 10_000;

function world(orders = new Orders(), panic = false) {
  const clock = new ManualClock(1_000);
  const pool = plainPool();
  const story: string[] = [];
  const unreached: string[] = [];
  const registry = registryOf({
    pools: new Map([["p", pool]]),
    clock,
    lease: LEASE,
    orders,
    panicOf: () => panic,
    quotaOf: () => ({ targets: 100, sessions: 100, newTargets: 1_000 }),
    onEvent: (event, target, ...rest) =>
      story.push([event, typeof target === "string" ? target : target.identity, ...rest.map(textOf)].join(" ")),
    onUnreached: (identity) => unreached.push(identity),
  });
  const report = (id: string | undefined, given: Partial<Report> = {}, host = "10.0.0.1") => {
    const owner = ownerAt(host);
    const full: Report = { pool: "p", id, port: 80, weight: 100, health: "up", drain: false, instance: id, ...given };
    const { target } = registry.report(owner, full, host);
    return { owner, target };
  };
  const state = (identity: string) => pool.view(identity)?.state;
  return { clock, pool, registry, orders, story, unreached, report, state };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function ownerAt(host: string): TargetOwner {
  return { remote: { host, port: 1 }, key: { id: "k", limits: {} }, forbids: () => null, replaced: () => undefined };
}

function declared(host: string): DeclaredTarget {
  return {
    address: { host, port: 80 },
    weight: 7,
    maxConnections: 0,
    priority: 0,
    backup: false,
    source: "static",
    name: null,
  };
}

function reasons(registry: Registry, identity: string): string[] {
  return registry.standingOf(identity)!.verdicts.map(({ source, says, reason }) => `${source} ${says}: ${reason}`);
}

describe("an order", () => {
  it("to drain outlasts what its reporter says, and the target is connected to again when it is taken back", () => {
    const { registry, report, state, story, unreached, clock } = world();
    report("a");
    registry.reached("p/a");
    assert.equal(state("p/a"), "up");
    clock.advance(10);
    registry.ordering.order("p/a", { state: "drain", reason: "its disk is full" }, "alice");
    assert.equal(state("p/a"), "draining");
    report("a");
    assert.equal(state("p/a"), "draining");
    assert.deepEqual(reasons(registry, "p/a"), [
      "reported up: its reporter says that it is up",
      "ordered draining: alice has ordered drain: its disk is full",
    ]);
    const standing = registry.standingOf("p/a")!;
    assert.equal(standing.reason, "alice has ordered drain: its disk is full");
    assert.equal(standing.since, 1_010);
    unreached.length = 0;
    assert.equal(registry.ordering.order("p/a", { state: null }, "bob"), null);
    assert.equal(state("p/a"), "suspect");
    assert.deepEqual(unreached, ["p/a"]);
    registry.reached("p/a");
    assert.equal(state("p/a"), "up");
    const told = story.map((line) => line.split(" ").slice(0, 2).join(" "));
    assert.deepEqual(told, ["targetUp p/a", "ordered p/a", "ordered p/a", "targetUp p/a"]);
  });

  it("of maintenance counts as down, whatever else is said; what is said meanwhile holds afterwards", () => {
    const { registry, report, state, story } = world();
    const { owner } = report("a");
    registry.reached("p/a");
    registry.ordering.order("p/a", { state: "maintain" }, "alice");
    assert.equal(state("p/a"), "down");
    report("a", { drain: true });
    assert.equal(state("p/a"), "down");
    registry.ordering.order("p/a", { state: null }, "alice");
    assert.equal(state("p/a"), "draining");
    registry.leave(owner);
    assert.ok(!story.some((line) => /^target(Down|Drain)/.test(line)), "the order alone is told");
  });

  it("does not lift a target that its reporter has out", () => {
    const { registry, report, state } = world();
    report("a", { health: "down" });
    registry.ordering.order("p/a", { state: "drain" }, "alice");
    assert.equal(state("p/a"), "down");
    registry.ordering.order("p/a", { state: null, factor: 2 }, "alice");
    assert.equal(state("p/a"), "down");
    assert.equal(registry.standingOf("p/a")!.reason, "its reporter says that it is down");
  });

  it("of a weight multiplies the weight that is reported, then and later", () => {
    const { registry, report, pool } = world();
    report("a", { weight: 100 });
    registry.reached("p/a");
    registry.ordering.order("p/a", { factor: 0.25 }, "alice");
    assert.equal(pool.view("p/a")!.weight, 25);
    assert.equal(pool.view("p/a")!.state, "up", "it is not connected to again for that");
    report("a", { weight: 1 });
    assert.equal(pool.view("p/a")!.weight, 1);
    assert.equal(registry.standingOf("p/a")!.ownWeight, 1);
    registry.ordering.order("p/a", { factor: 0 }, "alice");
    assert.equal(pool.view("p/a")!.weight, 0);
    assert.equal(registry.standingOf("p/a")!.reason, "it gets no new connections: its weight is 0");
    registry.ordering.order("p/a", { factor: 1 }, "alice");
    assert.equal(registry.standingOf("p/a")!.order, null, "as it is: nothing is ordered");
  });

  it("is in force when the target comes back, also by another of its names", () => {
    const { registry, report, state, orders, story } = world();
    registry.declare("p", [declared("10.0.0.1")]);
    registry.ordering.order("p/10.0.0.1:80", { state: "drain" }, "alice");
    registry.declare("p", []);
    assert.equal(registry.size, 0);
    assert.deepEqual(
      registry.ordering.absent().map(([name]) => name),
      ["p/10.0.0.1:80"],
    );
    report("a");
    assert.equal(state("p/a"), "draining");
    assert.equal(story.at(-1), "targetDrain p/a ordered");
    assert.deepEqual(registry.ordering.absent(), []);
    registry.ordering.order("p/a", { state: null }, "alice");
    assert.equal(orders.size, 0);
    assert.equal(state("p/a"), "suspect");
  });

  it("of a target that is not there can be taken back; nothing can be ordered of one that nobody knows", () => {
    const { registry, report, story } = world();
    const { owner } = report("a");
    registry.ordering.order("p/a", { state: "drain" }, "alice");
    registry.leave(owner);
    registry.ordering.order("p/a", { state: null }, "bob");
    assert.match(story.at(-1)!, /^ordered p\/a \{"order":null,"by":"bob","says":null\}$/);
    for (const change of [{ state: "drain" as const }, { state: null }]) {
      assert.throws(() => registry.ordering.order("p/a", change, "bob"), { code: "NO_TARGET" });
    }
  });

  it("that is the same again is none: neither its time nor its author changes, and nothing is told", () => {
    const { registry, report, story, clock } = world();
    report("a");
    const first = registry.ordering.order("p/a", { state: "drain", reason: "x" }, "alice");
    clock.advance(1_000);
    story.length = 0;
    assert.equal(registry.ordering.order("p/a", { state: "drain" }, "bob"), first);
    assert.deepEqual(story, []);
  });

  it("keeps a target out of a panic, and one whose order is taken back in it is looked for at once", () => {
    const { registry, report, state, unreached, clock, pool } = world(new Orders(), true);
    for (const id of ["a", "b", "c"]) {
      const host = `10.0.1.${id.charCodeAt(0)}`;
      const { owner } = report(id, {}, host);
      registry.reached(`p/${id}`);
      registry.lost(owner);
    }
    registry.ordering.order("p/a", { state: "maintain" }, "alice");
    clock.advance(LEASE);
    assert.deepEqual(registry.expire(), ["p"]);
    assert.deepEqual(
      registry.panics.members("p").map(({ identity }) => identity),
      ["p/b", "p/c"],
    );
    pool.setState("p/b", "up"); // as its probe does
    registry.reached("p/b");
    registry.ordering.order("p/b", { factor: 0.5 }, "alice");
    assert.equal(state("p/b"), "up", "it is served, as before");
    assert.equal(pool.view("p/b")!.weight, 50);
    unreached.length = 0;
    registry.ordering.order("p/a", { state: null }, "alice");
    assert.deepEqual(unreached, ["p/a"]);
    for (const id of ["a", "b", "c"]) registry.ordering.order(`p/${id}`, { state: "drain" }, "alice");
    assert.equal(pool.panic, false, "nobody is left in it");
  });
});

describe("orders", () => {
  const NOW = { by: "me", at: 1, address: { host: "10.0.0.1", port: 1 } };

  it("are refused where they say what cannot be", () => {
    for (const factor of [-0.1, 100.1, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => changed(null, { factor }, NOW), { code: "BAD_ORDER" });
    }
    assert.throws(() => changed(null, { state: "drain", reason: "x".repeat(201) }, NOW), { code: "BAD_ORDER" });
    for (const reason of ["a\n2026-11-30 INF another line", "\x1b[2J", "a\u202eb"])
      assert.throws(() => changed(null, { state: "drain", reason }, NOW), { code: "BAD_ORDER", message: /one line/ });
  });

  it("keep their reason until another one is given", () => {
    const first = changed(null, { state: "drain", reason: "disk" }, NOW);
    assert.equal(changed(first, { factor: 0.5 }, NOW)!.reason, "disk");
    assert.equal(changed(first, { factor: 0.5, reason: "" }, NOW)!.reason, null);
    assert.equal(changed(first, { state: null }, NOW), null);
  });

  it("are bounded", () => {
    const order = changed(null, { state: "drain" }, NOW)!;
    const orders = new Orders(Array.from({ length: MOST_ORDERS }, (_, i): [string, Order] => [`p/${i}`, order]));
    assert.throws(() => orders.set(["p/new"], order), { code: "TOO_MANY_ORDERS" });
    orders.set(["p/new", "p/1"], order); // which moves one
    assert.equal(orders.size, MOST_ORDERS);
    orders.set(["p/2"], null);
    orders.set(["p/3x"], order);
  });

  it("leave a target that has any weight some, and never more than there may be", () => {
    const numbers = fc.tuple(fc.nat(1_000_000), fc.double({ min: 0, max: 100, noNaN: true }));
    fc.assert(
      fc.property(numbers, ([own, factor]) => {
        const weight = weightBy({ ...NOW, state: null, reason: null, factor }, own);
        assert.ok(Number.isInteger(weight) && weight <= 1_000_000);
        assert.equal(weight === 0, own === 0 || factor === 0);
        if (weight > 1 && weight < 1_000_000) assert.ok(Math.abs(weight - own * factor) <= 0.5);
      }),
    );
    assert.equal(weightBy(null, 5), 5);
  });
});
