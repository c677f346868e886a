/** What the dashboard says first. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Pool } from "../../src/admin/api/schemas/pools.ts";
import type { Status } from "../../src/admin/api/schemas/status.ts";
import { attention } from "../../src/admin/dashboard/page/attention.ts";
import { groupInShort } from "../../src/app/operated/group.ts";
import { fakeGroup } from "../support/operated/group.ts";
import { FakeOperated } from "../support/operated.ts";

const operated = new FakeOperated();
const calm: Status = { ...(await operated.status()), orders: 0 };
const pool: Pool = {
  ...(await operated.pools())[0]!,
  name: "web",
  targets: { up: 3, suspect: 0, draining: 0, down: 0 },
  panic: false,
};

function said(status: Partial<Status>, ...pools: readonly Partial<Pool>[]): string[] {
  const all = pools.map((each) => ({ ...pool, ...each }));
  return attention({ ...calm, ...status }, all).map(({ level, text }) => `${level}: ${text}`);
}

describe("what the dashboard says first", () => {
  const none = { up: 0, suspect: 0, draining: 0, down: 0 };

  it("is nothing where all is well", () => assert.deepEqual(said({}, {}), []));

  it("is the worst before what is less bad", () => {
    const found = said(
      { orders: 2 },
      { targets: { ...none, up: 1, suspect: 1 } },
      { name: "db", targets: { ...none, down: 2 } },
    );
    assert.deepEqual(found, [
      "error: db has no target that takes connections",
      "warning: web: 1 target suspect",
      "info: 2 targets under an operator's order",
    ]);
  });

  it("tells a pool without targets from one whose targets are all out", () => {
    assert.deepEqual(said({}, { targets: none }), ["warning: web has no targets"]);
    assert.deepEqual(said({}, { targets: { ...none, draining: 1 } }), [
      "error: web has no target that takes connections",
    ]);
    assert.deepEqual(said({}, { targets: { ...none, up: 1, down: 1, suspect: 1 } }), [
      "warning: web: 1 of 3 targets down",
      "warning: web: 1 target suspect",
    ]);
  });

  it("has nothing to say of targets that are asleep", () => {
    assert.deepEqual(said({}, { targets: { ...none, down: 2 }, asleep: 2 }), []);
    assert.deepEqual(said({}, { targets: { ...none, down: 2 }, asleep: 1 }), ["warning: web: 1 of 2 targets down"]);
  });

  it("has what is wrong with the process", () => {
    const lastReload = { at: calm.startedAt, ok: false, text: "there is no pool wbe" };
    assert.deepEqual(
      said({
        state: "stopping",
        document: { file: null, lastReload },
        descriptors: { open: 950, limit: 1000 },
        eventLoop: { p50: 1, p99: 900, max: 1000 },
        logLevel: { configured: "info", ordered: "debug" },
        stateFile: null,
        orders: 1,
      }),
      [
        "error: The last reload failed: there is no pool wbe",
        "warning: The balancer is stopping",
        "warning: 950 of 1000 descriptors are open",
        "warning: The main thread is 900 ms late",
        "info: 1 target under an operator's order, which ends with the process: there is no state file",
        "info: The log level is ordered: debug",
      ],
    );
  });

  it("has the group where it is not reached, or a balancer of it is gone", () => {
    const group = groupInShort(fakeGroup(0));
    assert.deepEqual(said({ group }, {}), ["warning: 1 of 3 balancers gone"]);
    const members = { present: 3, gone: 0 };
    assert.deepEqual(said({ group: { ...group, members } }, {}), []);
    assert.deepEqual(said({ group: { ...group, members, state: "lost", reason: "it does not answer" } }, {}), [
      "warning: The group is lost: it does not answer",
    ]);
    assert.deepEqual(said({ group: { ...group, members, state: "connecting" } }, {}), [
      "warning: The group has not been reached yet",
    ]);
  });

  it("says what panic means", () => {
    assert.match(said({}, { panic: true })[0]!, /^error: web: all of its reporters have fallen silent/);
  });
});
