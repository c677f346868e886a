/** What a balancer knows of the others of its group, and says of that itself. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Members, SEQ, WHOLE } from "../../src/group/members.ts";
import { writeWord } from "../../src/group/word.ts";
import { ManualClock } from "../support/clock.ts";
import { textOf, wordOf } from "./members-of.ts";

const nothing = () => undefined;

function membersOf(onWarning: (message: string) => void = assert.fail, clock = new ManualClock(0)): Members {
  const events = { onJoined: nothing, onLeft: nothing, onRemoved: nothing, onWarning };
  return new Members({ self: "self", clock, wallClock: () => 1e12 + clock.now(), lease: 10_000, ...events });
}

describe("what a balancer says of the others", () => {
  it("has connections to targets that drain, and of very many no more than fit into a word", () => {
    const members = membersOf();
    members.hear(new Map([["a", writeWord({ ...wordOf("a"), at: 1e12 })]]));
    const names = Array.from({ length: 2_000 }, (_, n) => `p/${"id".repeat(62)}${n}`);
    const draining = textOf({ weight: 1, at: 0, drain: true });
    const some = names.slice(0, 100);
    const records = (of: string[]) =>
      new Map([[SEQ, "1"], [WHOLE, "1"], ...of.map((name) => [name, draining] as const)]);
    const member = members.all.get("a")!;
    members.take(member, records(some), { seq: 1, names: null });
    const all = members.known((name) => (name === some[0] ? 0 : 7));
    assert.deepEqual([all.knows, Object.keys(all.draining), all.drainingMore], [{ a: 1 }, some.slice(1), false]);
    members.take(member, records(names), { seq: 1, names: null });
    const { drainingMore, draining: said } = members.known(() => 7);
    assert.equal(drainingMore, true);
    assert.ok(Object.keys(said).length > 100);
    assert.ok(Buffer.byteLength(JSON.stringify(said)) < 40_000, "a store takes 65536 bytes");
  });
});

describe("a word that is found", () => {
  const said = (at: number) => writeWord({ ...wordOf("b"), at });

  it("is of a balancer that is there, however wrong its clock is, once it is another one", () => {
    const members = membersOf();
    members.hear(new Map([["b", said(5)]]));
    assert.deepEqual([[...members.all.keys()], members.stale.size], [[], 0]);
    members.hear(new Map([["b", said(1_005)]]));
    assert.deepEqual([[...members.all.keys()], members.stale.size], [["b"], 0]);
  });

  it("of long ago is of a balancer that is long gone, where it stays the same", () => {
    const clock = new ManualClock(0);
    const members = membersOf(assert.fail, clock);
    for (let second = 0; second < 5; second++) {
      members.hear(new Map([["b", said(5)]]));
      clock.advance(1_000);
    }
    assert.deepEqual([members.all.size, [...members.stale]], [0, ["b"]]);
  });

  it("is heeded of two hundred others, of more is told once, and room that is made is taken", () => {
    const clock = new ManualClock(0);
    const warnings: string[] = [];
    const members = membersOf((message) => warnings.push(message), clock);
    const crowd = (at: number) =>
      new Map(Array.from({ length: 400 }, (_, n) => [`b${n}`, writeWord({ ...wordOf("b"), at })] as const));
    members.hear(crowd(1e12));
    assert.equal(members.all.size, 200);
    assert.match(warnings.join(), /^the group has more than 200 other balancers[^,]*$/);
    clock.advance(20_000);
    members.look();
    assert.equal(members.all.size, 0);
    members.hear(crowd(1e12));
    assert.equal(members.stale.size, 400, "none of them has said anything else");
    members.stale.clear();
    members.hear(crowd(1e12 + 1));
    assert.deepEqual([members.all.size, warnings.length], [200, 1]);
  });

  it("among a thousand that are none is heard soon, and a record among as many is left out", () => {
    const members = membersOf(nothing);
    const junk = Array.from({ length: 1_000 }, (_, n) => [`p/junk${n}`, "{}"] as const);
    const words = new Map([...junk.map(([name, text]) => [name.slice(2), text] as const), ["b", said(1e12)]]);
    for (let turn = 0; turn < 2; turn++) {
      members.hear(words);
      assert.equal(members.all.size, 0, "so much is not looked at in one turn");
    }
    members.hear(words);
    assert.deepEqual([...members.all.keys()], ["b"]);
    const member = members.all.get("b")!;
    const good = textOf({ weight: 1, at: 0 });
    member.take(new Map([["p/known", good]]), null);
    member.take(new Map([...junk, ["p/known", textOf({ weight: 2, at: 0 })], ["p/new", good]]), null);
    assert.deepEqual(
      [...member.records].map(([name, { written }]) => [name, written.report.weight]),
      [["p/known", 2]],
    );
    member.take(new Map([["p/new", good]]), null);
    assert.deepEqual([...member.records.keys()], ["p/new"]);
  });

  it("shows nothing of an id that would move a terminal's cursor", () => {
    const warnings: string[] = [];
    membersOf((message) => warnings.push(message)).hear(new Map([["\u001b[2Jb\n", "{}"]]));
    assert.match(warnings.join(), /^what balancer \?\[2Jb\? of the group says cannot be read/);
  });
});
