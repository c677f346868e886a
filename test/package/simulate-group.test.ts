/** What `make simulate-group` runs: a small group, in which everything happens once. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { loader, node, root } from "../../scripts/runtimes.ts";

function simulate(env: Record<string, string>) {
  const command = ["--import", loader, join(root, "scripts/simulate-group.ts")];
  return spawnSync(node, command, { cwd: root, encoding: "utf8", env: { ...process.env, STORE: "memory", ...env } });
}

describe("a simulated group", () => {
  it("agrees after each failure, and takes out no target that lives", () => {
    const size = { BALANCERS: "3", REPORTERS: "60", CLIENTS: "1000", ROUNDS: "1", SEED: "1" };
    const { status, stdout, stderr } = simulate(size);
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, /live targets taken out: 0; differences in the end: 0/);
    for (const kind of ["is killed", "is started", "restarted empty", "was cut", "hints are lost"])
      assert.ok(stdout.includes(kind), kind);
  });

  it("says what it can be asked for", () => {
    const { status, stderr } = simulate({ STORE: "tape" });
    assert.equal(status, 2);
    assert.match(stderr, /choose memory or redis/);
  });
});
