/** Who tells of the bindings of a balancer that is gone. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Heirs } from "../../src/group/heirs.ts";
import { Member } from "../../src/group/members.ts";
import { wordOf } from "./members-of.ts";

const SETTLED_MS = 10_000;
/** After a word, whose balancer says nothing more. */
const SILENT = 4_000;

/** Others, as one balancer hears them at `now`. */
function heard(ids: readonly string[], now: number): Map<string, Member> {
  return new Map(ids.map((id) => [id, new Member(id, { v: 1, ...wordOf(id) }, now)]));
}

const CLIENTS = Array.from({ length: 3_000 }, (_, n) => Uint32Array.of(0, 0, 0xffff, n));

/** Of each client, those of all who take themselves for its heir. */
function heirs(ids: readonly string[], now: number, heirsOf: ReadonlyMap<string, Heirs>): string[][] {
  const tests = ids.map((id) => {
    const others = ids.filter((each) => each !== id);
    return [id, heirsOf.get(id)!.test(heard(others, now), now)] as const;
  });
  return CLIENTS.map((client) => tests.filter(([, isHeir]) => isHeir(client)).map(([id]) => id));
}

describe("those that are left of a group", () => {
  it("inherit one client each, in equal parts, and what falls to one stays its own when another one goes", () => {
    const ids = ["a", "b", "c", "d"];
    const of = new Map(ids.map((id) => [id, new Heirs(id, SETTLED_MS)]));
    for (const [id, each] of of)
      each.look(
        heard(
          ids.filter((other) => other !== id),
          0,
        ),
        0,
      );
    const all = heirs(ids, SETTLED_MS, of);
    assert.ok(all.every(({ length }) => length === 1));
    for (const id of ids) {
      const count = all.filter(([heir]) => heir === id).length;
      assert.ok(Math.abs(count - 750) < 100, `${id} inherits ${count} of 3000`);
    }
    const left = heirs(["a", "b", "c"], SETTLED_MS, of);
    for (const [n, [heir]] of all.entries()) if (heir !== "d") assert.deepEqual(left[n], [heir]);
    assert.ok(left.every(({ length }) => length === 1));
  });

  it("do not count on a newcomer, which may know nothing, nor on one that leaves", () => {
    const of = new Heirs("a", SETTLED_MS);
    of.look(heard(["b"], 0), 0);
    of.look(heard(["b", "c"], 5_000), 5_000);
    const falls = (members: ReadonlyMap<string, Member>, now: number) => CLIENTS.filter(of.test(members, now)).length;
    const two = falls(heard(["b"], 10_000), 10_000);
    assert.equal(falls(heard(["b", "c"], 10_000), 10_000), two);
    assert.ok(falls(heard(["b", "c"], 15_000), 15_000) < two);
    const members = heard(["b", "c"], 15_000);
    members.get("b")!.isGone = true;
    members.get("c")!.isGone = true;
    assert.equal(falls(members, 15_000), CLIENTS.length);
  });

  it("learn once that one is gone: when it is silent, or is not known any more", () => {
    const of = new Heirs("a", SETTLED_MS);
    const members = heard(["b", "c"], 0);
    assert.ok(!of.look(members, 0));
    members.get("b")!.isGone = true;
    assert.ok(!of.look(members, 1_000), "it leaves, and speaks on");
    members.get("c")!.heardAt = SILENT;
    assert.ok(of.look(members, SILENT));
    assert.ok(!of.look(members, SILENT));
    members.clear();
    assert.ok(of.look(members, SILENT));
    assert.ok(!of.look(members, SILENT));
  });
});
