/** Random courses of reports, silences and time, against the rule of src/targets/panic.ts in its plainest form. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Address } from "../../src/net/runtime.ts";
import type { Pool } from "../../src/pool/pool.ts";
import type { TargetMonitor } from "../../src/targets/monitor.ts";
import type { ProbeOutcome } from "../../src/targets/probe.ts";
import { quotaOf } from "../../src/targets/quota.ts";
import type { Registry } from "../../src/targets/registry.ts";
import type { Report, TargetOwner } from "../../src/targets/report.ts";
import { amount } from "../support/amount.ts";
import { ManualClock } from "../support/clock.ts";
import fc from "../support/draws.ts";
import { settle } from "../support/wait.ts";
import { plainPool, watchedRegistry } from "./registry-of.ts";

/** ms. Targets are looked at each second. */
const LEASE = 10_000;
const TICK = 1_000;
/** ms after which one that accepts is served, and one that refuses is out, at the latest: the slowest interval of probes, and a look. */
const BACK = 11_000;
const TARGETS = 4;

const SAYS = ["up", "up", "up", "up", "down", "drain"] as const;
const SERVER = ["accepts", "accepts", "refuses", "silent"] as const;
type Says = (typeof SAYS)[number];
type Server = (typeof SERVER)[number];

type Step =
  | { do: "report"; who: number; says: Says; weight: number }
  | { do: "lose"; who: number }
  | { do: "leave"; who: number }
  | { do: "server"; who: number; is: Server }
  | { do: "pass"; seconds: number };

const who = fc.nat(TARGETS - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("report" as const),
      who,
      says: fc.constantFrom(...SAYS),
      weight: fc.constantFrom(1, 500),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lose" as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), who }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("server" as const), who, is: fc.constantFrom(...SERVER) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("pass" as const), seconds: fc.integer({ min: 1, max: 25 }) }) },
);

/** What has been said of a target, and whether it counts. */
interface Known {
  says: Says;
  weight: number;
  counts: boolean;
  /** Until when it did, or does. */
  until: number;
  hasReporter: boolean;
}

/** The rule, looked at once a second. */
class Model {
  readonly known = new Map<number, Known>();
  readonly servers = new Map<number, Server>();
  heard = Number.POSITIVE_INFINITY;
  panic = false;

  members(): number[] {
    return [...this.known].flatMap(([who, { says, counts, until }]) =>
      says === "up" && !counts && until >= this.heard ? [who] : [],
    );
  }

  report(who: number, says: Says, weight: number, now: number): void {
    if (this.panic) for (const member of this.members()) this.known.get(member)!.until = now;
    this.panic = false;
    this.heard = now;
    this.known.set(who, { says, weight, counts: true, until: now + LEASE, hasReporter: true });
  }

  leave(who: number, now: number): void {
    if (!this.known.get(who)?.hasReporter) return;
    this.known.delete(who);
    if (!this.panic) this.heard = now;
    else this.panic = this.members().length > 0;
  }

  lose(who: number): void {
    const target = this.known.get(who);
    if (!target?.hasReporter) return;
    target.hasReporter = false;
  }

  look(now: number): void {
    for (const target of this.known.values()) target.counts &&= target.until > now;
    if (this.heard + LEASE <= now && this.members().length >= 2) this.panic = true;
  }

  /** One that has lost its reporter has refused a probe. When it is probed is not the rule's concern. */
  refused(who: number, now: number): void {
    const target = this.known.get(who);
    if (target === undefined || target.hasReporter || !target.counts || target.says === "down") return;
    target.counts = false;
    target.until = now;
  }
}

class World {
  readonly clock = new ManualClock();
  readonly pool = plainPool();
  readonly model = new Model();
  readonly events: string[] = [];
  readonly registry: Registry;
  readonly monitor: TargetMonitor;
  readonly #owners = new Map<number, TargetOwner>();
  /** Since when it has been in panic and accepting. */
  readonly #acceptingSince = new Map<number, number>();
  /** Since when it has had no reporter and refused, though its report counts. */
  readonly #refusingSince = new Map<number, number>();

  constructor(panic: boolean) {
    const pools = new Map([["p", this.pool]]);
    const { clock } = this;
    const { registry, monitor } = watchedRegistry({
      panicOf: () => panic,
      pools,
      clock,
      lease: LEASE,
      quotaOf: ({ limits }) => quotaOf(limits, 1_000),
      onEvent: (...event) => void this.events.push(event[0]),
      probe: (to) => this.#probe(to),
    });
    this.registry = registry;
    this.monitor = monitor;
    const probed = registry.leases.probed.bind(registry.leases);
    registry.leases.probed = (orphan, outcome) => {
      probed(orphan, outcome);
      if (outcome === "ECONNREFUSED") this.model.refused(whoIs(orphan.address.host), clock.now());
    };
  }

  async #probe(to: Address): Promise<ProbeOutcome> {
    const server = this.model.servers.get("host" in to ? whoIs(to.host) : -1);
    return server === "refuses" ? "ECONNREFUSED" : server === "silent" ? "ETIMEDOUT" : "connected";
  }

  async take(step: Step): Promise<void> {
    const now = this.clock.now();
    if (step.do === "pass") {
      for (let second = 0; second < step.seconds; second++) {
        this.clock.advance(TICK);
        this.model.look(this.clock.now());
        await settle(2);
        this.check();
      }
      return;
    }
    const { who } = step;
    if (step.do === "report") {
      const { says, weight } = step;
      const health = says === "down" ? "down" : "up";
      const report: Report = { pool: "p", port: 80, weight, health, drain: says === "drain" };
      if (!this.model.known.get(who)?.hasReporter) this.#owners.set(who, ownerAt(hostOf(who)));
      this.registry.report(this.#owners.get(who)!, report, hostOf(who));
      this.model.report(who, says, weight, now);
    } else if (step.do === "server") {
      this.model.servers.set(who, step.is);
    } else {
      const owner = this.#owners.get(who);
      if (owner && step.do === "leave") this.registry.leave(owner);
      if (owner && step.do === "lose") {
        for (const orphan of this.registry.lost(owner)) this.monitor.orphaned(orphan);
      }
      if (step.do === "leave") this.model.leave(who, now);
      else this.model.lose(who);
    }
    await settle(2);
    this.check();
  }

  check(): void {
    const { model, pool } = this;
    assert.equal(pool.panic, model.panic, "the mark");
    const members = new Set(model.panic ? model.members() : []);
    const views = new Map(pool.targets().map((view) => [whoIs("host" in view.address ? view.address.host : ""), view]));
    assert.deepEqual([...views.keys()].sort(), [...model.known.keys()].sort());
    for (const [who, { weight, panic, state }] of views) {
      assert.equal(weight, model.known.get(who)!.weight);
      assert.equal(panic, model.panic && (state === "up" || state === "suspect"));
    }
    for (const who of pickable(pool)) {
      const { says, counts } = model.known.get(who)!;
      assert.equal(says, "up", "what has been said is obeyed");
      assert.ok(counts || members.has(who), `${who} is silent, and not in panic`);
    }
    for (let who = 0; who < TARGETS; who++) {
      const accepts = (model.servers.get(who) ?? "accepts") === "accepts";
      if (!members.has(who) || !accepts) this.#acceptingSince.delete(who);
      else if (!this.#acceptingSince.has(who)) this.#acceptingSince.set(who, this.clock.now());
      const since = this.#acceptingSince.get(who);
      if (since !== undefined && this.clock.now() - since >= BACK) assert.equal(views.get(who)!.state, "up");
      const { counts = false, hasReporter = true } = model.known.get(who) ?? {};
      const refuses =
        counts && !hasReporter && model.known.get(who)!.says !== "down" && model.servers.get(who) === "refuses";
      if (!refuses) this.#refusingSince.delete(who);
      else if (!this.#refusingSince.has(who)) this.#refusingSince.set(who, this.clock.now());
      assert.ok(
        this.clock.now() - (this.#refusingSince.get(who) ?? this.clock.now()) < BACK,
        `${who} refuses, and is up`,
      );
    }
  }
}

function hostOf(who: number): string {
  return `10.0.0.${who + 1}`;
}

function whoIs(host: string): number {
  return Number(host.split(".").at(-1)) - 1;
}

function ownerAt(host: string): TargetOwner {
  return { remote: { host, port: 1 }, key: { id: "k", limits: {} }, forbids: () => null, replaced: () => undefined };
}

/** Whom clients would get, one after the other. */
function pickable(pool: Pool): number[] {
  const client = Uint32Array.of(0, 0, 0xffff, 1);
  const rows: number[] = [];
  for (let row = pool.pick(client, rows, 0); row >= 0; row = pool.pick(client, rows, 0)) {
    pool.release(row, client, 0, 0, 0);
    rows.push(row);
  }
  return rows.map((row) => whoIs(pool.identity(row).split(/[/:]/)[1]!));
}

async function run(steps: readonly Step[], panic: boolean): Promise<World> {
  const world = new World(panic);
  for (const each of steps) await world.take(each);
  world.monitor.close();
  return world;
}

describe("whatever is said and not said of targets", () => {
  it("there is panic exactly when all have fallen silent together, and nobody is served against his word", async () => {
    const seen = { panics: 0, ends: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
        const { events } = await run(steps, true);
        const told = events.filter((event) => event === "panicStart" || event === "panicEnd");
        assert.ok(told.every((event, index) => event === (index % 2 === 0 ? "panicStart" : "panicEnd")));
        seen.panics += told.filter((event) => event === "panicStart").length;
        seen.ends += told.filter((event) => event === "panicEnd").length;
      }),
      { numRuns: amount(150) },
    );
    assert.ok(seen.panics > amount(20) && seen.ends > amount(10), `so few were seen: ${JSON.stringify(seen)}`);
  });

  it("one that refused while others reported is out for good, though it accepts again", async () => {
    const steps: Step[] = [
      { do: "report", who: 0, says: "up", weight: 1 },
      { do: "server", who: 0, is: "refuses" },
      { do: "lose", who: 0 },
      { do: "pass", seconds: 1 },
      { do: "report", who: 1, says: "up", weight: 1 },
      { do: "report", who: 2, says: "up", weight: 1 },
      { do: "server", who: 0, is: "accepts" },
      { do: "pass", seconds: 25 },
    ];
    const { pool } = await run(steps, true);
    assert.deepEqual(
      pool.targets().map(({ state, panic }) => `${state} ${panic}`),
      ["down false", "up true", "up true"],
    );
  });

  it("a panic of which nobody is left is over", async () => {
    const steps: Step[] = [
      { do: "report", who: 0, says: "up", weight: 1 },
      { do: "report", who: 1, says: "up", weight: 1 },
      { do: "pass", seconds: 11 },
      { do: "leave", who: 0 },
      { do: "leave", who: 1 },
    ];
    const { events, pool } = await run(steps, true);
    assert.deepEqual([pool.panic, events.at(-1)], [false, "panicEnd"]);
  });

  it("there is none without the option", async () => {
    const reports = [0, 1, 2].map((each): Step => ({ do: "report", who: each, says: "up", weight: 1 }));
    const steps: Step[] = [...reports, { do: "pass", seconds: 9 }];
    assert.deepEqual((await run(steps, false)).events, ["targetUp", "targetUp", "targetUp"]);
    const world = new World(false);
    for (const each of reports) await world.take(each);
    world.clock.advance(2 * LEASE);
    await settle();
    assert.deepEqual(
      world.pool.targets().map(({ state }) => state),
      ["down", "down", "down"],
    );
    assert.equal(world.pool.panic, false);
    world.monitor.close();
  });
});
