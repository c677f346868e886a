/** Balancers, reporters and a store to which anything happens, drawn by a seed; when it is over, all balancers know what is so. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Report, TargetOwner } from "../../src/targets/report.ts";
import fc from "../support/draws.ts";
import { type Balancer, LEASE, REPORT, reporterAt, World } from "./world.ts";

/** More, or others: `RUNS=500 SEED=$RANDOM make test-node FILE=test/group/chaos.test.ts`. */
const RUNS = Number(process.env.RUNS || 40);
const BALANCERS = 3;
const REPORTERS = 6;

/** A server's reporter, which speaks to some of the balancers, and to another one where those are gone. */
class Reporter {
  readonly name: string;
  says: Pick<Report, "weight" | "health" | "drain"> = { weight: 5, health: "up", drain: false };
  readonly #host: string;
  readonly #owners = new Map<Balancer, TargetOwner>();
  hasLeft = false;

  constructor(n: number) {
    this.#host = `10.0.0.${n + 1}`;
    this.name = `p/${this.#host}:80`;
  }

  get balancers(): Balancer[] {
    return [...this.#owners.keys()].filter(({ isAlive }) => isAlive);
  }

  connect(balancer: Balancer): void {
    if (!this.hasLeft && !this.#owners.has(balancer)) this.#owners.set(balancer, reporterAt(this.#host));
  }

  /** The connection is gone, without a word. */
  lose(balancer: Balancer): void {
    const owner = this.#owners.get(balancer);
    this.#owners.delete(balancer);
    if (owner && balancer.isAlive) balancer.registry.lost(owner);
  }

  async report(): Promise<void> {
    if (this.hasLeft) return;
    for (const balancer of this.balancers)
      await balancer.report(this.#owners.get(balancer)!, { ...REPORT, ...this.says });
  }

  leave(): void {
    for (const balancer of this.balancers) balancer.registry.leave(this.#owners.get(balancer)!);
    this.#owners.clear();
    this.hasLeft = true;
  }
}

class Life {
  readonly world = new World();
  readonly reporters = Array.from({ length: REPORTERS }, (_, n) => new Reporter(n));
  /** By target, what has been ordered last: true, a drain. */
  readonly orders = new Map<string, boolean>();
  /** Orders that only balancers knew which are gone: they are in the state files of those, or in the store. */
  readonly unsure = new Set<string>();
  #started = 0;

  get alive(): Balancer[] {
    return this.world.balancers.filter(({ isAlive }) => isAlive);
  }

  async start(): Promise<void> {
    await this.world.start(`b${this.#started++}`);
  }

  /** Time in which reporters do what they do. */
  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      for (const reporter of this.reporters) {
        if (reporter.balancers.length === 0 && this.alive.length > 0) reporter.connect(this.alive[0]!);
        await reporter.report();
      }
      await this.world.pass(1_000, 500);
    }
  }

  /** A balancer goes: what no other one knows of orders may be lost for now. */
  going(balancer: Balancer | undefined): void {
    const others = this.alive.filter((each) => each !== balancer);
    for (const [name, drain] of this.orders) {
      const isKnown = others.some((each) => (each.registry.ordering.all().get(name)?.state === "drain") === drain);
      if (!isKnown) this.unsure.add(name);
    }
  }

  heal(): void {
    this.world.memory.fault({ lost: false, slowMs: 0, hintsLost: false, hintsTwice: false, answersLost: false });
    for (const balancer of this.world.balancers) if (!balancer.isAlive) balancer.store.fault({ lost: true });
  }

  /** What each balancer is to know; `seen`: what one knows. */
  truth(seen: Record<string, string>): Record<string, string> {
    const there = this.reporters.filter(({ hasLeft }) => !hasLeft);
    return Object.fromEntries(
      there.map(({ name, says: { weight, health, drain } }) => {
        const isOrdered = this.unsure.has(name) ? seen[name]?.startsWith("draining") : this.orders.get(name);
        const said = drain ? "draining" : health === "down" ? "down" : isOrdered ? "draining" : "up";
        return [name, `${said} ${weight}`];
      }),
    );
  }
}

type Act = readonly [what: string, run: (life: Life) => void | Promise<void>];
const at = fc.nat(BALANCERS - 1);
const whose = fc.nat(REPORTERS - 1);

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.integer({ min: 1, max: 6 }).map((s): Act => [`pass ${s}`, (life: Life) => life.pass(s)]),
  },
  fc.tuple(whose, at).map(
    ([r, b]): Act => [
      `connect ${r} ${b}`,
      (life: Life) => {
        const balancer = life.alive[b];
        if (balancer) life.reporters[r]!.connect(balancer);
      },
    ],
  ),
  fc.tuple(whose, at).map(
    ([r, b]): Act => [
      `lose ${r} ${b}`,
      (life: Life) => {
        const balancer = life.alive[b];
        if (balancer) life.reporters[r]!.lose(balancer);
      },
    ],
  ),
  fc.tuple(whose, fc.integer({ min: 1, max: 9 }), fc.constantFrom("up", "down"), fc.boolean()).map(
    ([r, weight, health, drain]): Act => [
      `say ${r} ${weight} ${health} ${drain}`,
      (life: Life) => {
        life.reporters[r]!.says = { weight, health, drain };
      },
    ],
  ),
  whose.map((r): Act => [`leave ${r}`, (life: Life) => life.reporters[r]!.leave()]),
  at.map(
    (b): Act => [
      `kill ${b}`,
      (life: Life) => {
        life.going(life.alive[b]);
        life.alive[b]?.kill();
      },
    ],
  ),
  at.map(
    (b): Act => [
      `stop ${b}`,
      async (life: Life) => {
        const balancer = life.alive[b];
        life.going(balancer);
        await balancer?.group.leave();
        balancer?.kill();
      },
    ],
  ),
  fc.constant<Act>(["start", (life) => (life.alive.length < BALANCERS ? life.start() : undefined)]),
  fc
    .tuple(at, fc.constantFrom("lost", "answersLost", "hintsLost", "hintsTwice"))
    .map(([b, fault]): Act => [`${fault} ${b}`, (life: Life) => life.alive[b]?.store.fault({ [fault]: true })]),
  fc.constant<Act>(["heal", (life: Life) => life.heal()]),
  fc.constant<Act>(["clear", (life: Life) => life.world.memory.clear()]),
  fc.tuple(whose, at, fc.boolean()).map(
    ([r, b, drain]): Act => [
      `order ${r} ${b} ${drain}`,
      (life: Life) => {
        const { name } = life.reporters[r]!;
        const balancer = life.alive[b];
        if (balancer?.registry.standingOf(name) === undefined) return;
        balancer.registry.ordering.order(name, { state: drain ? "drain" : null }, "me");
        life.orders.set(name, drain);
        life.unsure.delete(name);
      },
    ],
  ),
);

describe("whatever happens to a group", () => {
  it("its balancers know what is so once it is over", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 5, maxLength: 40 }), async (acts) => {
        const life = new Life();
        for (let n = 0; n < BALANCERS; n++) await life.start();
        for (const [n, reporter] of life.reporters.entries()) reporter.connect(life.alive[n % BALANCERS]!);
        await life.pass(2);
        for (const [, run] of acts) {
          await run(life);
          await life.world.pass(200);
        }
        life.heal();
        if (life.alive.length === 0) await life.start();
        await life.pass((2 * LEASE) / 1_000 + 10);
        for (const balancer of life.alive) {
          const seen = balancer.targets();
          const truth = life.truth(seen);
          // Where its connection had been lost before it could say that it leaves, it is known to be down.
          for (const { name, hasLeft } of life.reporters)
            if (hasLeft && seen[name]?.startsWith("down")) delete seen[name];
          assert.deepEqual(
            sorted(seen),
            sorted(truth),
            `${balancer.name} after ${acts.map(([what]) => what).join(", ")}`,
          );
        }
        life.world.close();
      }),
      { numRuns: RUNS },
    );
  });
});

function sorted(targets: Record<string, string>): [string, string][] {
  return Object.entries(targets).sort(([a], [b]) => (a < b ? -1 : 1));
}
