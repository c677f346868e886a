/** The group as commands show it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ApiClient } from "../../../src/admin/client.ts";
import { groupInShort, shownGroup } from "../../../src/app/operated/group.ts";
import { type Line, lineText } from "../../../src/bin/terminal/line.ts";
import { groupLines } from "../../../src/bin/views/group.ts";
import { poolLines } from "../../../src/bin/views/pools.ts";
import { statusLines, warnings } from "../../../src/bin/views/status.ts";
import { targetLines } from "../../../src/bin/views/targets.ts";
import { TopView } from "../../../src/bin/views/top.ts";
import type { GroupView } from "../../../src/group/view.ts";
import { fakeGroup } from "../../support/operated/group.ts";
import { fakePool } from "../../support/operated/pools.ts";
import { fakeTargets } from "../../support/operated/targets.ts";
import { FakeOperated } from "../../support/operated.ts";

const PAPER = { columns: 200, rows: 40, isTerminal: false, colour: false, unicode: true };
const NOW = Date.UTC(2026, 10, 30, 1);
const GROUP = fakeGroup(NOW - 3_600_000);

const textOf = (lines: readonly Line[]) => lines.map((line) => lineText(line, false)).join("\n");
const shown = (some: Partial<GroupView> = {}, columns = PAPER.columns) =>
  textOf(groupLines(shownGroup({ ...GROUP, ...some }), { ...PAPER, columns }, NOW));

describe("the group", () => {
  it("is shown with each of its balancers", () => {
    assert.equal(
      shown(),
      [
        "group harmony at redis://10.0.0.5:6379/0, connected for 1h00m; 12 targets known from others alone",
        "",
        "BALANCER   VERSION  STATE         HEARD  UP FOR  TARGETS  REPORTERS  ACTIVE  QUEUE",
        "lb-1:1666  2.0.0    present*          -   1h00m        6          5      31      0",
        "lb-2:1666  2.0.0    present   420ms ago  59m00s       12          5    7.7k      0",
        "lb-3:1666  2.1.0    gone      1m15s ago   1h00m        6          5      31      0",
      ].join("\n"),
    );
  });

  it("has of a pool's limit what it gets here, of the smallest that any of them has", () => {
    const pool = fakePool("web", { up: 1, suspect: 0, draining: 0, down: 0 }, [], [], NOW);
    const active = (some: Partial<typeof pool>) => textOf(poolLines([{ ...pool, ...some }], PAPER));
    assert.match(active({ permits: 2 }), / 0 \(limit 2 of 500\) /);
    assert.match(active({ permits: 2, groupConcurrency: 4 }), / 0 \(limit 2 of 4\) /);
  });

  it("keeps to the width that there is, with names and states to the last", () => {
    const narrow = shown({}, 40).split("\n").slice(2);
    assert.ok(
      narrow.every((text) => text.length <= 40),
      narrow.join("\n"),
    );
    assert.match(narrow[0]!, /^BALANCER +STATE .*ACTIVE$/);
  });

  it("says that it is lost, for how long, why, and what that means", () => {
    const lost = shown({ state: "lost", since: NOW - 12_000, reason: "it does not answer" });
    assert.match(lost, /^group harmony at \S+, lost for 12s; /);
    assert.match(lost, /\n! the group is lost for 12s: it does not answer; what was known of others stays in force\n/);
    assert.match(shown({ state: "connecting" }), /\n! the group has not been reached yet\n/);
  });

  it("cannot steer the terminal by a balancer's name", () => {
    const [first] = GROUP.members;
    assert.ok(!shown({ members: [{ ...first!, name: "\x1b[2Jlb", version: "\x1b[0m" }] }).includes("\x1b"));
  });
});

describe("the status", () => {
  it("has the group in a line, and warns of what is wrong with it", async () => {
    const operated = new FakeOperated();
    const calm = {
      ...(await operated.status()),
      group: groupInShort({ ...GROUP, members: GROUP.members.slice(0, 2) }),
    };
    assert.match(
      textOf(statusLines(calm, NOW)),
      /\ngroup +harmony at redis:\/\/10\.0\.0\.5:6379\/0, connected; 2 balancers; 12 targets known from others alone\n/,
    );
    assert.deepEqual(warnings(calm, NOW), []);
    const bad = { ...GROUP, state: "lost", since: NOW - 90_000, reason: "it is read-only" } as const;
    const status = { ...calm, group: groupInShort(bad) };
    assert.match(textOf(statusLines(status, NOW)), /\ngroup +harmony at \S+, lost; 3 balancers, 1 of them gone; /);
    const [lost, gone] = warnings(status, NOW);
    assert.match(lost!, /^the group is lost for 1m30s: it is read-only; /);
    assert.equal(gone, "1 balancer of the group gone: harmony-balancer group says which");
  });

  it("has no line of a group where there is none", async () => {
    assert.doesNotMatch(textOf(statusLines(await new FakeOperated().status(), NOW)), /group/);
  });
});

describe("top", () => {
  it("has a line for the group, and no more lines than without one", async () => {
    const operated = new FakeOperated();
    const [target] = fakeTargets(NOW);
    const items = Array.from({ length: 100 }, (_, n) => ({ ...target!, id: `web/${n}` }));
    const answers: Readonly<Record<string, () => Promise<unknown>>> = {
      "/v1/status": () => operated.status(),
      "/v1/targets": async () => ({ items }),
    };
    const client = { get: (path: string) => answers[path]!() } as unknown as ApiClient;
    const frame = async () => {
      const top = new TopView(client, null);
      await top.refresh();
      return top.lines({ ...PAPER, isTerminal: true }).map((each) => lineText(each, false));
    };
    const alone = await frame();
    operated.inGroup = GROUP;
    const grouped = await frame();
    assert.equal(grouped.length, alone.length);
    assert.match(
      grouped[3]!,
      /^group: harmony at redis:\/\/10\.0\.0\.5:6379\/0, connected; 3 balancers, 1 of them gone; /,
    );
  });
});

describe("a target that is known from another balancer", () => {
  it("is listed as such", () => {
    const [target] = fakeTargets(NOW);
    const text = textOf(targetLines([{ ...target!, sources: ["shared"] }], PAPER, NOW));
    assert.match(text, / SOURCES +WHY\n.* shared +\S/);
  });
});
