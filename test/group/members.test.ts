/** What a balancer knows of the others of its group, and says of that itself. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Members, SEQ, WHOLE } from "../../src/group/members.ts";
import { writeWord } from "../../src/group/word.ts";
import { ManualClock } from "../support/clock.ts";
import { textOf, wordOf } from "./members-of.ts";

const nothing = () => undefined;

function membersOf(): Members {
  const events = { onJoined: nothing, onLeft: nothing, onRemoved: nothing, onWarning: assert.fail };
  return new Members({ self: "self", clock: new ManualClock(0), wallClock: () => 0, lease: 10_000, ...events });
}

describe("what a balancer says of the others", () => {
  it("has connections to targets that drain, and of very many no more than fit into a word", () => {
    const members = membersOf();
    members.hear(new Map([["a", writeWord(wordOf("a"))]]));
    const names = Array.from({ length: 2_000 }, (_, n) => `${"pool".repeat(16)}/${"id".repeat(30)}${n}`);
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
