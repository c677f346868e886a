/** What runs still may be of an earlier release, while the command is of the new one: as in the middle of an upgrade. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ReporterStatus } from "../../../src/admin/reporter/schema.ts";
import { type Line, lineText } from "../../../src/bin/terminal/line.ts";
import { poolLines } from "../../../src/bin/views/pools.ts";
import { reporterLines } from "../../../src/bin/views/reporter.ts";
import { statusLines } from "../../../src/bin/views/status.ts";
import { targetInFull, targetLines } from "../../../src/bin/views/targets.ts";
import { fakePool } from "../../support/operated/pools.ts";
import { fakeTargets } from "../../support/operated/targets.ts";
import { FakeOperated } from "../../support/operated.ts";

const PAPER = { columns: 200, rows: 40, isTerminal: false, colour: false, unicode: true };
const NOW = Date.now();
/** Fields that 2.0 does not have yet. */
const LATER = [
  "asleep",
  "groupConcurrency",
  "rebalancing",
  "checks",
  "priority",
  "ramp",
  "auto",
  "check",
  "isSilent",
  "silentReporters",
  "group",
];

/** As an earlier release would say it. */
function earlier<T>(said: T): T {
  return JSON.parse(JSON.stringify(said), (name, value: unknown) => (LATER.includes(name) ? undefined : value)) as T;
}

const textOf = (lines: readonly Line[]) => lines.map((line) => lineText(line, false)).join("\n");

const REPORTER: ReporterStatus = {
  name: "harmony-reporter",
  version: "2.0.0",
  runtime: { name: "node", version: "24.0.0" },
  pid: 7,
  startedAt: new Date(NOW - 60_000).toISOString(),
  uptimeMs: 60_000,
  targets: [
    {
      pool: "web",
      port: 80,
      id: null,
      weight: 9,
      auto: null,
      maxConnections: 0,
      priority: 0,
      sendProxy: "pool",
      says: "up",
      reason: null,
      check: null,
    },
  ],
  balancers: [],
};

describe("a reporter that says that its target is down", () => {
  it("is shown with the reason, whether that is its check's or that its server does not start", () => {
    const down = { ...REPORTER.targets[0]!, says: "down", reason: "the server has ended with code 1" } as const;
    const shown = textOf(reporterLines([{ ...REPORTER, targets: [down] }], PAPER, NOW));
    assert.match(shown, /weight 9, down: the server has ended with code 1$/m);
  });
});

describe("commands show what an earlier release says", () => {
  it("of the balancer, as if no reporter were silent and no target slept", async () => {
    const status = await new FakeOperated().status();
    const shown = textOf(statusLines(earlier(status), NOW));
    assert.equal(shown, textOf(statusLines(status, NOW)));
    const none = { ...status, targets: { up: 0, suspect: 0, draining: 0, down: 1 } };
    assert.match(textOf(statusLines(earlier(none), NOW)), /no target is up/);
    assert.doesNotMatch(
      textOf(statusLines({ ...none, asleep: 1 }, NOW)),
      /no target is up/,
      "it starts when somebody waits",
    );
  });

  it("of pools, as if nothing slept and nothing were rebalanced", () => {
    const counts = { up: 2, suspect: 0, draining: 0, down: 1 };
    const pools = ["web", "db"].map((name) => fakePool(name, counts, [], [], NOW));
    const shown = textOf(poolLines(earlier(pools), PAPER));
    assert.equal(shown, textOf(poolLines(pools, PAPER)));
  });

  it("of targets, as if none were checked and all had the same priority", () => {
    const targets = fakeTargets(NOW);
    assert.equal(textOf(targetLines(earlier(targets), PAPER, NOW)), textOf(targetLines(targets, PAPER, NOW)));
    for (const target of targets) {
      assert.equal(textOf(targetInFull(earlier(target), PAPER, NOW)), textOf(targetInFull(target, PAPER, NOW)));
    }
  });

  it("of a reporter, as if it had no check and a weight that is a number", () => {
    assert.equal(textOf(reporterLines([earlier(REPORTER)], PAPER, NOW)), textOf(reporterLines([REPORTER], PAPER, NOW)));
  });
});
