/** The group of a balancer, as those see it who operate it, and as it is told. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as z from "zod/mini";
import { group } from "../../../src/admin/api/schemas/group.ts";
import { status } from "../../../src/admin/api/schemas/status.ts";
import { measuredOf } from "../../../src/app/operated/measured.ts";
import type { Operable } from "../../../src/app/operated/operable.ts";
import { OperatedBalancer } from "../../../src/app/operated/operated.ts";
import { Telemetry } from "../../../src/app/telemetry.ts";
import { serverSettings } from "../../../src/config/library.ts";
import type { Group } from "../../../src/group/group.ts";
import type { GroupView, MemberView } from "../../../src/group/view.ts";
import { fakeGroup } from "../../support/operated/group.ts";

const AT = Date.UTC(2026, 10, 30);
const TOLD = { pools: () => [], adminAddresses: [], engine: null, adminTls: false, api: null };

function telemetry(): Telemetry {
  const nothing = () => undefined;
  const unwatched = { pools: () => new Map(), edges: () => [], threads: () => [] };
  return new Telemetry(TOLD, { ...unwatched, onUnavailable: nothing, onRefused: nothing });
}

/** A balancer without pools. */
function operable(shown: Pick<Group, "view"> | null): Operable {
  return {
    parts: {
      group: shown,
      document: { settings: serverSettings({}) },
      engine: { name: "portable" },
      services: { pools: new Map(), listeners: [], connections: { active: 0, waiting: 0 } },
      control: { registry: { ordering: { count: 0 } }, reporters: () => [], rejections: new Map() },
      state: null,
    },
    passedOver: [],
    telemetry: telemetry(),
    lastReload: { shown: null },
    isReady: () => true,
    isClosing: () => false,
  } as unknown as Operable;
}

describe("a balancer that is in a group", () => {
  it("shows it as the API describes it, with times that people and programs read, as it is when it is asked", async () => {
    let view: GroupView = fakeGroup(AT);
    const operated = new OperatedBalancer(operable({ view: () => view }));
    const seen = z.parse(group, operated.group());
    assert.deepEqual([seen.state, seen.since, seen.place], ["connected", "2026-11-30T00:00:00.000Z", view.place]);
    assert.deepEqual(
      seen.members.map(({ name, isSelf, state, startedAt }) => `${name} ${isSelf} ${state} ${startedAt}`),
      [
        "lb-1:1666 true present 2026-11-30T00:00:00.000Z",
        "lb-2:1666 false present 2026-11-30T00:01:00.000Z",
        "lb-3:1666 false gone 2026-11-30T00:00:00.000Z",
      ],
    );
    const short = z.parse(status, await operated.status()).group!;
    assert.deepEqual([short.members, short.sharedTargets], [{ present: 2, gone: 1 }, 12]);
    const [self, other, gone] = view.members as [MemberView, MemberView, MemberView];
    view = { ...view, members: [self, { ...other, state: "left" }, gone] };
    assert.deepEqual((await operated.status()).group!.members, { present: 1, gone: 1 }, "who has left is not missed");
    view = {
      ...view,
      state: "lost",
      since: AT + 1_500,
      reason: "it does not answer",
      members: view.members.slice(0, 1),
    };
    const { group: lost } = await operated.status();
    assert.deepEqual(
      [lost!.state, lost!.since, lost!.reason, lost!.members],
      ["lost", "2026-11-30T00:00:01.500Z", "it does not answer", { present: 1, gone: 0 }],
    );
    assert.equal(operated.group()!.members.length, 1);
  });

  it("has it in the metrics", () => {
    const view = fakeGroup(AT);
    assert.equal(measuredOf(operable({ view: () => view })).group, view);
  });
});

describe("a balancer that is in none", () => {
  it("says so", async () => {
    const operated = new OperatedBalancer(operable(null));
    assert.equal(operated.group(), null);
    assert.equal(z.parse(status, await operated.status()).group, null);
    assert.equal(measuredOf(operable(null)).group, null);
  });
});

describe("what becomes of a group", () => {
  it("is told in words, of which what is wrong is a warning", () => {
    const [, second, third] = fakeGroup(AT).members;
    const heard = telemetry();
    heard.heard("groupUnreached", ["redis://10.0.0.5:6379/0", "it does not answer"]);
    heard.heard("membersFound", [[second, third]]);
    heard.heard("groupConnected", ["redis://10.0.0.5:6379/0"]);
    heard.heard("memberJoined", [second]);
    heard.heard("groupLost", ["redis://10.0.0.5:6379/0", "it does not answer", false]);
    heard.heard("memberLeft", [second, "goodbye"]);
    heard.heard("memberLeft", [third, "silent"]);
    const told = heard.events.after(0).map(({ kind, level, text }) => `${kind} ${level} ${text}`);
    for (const [nth, pattern] of [
      /^groupUnreached warning the group at redis:\/\/10\.0\.0\.5:6379\/0 has not been reached yet: it does not answer\. /,
      /^membersFound info found 2 other balancers in the group: lb-2:1666 \(2\.0\.0\), lb-3:1666 \(.*\)$/,
      /^groupConnected info the group at redis:\/\/10\.0\.0\.5:6379\/0 is reached: /,
      /^memberJoined info balancer lb-2:1666 \(2\.0\.0\) has joined the group$/,
      /^groupLost warning the group at redis:\/\/10\.0\.0\.5:6379\/0 is lost: it does not answer\. .* this one serves on/,
      /^memberLeft info balancer lb-2:1666 has left the group: it said goodbye$/,
      /^memberLeft warning balancer lb-3:1666 is gone from the group: nothing has been heard of it for 75\.0 s; /,
    ].entries())
      assert.match(told[nth]!, pattern);
    assert.deepEqual([told.length, heard.counts.get("memberLeft")], [7, 2]);
  });

  it("is told of targets that others know", () => {
    const heard = telemetry();
    const target = { identity: "web/a" };
    heard.heard("targetSources", [target, ["registered"], ["shared"]]);
    heard.heard("targetSources", [target, ["registered", "static"], ["shared", "static"]]);
    assert.equal(heard.events.after(0).length, 0, "its reporter has come here as well");
    heard.heard("targetSources", [target, ["shared"], ["registered"]]);
    const [{ text } = assert.fail("nothing is told")] = heard.events.after(0);
    assert.equal(text, "target web/a stays: it is known from other balancers of the group");
    heard.heard("targetSources", [target, ["registered"], ["registered", "static"]]);
    assert.match(heard.events.after(0).at(-1)!.text, /stays: it is registered by its reporter$/);
  });
});
