/** Random courses of reports, declarations, orders and time, against the rule of src/targets/entry.ts and row-names.ts in its plainest form. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { OrderChange } from "../../src/targets/orders.ts";
import type { Registry } from "../../src/targets/registry.ts";
import type { Report, TargetOwner } from "../../src/targets/report.ts";
import type { DeclaredTarget } from "../../src/targets/wanted.ts";
import { amount } from "../support/amount.ts";
import { ManualClock } from "../support/clock.ts";
import fc from "../support/draws.ts";
import { plainPool, registryOf } from "./registry-of.ts";

const LEASE = 10_000;
/** Each at a host of its own; these two have an id, and so keep their name when they move to another port. */
const SEATS = 4;
const WITH_ID = [2, 3];
const PORTS = [80, 81] as const;

type Says = "up" | "down" | "drain";
type Step =
  | { do: "report"; seat: number; port: number; says: Says }
  | { do: "leave" | "lose" | "rejected"; seat: number }
  | { do: "refuse" | "reach"; which: number }
  | { do: "declare"; places: string[]; backup: boolean }
  | { do: "order"; which: number; change: OrderChange }
  | { do: "pass"; ms: number };

const seat = fc.nat(SEATS - 1);
const placeNames = Array.from({ length: SEATS }, (_, each) => PORTS.map((port) => `10.0.0.${each}:${port}`)).flat();
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("report" as const),
      seat,
      port: fc.constantFrom(...PORTS),
      says: fc.constantFrom("up" as const, "up" as const, "up" as const, "down" as const, "drain" as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom("leave" as const, "lose" as const, "rejected" as const), seat }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom("refuse" as const, "reach" as const), which: fc.nat(5) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("declare" as const),
      places: fc.subarray(placeNames),
      backup: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("order" as const),
      which: fc.nat(5),
      change: fc.record(
        {
          state: fc.constantFrom("drain" as const, "maintain" as const, null, null),
          factor: fc.constantFrom(0, 0.001, 0.5, 1, 3, null),
        },
        { requiredKeys: [] },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.constantFrom(1_000, 6_000, 11_000) }) },
);

interface ModelRow {
  name: string;
  registered: {
    owner: TargetOwner | null;
    id: string | undefined;
    says: Says;
    weight: number;
    counts: boolean;
    until: number;
  } | null;
  declared: { weight: number; backup: boolean } | null;
  /** A connection has been accepted since it came or came back. */
  reached: boolean;
  order: ModelOrder | null;
}

interface ModelOrder {
  state: "drain" | "maintain" | null;
  factor: number | null;
}

class World {
  readonly clock = new ManualClock();
  readonly pool = plainPool();
  /** By place: no two targets are at one. */
  readonly rows = new Map<string, ModelRow>();
  readonly registry: Registry;
  readonly #owners = new Map<number, TargetOwner>();
  /** By the name that they were given under. */
  readonly #orders = new Map<string, ModelOrder>();
  ordered = 0;
  /** Each weight is given once, so that it tells where it comes from. */
  #weight = 1;
  #left: string[] = [];
  twice = 0;

  constructor() {
    this.registry = registryOf({
      pools: new Map([["p", this.pool]]),
      clock: this.clock,
      lease: LEASE,
      quotaOf: () => ({ targets: 1_000, sessions: 1_000, newTargets: 1_000_000 }),
      onEvent: (...event) => {
        if (event[0] === "targetLeave") this.#left.push(event[1].identity);
      },
    });
  }

  take(step: Step): void {
    const before = new Set([...this.rows.values()].map(({ name }) => name));
    this.#left = [];
    this.#do(step);
    const after = new Set([...this.rows.values()].map(({ name }) => name));
    for (const [place, row] of this.rows) this.#heed(place, row);
    const gone = [...before].filter((name) => !after.has(name));
    for (const name of gone) assert.ok(this.#left.includes(name), `${name} has left without a word`);
    this.#check();
  }

  #do(step: Step): void {
    const owner = "seat" in step ? this.#owners.get(step.seat) : undefined;
    if (step.do === "report") this.#report(step.seat, step.port, step.says);
    else if (step.do === "declare") this.#declare(step.places, step.backup);
    else if (step.do === "reach") this.#reach(step.which);
    else if (step.do === "refuse") this.#refuse(step.which);
    else if (step.do === "order") this.#order(step.which, step.change);
    else if (step.do === "pass") this.#pass(step.ms);
    else if (owner === undefined) return;
    else if (step.do === "lose") {
      this.registry.lost(owner);
      this.#owners.delete(step.seat);
      for (const { registered } of this.rows.values()) if (registered?.owner === owner) registered.owner = null;
    } else {
      this.registry[step.do](owner);
      for (const [place, row] of this.rows) if (row.registered?.owner === owner) this.#unregister(place, row);
    }
  }

  #report(seat: number, port: number, says: Says): void {
    const owner = this.#owners.get(seat) ?? ownerAt(seat);
    this.#owners.set(seat, owner);
    const id = WITH_ID.includes(seat) ? `i${seat}` : undefined;
    const weight = this.#weight++;
    const health = says === "down" ? "down" : "up";
    const report: Report = { pool: "p", id, port, weight, health, drain: says === "drain" };
    const { target } = this.registry.report(owner, report, owner.remote.host);
    const place = `${owner.remote.host}:${port}`;
    const row = this.rows.get(place) ?? this.#come(place, id);
    for (const [other, { registered }] of this.rows) {
      if (other !== place && registered?.owner === owner) this.#unregister(other, this.rows.get(other)!);
    }
    const before = served(row);
    row.registered = { owner, id, says, weight, counts: true, until: this.clock.now() + LEASE };
    row.reached &&= before && served(row);
    assert.equal(target, row.name);
  }

  /** A report of a target that is nowhere yet: one of that id moves here, unless it is declared where it is. */
  #come(place: string, id: string | undefined): ModelRow {
    const named = [...this.rows].find(([, { name }]) => name === `p/${id}`);
    if (id !== undefined && named !== undefined && named[1].declared === null) {
      this.rows.delete(named[0]);
      named[1].reached = false;
      this.rows.set(place, named[1]);
      return named[1];
    }
    const name = `p/${named === undefined ? (id ?? place) : place}`;
    const row = { name, registered: null, declared: null, reached: false, order: null };
    this.rows.set(place, row);
    return row;
  }

  #declare(places: readonly string[], backup: boolean): void {
    const targets = places.map((place): DeclaredTarget => {
      const [host, port] = place.split(":");
      const had = this.rows.get(place)?.declared;
      const weight = had && this.#weight % 3 !== 0 ? had.weight : this.#weight++;
      const address = { host: host!, port: Number(port) };
      return {
        address,
        weight,
        maxConnections: weight % 7,
        priority: weight % 3,
        backup,
        source: "static",
        name: null,
      };
    });
    this.registry.declare("p", targets);
    for (const [place, row] of this.rows) {
      if (places.includes(place) || row.declared === null) continue;
      row.declared = null;
      if (row.registered === null) this.rows.delete(place);
      else row.reached &&= served(row);
    }
    for (const [index, place] of places.entries()) {
      const fresh = { name: `p/${place}`, registered: null, declared: null, reached: false, order: null };
      const row = this.rows.get(place) ?? fresh;
      const before = served(row);
      row.declared = { weight: targets[index]!.weight, backup };
      row.reached &&= before && served(row);
      this.rows.set(place, row);
    }
  }

  #unregister(place: string, row: ModelRow): void {
    const before = served(row);
    row.registered = null;
    row.reached &&= before;
    if (row.declared === null) this.rows.delete(place);
  }

  #order(which: number, change: OrderChange): void {
    const [place, row] = [...this.rows][which] ?? [];
    if (place === undefined || row === undefined) {
      assert.throws(() => this.registry.ordering.order("p/nobody", change, "me"), { code: "NO_TARGET" });
      return;
    }
    const { state = row.order?.state ?? null, factor = row.order?.factor ?? null } = change;
    const order = this.registry.ordering.order(row.name, change, "me");
    const rest = { state, factor: factor === 1 ? null : factor };
    const isNothing = rest.state === null && rest.factor === null;
    const isSame = row.order?.state === rest.state && row.order.factor === rest.factor;
    if (!isSame) for (const name of namesOf(place, row)) this.#orders.delete(name);
    if (!isSame && !isNothing) this.#orders.set(row.name, rest);
    assert.deepEqual(order && { state: order.state, factor: order.factor }, isNothing ? null : rest);
  }

  /** What is ordered holds by whatever name: a target that comes back is the same one, whoever has come first. */
  #heed(place: string, row: ModelRow): void {
    const name = namesOf(place, row).find((each) => this.#orders.has(each));
    row.order = name === undefined ? null : this.#orders.get(name)!;
    row.reached &&= served(row);
  }

  #reach(which: number): void {
    const row = [...this.rows.values()][which];
    if (row === undefined) return;
    this.registry.reached(row.name);
    row.reached ||= served(row);
  }

  #refuse(which: number): void {
    const orphan = this.registry.leases.orphans()[which];
    if (orphan === undefined) return;
    this.registry.leases.probed(orphan, "ECONNREFUSED");
    const row = [...this.rows.values()].find(({ name }) => name === orphan.identity)!;
    row.registered!.counts = false;
    row.registered!.until = Math.min(row.registered!.until, this.clock.now());
    row.reached = false;
  }

  #pass(ms: number): void {
    this.clock.advance(ms);
    this.registry.expire();
    for (const row of this.rows.values()) {
      if (row.registered === null || row.registered.until > this.clock.now()) continue;
      const before = served(row);
      row.registered.counts = false;
      row.reached &&= before && served(row);
    }
  }

  #check(): void {
    const views = new Map(this.pool.targets().map((view) => [view.identity, view]));
    assert.deepEqual([...views.keys()].sort(), [...this.rows.values()].map(({ name }) => name).sort());
    assert.equal(this.registry.size, this.rows.size);
    for (const [place, row] of this.rows) {
      const { name, registered, declared, reached } = row;
      const { address, weight, priority, backup, state, maxConnections } = views.get(name)!;
      assert.equal("host" in address && `${address.host}:${address.port}`, place);
      const own = ownOf(row);
      const isReported = registered !== null && (registered.counts || declared === null);
      assert.equal(weight, times(isReported ? registered.weight : declared!.weight, row.order), `weight of ${name}`);
      assert.equal(maxConnections, isReported ? 0 : declared!.weight % 7);
      assert.equal(backup, declared?.backup ?? false);
      assert.equal(priority, declared === null ? 0 : declared.weight % 3); // no report here says another one
      assert.equal(state, served(row) ? (reached ? "up" : "suspect") : stateOf(row), `state of ${name}`);
      const sources = [...(isReported ? ["registered"] : []), ...(declared === null ? [] : ["static"])];
      assert.deepEqual(this.registry.sourcesOf(name), sources);
      if (sources.length === 2) this.twice += 1;
      const standing = this.registry.standingOf(name)!;
      assert.equal(standing.view.state, state);
      assert.equal(standing.ownWeight, own.weight);
      const says = Object.fromEntries(standing.verdicts.map((each) => [each.source, each.says]));
      assert.deepEqual(says, {
        ...(isReported ? { reported: own.says } : {}),
        ...(declared === null ? {} : { declared: "up" }),
        ...(served(row) ? { observed: state } : {}),
        ...(row.order === null ? {} : { ordered: orderedState(row.order) }),
      });
      if (row.order !== null) this.ordered += 1;
    }
  }
}

function served(row: ModelRow): boolean {
  return ownOf(row).says === "up" && orderedState(row.order) === "up";
}

function stateOf(row: ModelRow): string {
  const says = [ownOf(row).says, orderedState(row.order)];
  return says.includes("down") ? "down" : "draining";
}

/** By its sources alone. */
function ownOf({ registered, declared }: ModelRow): { says: string; weight: number } {
  if (registered?.counts)
    return { says: registered.says === "drain" ? "draining" : registered.says, weight: registered.weight };
  return declared === null
    ? { says: "down", weight: registered?.weight ?? 0 }
    : { says: "up", weight: declared.weight };
}

function orderedState(order: ModelOrder | null): string {
  return order?.state === "drain" ? "draining" : order?.state === "maintain" ? "down" : "up";
}

function times(own: number, order: ModelOrder | null): number {
  const { factor } = order ?? { factor: null };
  if (factor === null) return own;
  return factor === 0 ? 0 : Math.max(1, Math.round(own * factor));
}

function namesOf(place: string, { name, registered }: ModelRow): string[] {
  return [name, ...(registered?.id === undefined ? [] : [`p/${registered.id}`]), `p/${place}`];
}

function ownerAt(seat: number): TargetOwner {
  const remote = { host: `10.0.0.${seat}`, port: 1 };
  return { remote, key: { id: "k", limits: {} }, forbids: () => null, replaced: () => undefined };
}

describe("a target that is registered and declared", () => {
  it("is one, of which the report counts while it does, and else what is declared; what is ordered of it holds whoever comes and goes", () => {
    let twice = 0;
    let ordered = 0;
    const course = (steps: readonly Step[]) => {
      const world = new World();
      for (const each of steps) world.take(each);
      twice += world.twice;
      ordered += world.ordered;
    };
    fc.assert(fc.property(fc.array(step, { minLength: 10, maxLength: 80, size: "max" }), course), {
      numRuns: amount(400),
    });
    assert.ok(twice > amount(2_000), `so few had two sources: ${twice}`);
    assert.ok(ordered > amount(2_000), `so few were ordered anything: ${ordered}`);
  });
});
