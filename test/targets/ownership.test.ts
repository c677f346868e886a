/** Random courses of reports by holders of several keys: whose a target is, by the rules of src/targets/takeover.ts in their plainest form. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TargetView } from "../../src/pool/types.ts";
import type { ProbeOutcome } from "../../src/targets/probe.ts";
import { quotaOf } from "../../src/targets/quota.ts";
import type { Registry } from "../../src/targets/registry.ts";
import type { Report, TargetOwner } from "../../src/targets/report.ts";
import { codeOf } from "../../src/util/errors.ts";
import { ManualClock } from "../support/clock.ts";
import fc from "../support/draws.ts";
import { plainPool, registryOf } from "./registry-of.ts";

const LEASE = 10_000;
const PROBED: readonly ProbeOutcome[] = ["connected", "ECONNREFUSED", "ETIMEDOUT"];

/** Several keys behind one address, on two addresses, and on the balancer's own host. */
const SEATS = [
  ["alice", "10.0.0.1"],
  ["alice", "10.0.0.1"],
  ["alice", "10.0.0.2"],
  ["mallory", "10.0.0.1"],
  ["mallory", "10.0.0.1"],
  ["mallory", "10.0.0.2"],
  ["alice", "127.0.0.1"],
  ["mallory", "::1"],
  ["bob", "10.0.0.1"],
] as const;

type Step =
  | ({ do: "report"; seat: number; ref: number; madeAgo: number } & Said)
  | { do: "leave" | "rejected"; seat: number; ref: number }
  | { do: "lose"; seat: number }
  | { do: "probe"; which: number; outcome: ProbeOutcome }
  | { do: "pass"; ms: number };

interface Said {
  id: string | undefined;
  port: number;
  advertise: string | undefined;
  instance: string | undefined;
  says: "up" | "down" | "drain";
  weight: number;
}

const seat = fc.nat(SEATS.length - 1);
const ref = fc.nat(1);
const report = fc.record({
  do: fc.constant("report" as const),
  seat,
  ref,
  madeAgo: fc.constantFrom(0, 0, 0, 0, 0, 0, 5_000, LEASE),
  id: fc.constantFrom(undefined, undefined, "one", "two"),
  port: fc.constantFrom(80, 80, 80, 81),
  advertise: fc.constantFrom(undefined, undefined, undefined, undefined, "10.0.0.1", "10.0.0.3"),
  instance: fc.constantFrom(undefined, "a", "a", "b", "b"),
  says: fc.constantFrom("up" as const, "up" as const, "down" as const, "drain" as const),
  weight: fc.constantFrom(1, 2, 3),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: report },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("leave" as const, "rejected" as const), seat, ref }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("lose" as const), seat }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("probe" as const),
      which: fc.nat(3),
      outcome: fc.constantFrom(...PROBED),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.constantFrom(1_000, 6_000, 11_000) }) },
);

/** What the rules make of a target. */
interface Known {
  key: string;
  owner: TargetOwner | null;
  ref: number;
  where: string;
  weight: number;
  says: Said["says"];
  instance: string | undefined;
  displaced: readonly string[];
  counts: boolean;
  until: number;
}

class World {
  readonly clock = new ManualClock();
  readonly pool = plainPool("p", 64);
  readonly known = new Map<string, Known>();
  readonly outcomes: string[] = [];
  readonly registry: Registry;
  readonly #owners = new Map<number, TargetOwner>();
  /** Whose step it is; null: nobody's. */
  #actor: string | null = null;
  /** Owners that were told that they are replaced. */
  readonly #replaced = new Set<TargetOwner>();

  constructor() {
    this.registry = registryOf({
      pools: new Map([["p", this.pool]]),
      clock: this.clock,
      lease: LEASE,
      quotaOf: ({ limits }) => quotaOf(limits, 64),
      onEvent: (...event) => {
        const [name, target] = event;
        if (typeof target === "string" || this.#actor === null) return;
        assert.ok(this.#mayTouch(target.identity), `${this.#actor} caused ${name} of ${target.identity}`);
      },
    });
  }

  take(step: Step): void {
    const before = "seat" in step ? this.#rows() : new Map<string, TargetView>();
    this.#actor = "seat" in step ? SEATS[step.seat]![0] : null;
    this.#do(step);
    const after = this.#rows();
    for (const [identity, row] of before) {
      if (!this.#mayTouch(identity)) assert.deepEqual(after.get(identity), row, `${this.#actor} changed ${identity}`);
    }
    this.#check(after);
  }

  /** Nothing is kept from whom it belongs to: each target leaves at its owner's word. */
  end(): void {
    for (const [identity, { key, owner, ref }] of this.known) {
      this.#actor = key;
      if (owner !== null) assert.equal(this.registry.leave(owner, ref).target, identity);
    }
  }

  /** Whether it is the actor's, or nobody's; one that becomes the actor's is so only once it is. */
  #mayTouch(identity: string): boolean {
    const known = this.known.get(identity);
    return known === undefined || known.key === this.#actor || this.#isDead(known);
  }

  #isDead({ owner, counts, until }: Known): boolean {
    return owner === null && !counts && until <= this.clock.now();
  }

  #do(step: Step): void {
    if (step.do === "report") this.#report(step);
    else if (step.do === "pass") this.#pass(step.ms);
    else if (step.do === "probe") this.#probe(step.which, step.outcome);
    else if (step.do === "lose") this.#lose(step.seat);
    else this.#leave(step);
  }

  /** Of its own accord, or because a report was refused for good. */
  #leave({ do: how, seat, ref }: Extract<Step, { do: "leave" | "rejected" }>): void {
    const owner = this.#owners.get(seat);
    if (owner === undefined) return;
    this.registry[how](owner, ref);
    const mine = this.#of(owner, ref);
    if (mine !== undefined) this.known.delete(mine);
  }

  #report({ seat, ref, madeAgo, ...said }: Extract<Step, { do: "report" }>): void {
    const [key, host] = SEATS[seat]!;
    const owner = this.#owners.get(seat) ?? this.#sitDown(seat);
    const { id, port, advertise, instance, says, weight } = said;
    const at = advertise ?? (host === "::1" ? "127.0.0.1" : host);
    const body: Report = {
      id,
      pool: "p",
      port,
      weight,
      advertise,
      instance,
      health: says === "down" ? "down" : "up",
      drain: says === "drain",
    };
    const where = `${at}:${port}`;
    const identity = `p/${id ?? where}`;
    const now = this.clock.now();
    const until = now - madeAgo + LEASE;
    const expected = madeAgo >= LEASE ? "TOO_LATE" : this.#judge(identity, key, owner, ref, where, until, said);
    let code = "ok";
    try {
      assert.equal(
        this.registry.report(owner, body, at, { ref, madeAt: now - madeAgo, reach: "connected" }).target,
        identity,
      );
    } catch (error) {
      code = codeOf(error) ?? assert.fail(error as Error);
    }
    this.outcomes.push(code);
    assert.equal(code, expected, `${key} reports ${identity}`);
    if (code !== "ok") return;
    const mine = this.#of(owner, ref);
    if (mine !== undefined && mine !== identity) this.known.delete(mine);
    const target = this.known.get(identity);
    const continued = target?.key === key ? target : undefined;
    const former = continued?.owner ?? null;
    let displaced = (continued?.displaced ?? []).filter((each) => each !== instance);
    if (former !== null && former !== owner) {
      assert.ok(this.#replaced.has(former), "the former owner is told");
      if (continued?.instance !== undefined && continued.instance !== instance)
        displaced = [...displaced, continued.instance];
    }
    this.known.set(identity, { key, owner, ref, where, weight, says, instance, displaced, counts: true, until });
  }

  /** Whether the report is taken in, or why not. */
  #judge(
    identity: string,
    key: string,
    owner: TargetOwner,
    ref: number,
    where: string,
    until: number,
    said: Said,
  ): string {
    const target = this.known.get(identity);
    if (target === undefined) return "ok";
    if (target.key !== key) {
      const isThere = said.id === undefined && said.advertise === undefined && target.where === where;
      return this.#isDead(target) && isThere ? "ok" : "OWNED";
    }
    if (target.owner === null) return "ok";
    if (target.owner === owner) return target.ref === ref ? "ok" : "ID_TAKEN";
    if (target.where !== where) return "ID_TAKEN";
    const isDisplaced = said.instance !== undefined && target.displaced.includes(said.instance);
    return isDisplaced || until < target.until ? "REPLACED" : "ok";
  }

  #lose(seat: number): void {
    const owner = this.#owners.get(seat);
    if (owner === undefined) return;
    this.#owners.delete(seat);
    const orphans = this.registry.lost(owner).map(({ identity }) => identity);
    const expected: string[] = [];
    for (const [identity, target] of this.known) {
      if (target.owner !== owner) continue;
      target.owner = null;
      if (target.counts && target.says !== "down") expected.push(identity);
    }
    assert.deepEqual(orphans.sort(), expected.sort());
  }

  #probe(which: number, outcome: ProbeOutcome): void {
    const orphan = this.registry.leases.orphans()[which];
    if (orphan === undefined) return;
    this.registry.leases.probed(orphan, outcome);
    const target = this.known.get(orphan.identity)!;
    if (outcome !== "ECONNREFUSED") return;
    target.counts = false;
    target.until = Math.min(target.until, this.clock.now());
  }

  #pass(ms: number): void {
    this.clock.advance(ms);
    this.registry.expire();
    for (const target of this.known.values()) target.counts &&= target.until > this.clock.now();
  }

  #sitDown(seat: number): TargetOwner {
    const [key, host] = SEATS[seat]!;
    const owner: TargetOwner = {
      remote: { host, port: 1 },
      key: { id: key, limits: {} },
      forbids: () => null,
      replaced: () => {
        assert.equal(key, this.#actor, "a key's reporters are replaced by one another alone");
        this.#replaced.add(owner);
      },
    };
    this.#owners.set(seat, owner);
    return owner;
  }

  #of(owner: TargetOwner, ref: number): string | undefined {
    return [...this.known].find(([, known]) => known.owner === owner && known.ref === ref)?.[0];
  }

  #rows(): Map<string, TargetView> {
    return new Map(this.pool.targets().map((view) => [view.identity, view]));
  }

  #check(rows: ReadonlyMap<string, TargetView>): void {
    assert.deepEqual([...rows.keys()].sort(), [...this.known.keys()].sort());
    for (const [identity, { where, weight, says, counts }] of this.known) {
      const { address, weight: has, state } = rows.get(identity)!;
      assert.equal("host" in address && `${address.host}:${address.port}`, where);
      assert.equal(has, weight);
      const is = state === "suspect" ? "up" : state === "draining" ? "drain" : state;
      assert.equal(is, counts ? says : "down", identity);
    }
    const owners = new Set([...this.known.values()].map(({ owner }) => owner));
    for (const owner of this.#owners.values()) assert.equal(this.registry.owns(owner), owners.has(owner));
  }
}

/** Half a second, in which what is seen most seldom is seen some 15 times. */
const RUNS = 300;

describe("whoever reports whatever", () => {
  it("touches no target of another key, and is kept from none of his own", () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 80, size: "max" }), (steps) => {
        const world = new World();
        for (const each of steps) world.take(each);
        world.end();
        for (const code of world.outcomes) seen.set(code, (seen.get(code) ?? 0) + 1);
      }),
      { numRuns: RUNS },
    );
    for (const code of ["ok", "OWNED", "ID_TAKEN", "REPLACED", "TOO_LATE"]) {
      assert.ok(seen.has(code), `${code} was never seen: ${JSON.stringify([...seen])}`);
    }
  });
});
