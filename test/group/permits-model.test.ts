/**
 * Whatever balancers, their clients and the store do, there are never more connections than the limit. Left out is what the limit does not cover:
 * a balancer that cannot ask for longer than its lease, and a store that forgets what nobody else has read yet of one that cannot tell it again.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { amount } from "../support/amount.ts";
import fc from "../support/draws.ts";
import { LEASE, PlayedGroup } from "./played-permits.ts";

const SIZE = 3;
/** ms in which those that had lost the store say what they hold, with all that may delay it. */
const TOLD = 3_000;
/** ms in which one that has started asks for the first time: one that cannot has what there is, as if it were alone. */
const ASKED = 300;
/** ms after which everything is where it is wanted. */
const SETTLED = 2 * LEASE;

/** Each draws a balancer, and a number whose meaning depends. */
const ACTS: Record<string, (group: PlayedGroup, at: number, n: number) => void | Promise<void>> = {
  come: (group, at, n) => group.balancers[at]!.come(n),
  go: (group, at, n) => group.balancers[at]!.go(n, n % 3 !== 0),
  pass: (group, _, n) => group.pass(50 * n),
  wait: (group, _, n) => group.pass(700 * n),
  limit: (group, at, n) => group.balancers[at]!.limit(Math.max(1, group.limit - n)),
  pause: (group, at) => group.balancers[at]!.limit(0),
  kill: async (group, at) => {
    group.restart(at);
    await group.pass(ASKED);
  },
  stop: async (group, at) => {
    await group.balancers[at]!.close();
    group.restart(at);
    await group.pass(ASKED);
  },
  /** For less than a lease. */
  lose: (group, at, n) => group.lose(500 * n, group.balancers[at]!.store),
  answersLost: async (group, at, n) => {
    group.balancers[at]!.store.fault({ answersLost: true });
    await group.pass(100 * n);
    group.balancers[at]!.store.fault({ answersLost: false });
  },
  slow: async (group, at, n) => {
    group.balancers[at]!.store.fault({ slowMs: 100 * n });
    await group.pass(200 * n);
    group.balancers[at]!.store.fault({ slowMs: 0 });
    await group.pass(TOLD);
  },
  hintsLost: async (group, _, n) => {
    group.memory.fault({ hintsLost: true });
    await group.pass(100 * n);
    group.memory.fault({ hintsLost: false });
  },
  /** Another server is in its place, which does not know the last claims. */
  failOver: async (group, _, n) => {
    const copy = new Map(group.memory.permits);
    await group.pass(100 * n, () => {
      for (const each of group.balancers) each.next();
    });
    await group.lose(50, group.memory, () => {
      group.memory.permits = copy;
    });
  },
  forget: async (group) => {
    await group.pass(TOLD); // nobody is in the middle of a call
    group.memory.clear();
    await group.pass(TOLD);
  },
  /** The same while one hangs, for less than a lease. */
  hangAndForget: async (group, at, n) => {
    await group.pass(TOLD);
    const hanging = group.balancers[at]!;
    hanging.hang();
    await group.pass(50 * n);
    group.memory.clear();
    await group.pass(600 * n);
    hanging.goOn();
    await group.pass(TOLD);
  },
  /** Or is cut off. */
  loseAndForget: async (group, at, n) => {
    await group.pass(TOLD);
    const { store } = group.balancers[at]!;
    await group.lose(50 * n, store);
    store.fault({ lost: true });
    group.memory.clear();
    await group.lose(600 * n, store);
    await group.pass(TOLD);
  },
};

const acts = fc.array(
  fc.record({
    act: fc.constantFrom(...Object.keys(ACTS), "come", "come", "go", "go", "pass", "pass", "wait"),
    at: fc.nat(SIZE - 1),
    n: fc.integer({ min: 1, max: 12 }),
  }),
  { maxLength: 25 },
);

type Todo = readonly { readonly act: string; readonly at: number; readonly n: number }[];

async function played(limit: number, queue: number, todo: Todo): Promise<PlayedGroup> {
  const group = new PlayedGroup(limit, queue);
  for (let n = 0; n < SIZE; n++) group.start();
  for (const { act, at, n } of todo) {
    await ACTS[act]!(group, at, n);
    await group.pass(50);
    assert.ok(group.most <= limit, `${group.most} of ${limit} after ${act}`);
  }
  return group;
}

describe("permits of a pool, whatever happens", () => {
  it("are never more than the limit, and go to where clients are once it is over", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 12 }), acts, async (limit, todo) => {
        const group = await played(limit, 1_000, todo);
        for (const each of group.balancers) {
          each.limit(limit);
          each.come(2 * limit);
        }
        let open = 0;
        const next = () => {
          open = Math.max(open, group.open);
          for (const each of group.balancers) each.next();
        };
        await group.pass(SETTLED, next);
        assert.ok(group.most <= limit, `${group.most} of ${limit} at the end`);
        open = 0;
        await group.pass(1_000, next); // one may be on its way, where there are too few
        assert.equal(open, limit, "clients wait everywhere");
        const [first, ...others] = group.balancers;
        for (const each of others) each.go(limit, false);
        first!.come(2 * limit);
        await group.pass(2_000);
        assert.equal(first!.active, limit, "clients wait at one balancer alone");
        assert.ok(group.most <= limit);
        group.end();
      }),
      { numRuns: amount(60) },
    );
  });

  it("are where clients are turned away as well, where none can wait, but for one that is kept where there are enough", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 6 }), acts, fc.nat(SIZE - 1), async (limit, todo, at) => {
        const group = await played(limit, 0, todo);
        for (const each of group.balancers) {
          each.limit(limit);
          each.go(limit);
        }
        await group.pass(SETTLED);
        const only = group.balancers[at]!;
        await group.pass(limit * 1_000, () => only.come(1));
        assert.equal(only.active, limit < SIZE ? limit : limit - (SIZE - 1));
        assert.ok(group.most <= limit, `${group.most} of ${limit}`);
        group.end();
      }),
      { numRuns: amount(40) },
    );
  });
});
