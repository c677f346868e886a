/** A group to which anything happens, in any order: what must never be is looked for all the time, and in the end all know what is so. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { amount } from "../support/amount.ts";
import fc from "../support/draws.ts";
import { BALANCERS, type Fault, Life, REPORTERS } from "./chaos-life.ts";
import { Never } from "./chaos-never.ts";
import { type Balancer, LEASE } from "./world.ts";

/** More, or others: `RUNS=500 SEED=$RANDOM make test-node FILE=test/group/chaos.test.ts`. */
const RUNS = Number(process.env.RUNS || amount(40));

type Act = readonly [what: string, run: (life: Life) => void | Promise<void>];

const at = fc.nat(BALANCERS - 1);
const whose = fc.nat(REPORTERS - 1);
const some = fc.tuple(whose, at);
const FAULTS: readonly Fault[] = ["lost", "answersLost", "hintsLost", "hintsTwice"];

/** Of that one of the balancers that are there, if there are so many. */
function withBalancer(life: Life, n: number, run: (balancer: Balancer) => void): void {
  const balancer = life.alive[n];
  if (balancer !== undefined) run(balancer);
}

function times(weight: number, arbitrary: fc.Arbitrary<Act>): { weight: number; arbitrary: fc.Arbitrary<Act> } {
  return { weight, arbitrary };
}

const act: fc.Arbitrary<Act> = fc.oneof(
  times(
    8,
    fc.integer({ min: 1, max: 6 }).map((s): Act => [`pass ${s}`, (life) => life.pass(s * 1_000)]),
  ),
  times(
    3,
    some.map(
      ([r, b]): Act => [
        `connect ${r} ${b}`,
        (life) => withBalancer(life, b, (balancer) => life.reporters[r]!.connect(balancer)),
      ],
    ),
  ),
  times(
    2,
    some.map(
      ([r, b]): Act => [
        `lose ${r} ${b}`,
        (life) => withBalancer(life, b, (balancer) => life.reporters[r]!.lose(balancer)),
      ],
    ),
  ),
  times(
    2,
    some.map(
      ([r, b]): Act => [
        `cut ${r} ${b}`,
        (life) => withBalancer(life, b, (balancer) => life.reporters[r]!.cut(balancer)),
      ],
    ),
  ),
  times(
    2,
    fc
      .tuple(whose, fc.integer({ min: 1, max: 9 }), fc.constantFrom("up", "up", "down"), fc.boolean())
      .map(
        ([r, weight, health, drain]): Act => [
          `say ${r} ${weight} ${health} ${drain}`,
          (life) => life.reporters[r]!.say({ weight, health, drain }),
        ],
      ),
  ),
  times(
    1,
    whose.map((r): Act => [`anew ${r}`, (life) => life.startAnew(life.reporters[r]!)]),
  ),
  times(
    1,
    whose.map((r): Act => [`leave ${r}`, (life) => life.reporters[r]!.leave()]),
  ),
  times(
    1,
    fc
      .tuple(whose, fc.boolean())
      .map(([r, isFelt]): Act => [`die ${r} ${isFelt}`, (life) => life.reporters[r]!.die(isFelt)]),
  ),
  times(
    2,
    fc
      .tuple(at, fc.boolean())
      .map(([b, bye]): Act => [`${bye ? "stop" : "kill"} ${b}`, (life) => life.go(life.alive[b], bye)]),
  ),
  times(3, fc.constant<Act>(["start", (life) => life.start()])),
  times(
    2,
    at.map(
      (b): Act => [
        `replace ${b}`,
        async (life) => {
          await life.go(life.alive[b], false);
          await life.start();
        },
      ],
    ),
  ),
  times(
    2,
    fc
      .tuple(at, fc.constantFrom(...FAULTS))
      .map(([b, fault]): Act => [`${fault} ${b}`, (life) => life.fault(life.alive[b], fault)]),
  ),
  times(1, fc.constant<Act>(["heal", (life) => life.heal()])),
  times(2, fc.constant<Act>(["clear", (life) => life.clear()])),
  times(2, fc.constant<Act>(["fail over", (life) => life.failOver()])),
  times(
    4,
    fc
      .tuple(whose, at, fc.boolean())
      .map(
        ([r, b, drain]): Act => [
          `order ${r} ${b} ${drain}`,
          (life) => life.order(life.reporters[r]!, life.alive[b], drain),
        ],
      ),
  ),
);

/** What each balancer is to know in the end, as far as an order is in force there. */
function truth(life: Life, balancer: Balancer): Record<string, string> {
  const said = life.reporters
    .filter(({ lives }) => lives)
    .map(({ name, says: { weight, health, drain } }) => {
      const isOrdered = balancer.registry.ordering.all().has(name);
      return [name, `${health === "down" && !drain ? "down" : drain || isOrdered ? "draining" : "up"} ${weight}`];
    });
  return Object.fromEntries(said);
}

describe("whatever happens to a group", () => {
  it("nothing is that must never be, and its balancers know what is so once it is over", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(act, { minLength: 5, maxLength: 40 }), async (seed, acts) => {
        const life = new Life(seed);
        const never = new Never(life);
        for (let n = 0; n < BALANCERS; n++) await life.start();
        for (const [n, reporter] of life.reporters.entries())
          for (let more = n % BALANCERS; more >= 0; more--) reporter.connect(life.alive[(n + more) % BALANCERS]!);
        await life.pass(2_000);
        for (const [, run] of acts) {
          await run(life);
          never.look();
          await life.pass(200);
        }
        life.heal();
        if (life.alive.length === 0) await life.start();
        await life.pass(2 * LEASE + 10_000);
        for (const balancer of life.alive) {
          const seen = balancer.targets();
          // Where its connection had been lost before it could say that it leaves, or it died, it is known to be down.
          for (const { name, lives } of life.reporters) if (!lives && seen[name]?.startsWith("down")) delete seen[name];
          assert.deepEqual(sorted(seen), sorted(truth(life, balancer)), balancer.name);
        }
        life.close();
      }),
      { numRuns: RUNS },
    );
  });
});

function sorted(targets: Record<string, string>): [string, string][] {
  return Object.entries(targets).sort(([a], [b]) => (a < b ? -1 : 1));
}
