import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Shared, surplus, taking } from "../../../src/targets/removal/shares.ts";
import { amount } from "../../support/amount.ts";
import fc from "../../support/draws.ts";

function row(identity: string, active: number, more: Partial<Shared> = {}): Shared {
  return {
    identity,
    active,
    weight: 100,
    limit: Number.POSITIVE_INFINITY,
    priority: 0,
    backup: false,
    state: "up",
    ...more,
  };
}

const above = (rows: readonly Shared[], total = rows.reduce((sum, { active }) => sum + active, 0)) =>
  Object.fromEntries(surplus(rows, total));

describe("what targets have above their share", () => {
  it("goes by weight", () => {
    assert.deepEqual(
      above([row("a", 90), row("b", 0, { weight: 200 })]),
      { a: 58 },
      "30 is its share, and 2 the margin",
    );
    assert.deepEqual(above([row("a", 3), row("b", 0)]), { a: 1 });
    assert.deepEqual(above([row("a", 1), row("b", 0)]), {});
    assert.deepEqual(above([row("a", 52), row("b", 48)]), {}, "within the margin");
    assert.deepEqual(above([row("a", 7)]), {});
    assert.deepEqual(above([]), {});
  });

  it("is no more than there is room for with others", () => {
    assert.deepEqual(above([row("a", 90), row("b", 0, { limit: 10 })]), { a: 6 });
    assert.deepEqual(above([row("a", 60, { limit: 60 }), row("b", 0)]), { a: 28 });
    assert.deepEqual(above([row("a", 8, { limit: 8 }), row("b", 2, { limit: 2 })]), {});
  });

  it("does not count twice who was ended and is yet to come back", () => {
    assert.deepEqual(above([row("a", 50), row("b", 0)], 100), {});
    assert.deepEqual(above([row("a", 60), row("b", 0)], 100), { a: 7 });
  });

  it("is all that those have who serve only when others cannot, once others can", () => {
    assert.deepEqual(above([row("a", 0), row("b", 5, { backup: true })]), { b: 5 });
    assert.deepEqual(above([row("a", 0, { priority: 1 }), row("b", 5, { priority: 2 })]), { b: 5 });
    assert.deepEqual(above([row("a", 1, { limit: 3 }), row("b", 5, { backup: true })]), { b: 2 });
  });

  it("is shared among those that take load", () => {
    const rows = [
      row("a", 1),
      row("b", 1, { state: "draining" }),
      row("c", 1, { weight: 0 }),
      row("d", 1, { state: "suspect" }),
    ];
    assert.deepEqual(
      taking(rows).map(({ identity }) => identity),
      ["a"],
    );
  });

  it("is none where those that are ended have gone where there is room, whatever the shares", () => {
    const target = fc.record({
      active: fc.nat(200),
      weight: fc.integer({ min: 1, max: 1_000 }),
      limit: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 1, max: 300 })),
      backup: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(target, { minLength: 1, maxLength: 8 }), (given) => {
        const rows = given.map((each, nth) => ({ ...row(`${nth}`, 0), ...each }));
        const total = rows.reduce((sum, { active }) => sum + active, 0);
        const first = rows.every(({ backup }) => backup) ? rows : rows.filter(({ backup }) => !backup);
        for (let moves = 0; ; moves++) {
          assert.ok(moves <= total, "each moves once at most");
          const found = [...surplus(rows, total)];
          if (found.length === 0) return;
          const from = rows.find(({ identity }) => identity === found[0]![0])!;
          assert.ok(found[0]![1] <= from.active);
          from.active--;
          // As least connections does it.
          const open = first.filter(({ active, limit }) => active < limit);
          assert.ok(open.length > 0, "there is room for it");
          const to = open.reduce((a, b) => ((b.active + 1) / b.weight < (a.active + 1) / a.weight ? b : a));
          to.active++;
        }
      }),
      { numRuns: amount(300) },
    );
  });
});
