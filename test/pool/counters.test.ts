import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "../support/draws.ts";
import { addTarget, client, makePool } from "./helpers.ts";

describe("what has been counted of a pool", () => {
  test("never falls, whichever targets come, leave and come back", () => {
    const steps = fc.array(fc.tuple(fc.constantFrom("add", "remove", "connect", "fail"), fc.nat(5)), { maxLength: 60 });
    fc.assert(
      fc.property(steps, (all) => {
        const pool = makePool({ maxTargets: 8 });
        const wanted = { connections: 0, failures: 0, bytesIn: 0, bytesOut: 0 };
        for (const [what, n] of all) {
          if (what === "add") addTarget(pool, `t${n}`);
          else if (what === "remove") pool.remove(`t${n}`);
          else {
            const row = pool.pick(client(n), [], n);
            if (row < 0) continue;
            if (what === "fail") {
              pool.failed(row, client(n), n);
              wanted.failures++;
            } else {
              pool.connected(row, 1);
              pool.release(row, client(n), n, 10 * n, n);
              wanted.connections++;
              wanted.bytesIn += n;
              wanted.bytesOut += 10 * n;
            }
          }
          assert.deepEqual(pool.totals(), wanted);
        }
      }),
    );
  });

  test("is in each row what is shown of its target, also after the pool has got more rows", () => {
    const pool = makePool({ maxTargets: 500 });
    for (let n = 0; n < 300; n++) addTarget(pool, `t${n}`, { state: n % 3 === 0 ? "down" : "up" });
    for (let n = 0; n < 1_000; n++) {
      const row = pool.pick(client(n), [], n);
      pool.connected(row, 1);
      pool.release(row, client(n), n, 2 * n, n);
    }
    pool.remove("t7");
    const { total, failures, bytesIn, bytesOut } = pool.counters();
    const seen = pool.targetRows().map(({ identity, row, state, weight, active }) => {
      assert.equal(pool.row(identity), row);
      const counts = { total: total[row], failures: failures[row], bytesIn: bytesIn[row], bytesOut: bytesOut[row] };
      return { identity, state, weight, active, ...counts };
    });
    const shown = pool.targets().map(({ identity, state, weight, active, ...rest }) => {
      const counts = { total: rest.total, failures: rest.failures, bytesIn: rest.bytesIn, bytesOut: rest.bytesOut };
      return { identity, state, weight, active, ...counts };
    });
    assert.deepEqual(seen, shown);
    assert.equal(pool.row("t7"), -1);
  });
});
