/** What `make faults` makes of what it measures, and what it says where it cannot run. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { outAfter } from "../../scripts/faults/run.ts";
import { cell, table } from "../../scripts/faults/table.ts";
import { loader, node } from "../../scripts/runtimes.ts";

const failures = (...times: number[]) => times.map((at) => ({ at, took: 3_000, by: null }));

describe("make faults", () => {
  it("has a target out after the last failure before a second without one, and at once where none fails", () => {
    assert.equal(outAfter(failures(), 1_000, 7_000), 0);
    assert.equal(outAfter(failures(1_100, 1_900, 2_600), 1_000, 7_000), 1_600);
    // One connection that tries it again is no sign that it is in.
    assert.equal(outAfter(failures(1_100, 1_900, 5_000), 1_000, 7_000), 900);
  });

  it("has none out that fails to the end of the fault", () => {
    const times = Array.from({ length: 12 }, (_, index) => 1_000 + index * 500);
    assert.equal(outAfter(failures(...times), 1_000, 7_000), null);
  });

  it("shows a row a scenario, and says what was not measured", () => {
    const result = { failed: 3, out: 120, back: null };
    assert.equal(cell(result), "3 failed, out 0.1 s, not back in 60 s");
    assert.equal(cell({ failed: 200, out: null, back: 0 }), "200 failed, not out in 6 s, back 0.0 s");
    const rows = [{ title: "it hangs", results: new Map([["one", result]]) }];
    const lines = table(rows, ["one", "two"]).split("\n");
    assert.deepEqual(lines, [
      "|  | one | two |",
      "| --- | --- | --- |",
      "| it hangs | 3 failed, out 0.1 s, not back in 60 s | not measured |",
    ]);
  });

  it("says what there is to choose from", { skip: process.platform !== "linux" }, () => {
    const env = { ...process.env, ONLY: "closes,hangs" };
    const { status, stderr, stdout } = spawnSync(node, ["--import", loader, "scripts/faults.ts"], {
      env,
      encoding: "utf8",
    });
    assert.equal(status, 2, stdout + stderr);
    assert.match(
      stderr,
      /^Not known: hangs\. Choose from server-stopped, both-stopped, host-gone, silent, closes, errors, slow\.$/m,
    );
  });
});
