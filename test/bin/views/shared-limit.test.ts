/** What is shown of a limit that several balancers share. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { lineText } from "../../../src/bin/terminal/line.ts";
import { reporterLines } from "../../../src/bin/views/reporter.ts";
import { targetInFull } from "../../../src/bin/views/targets.ts";
import { fakeTargets } from "../../support/operated/targets.ts";

const PAPER = { columns: 200, rows: 40, isTerminal: false, colour: false, unicode: true };
const NOW = Date.now();
const AT = new Date(NOW).toISOString();

describe("a shared limit", () => {
  it("is shown with a target: what it may have here, of how many, and what others have there", () => {
    const target = { ...fakeTargets(NOW)[0]!, active: 3 };
    const shown = (more: object) =>
      targetInFull({ ...target, ...more }, PAPER, NOW)
        .map((each) => lineText(each, false))
        .join("\n");
    assert.match(
      shown({ maxConnections: 10, credits: 4, elsewhere: 5 }),
      /3 active \(limit 4 of 10\), 5 at other balancers,/,
    );
    assert.match(shown({ maxConnections: 10 }), /3 active \(limit 10\),/);
    assert.match(shown({}), /3 active, \d/);
  });

  it("is shown by the reporter: what it has issued to which balancer", () => {
    const target = {
      target: "web/a",
      port: 80,
      isRegistered: true,
      since: AT,
      active: 3,
      answeredAt: AT,
      trouble: null,
    };
    const balancer = (address: string, credits: number | null) => ({
      ...{ address, isConnected: true, since: AT, software: null, trouble: null },
      targets: [{ ...target, credits }],
    });
    const status = {
      ...{ name: "harmony-reporter", version: "2.0.0", runtime: { name: "node", version: "24.0.0" }, pid: 7 },
      ...{ startedAt: AT, uptimeMs: 1, targets: [], balancers: [balancer("a:1666", 7), balancer("b:1666", null)] },
    };
    const lines = reporterLines([status], PAPER, NOW).map((each) => lineText(each, false));
    const [head, a, b] = lines.filter((line) => /LIMIT|:1666/.test(line));
    const at = head!.indexOf("LIMIT") + "LIMIT".length - 1;
    assert.deepEqual([a![at], b![at]], ["7", "-"]);
  });
});
