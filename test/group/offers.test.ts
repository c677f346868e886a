/** Which of the others' words on a target counts. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Member } from "../../src/group/members.ts";
import { Offers } from "../../src/group/offers.ts";
import { ManualClock } from "../support/clock.ts";
import { memberWith, textOf } from "./members-of.ts";

const NAME = "p/10.0.0.1:80";

/** A balancer that takes in what others vouch for; it begins at once. */
class Taken {
  readonly members = new Map<string, Member>();
  /** By name, whose word counts, and the weight in it. */
  readonly targets = new Map<string, string>();
  readonly refused: string[] = [];
  refusal: string | null = null;
  readonly offers: Offers;

  constructor() {
    this.offers = new Offers({
      clock: new ManualClock(),
      members: this.members,
      taker: {
        take: (name, { by, report }) => {
          if (this.refusal === null) this.targets.set(name, `${by} ${report.weight}`);
          return this.refusal;
        },
        drop: (name) => this.targets.delete(name),
        has: (name) => this.targets.has(name),
      },
      isRevoked: () => false,
      unreachable: () => null,
      onRefused: (name, by, why) => this.refused.push(`${name} ${by.word.name} ${why}`),
    });
    this.offers.begin();
  }

  /** null: that balancer says nothing of it any more. */
  says(id: string, said: { weight: number; at: number } | null): void {
    const member = this.members.get(id) ?? memberWith(id);
    this.members.set(id, member);
    const { changed } = member.take(new Map(said === null ? [] : [[NAME, textOf(said)]]), null);
    this.offers.look(changed);
  }

  get word(): string | undefined {
    return this.targets.get(NAME);
  }
}

describe("of what several balancers say of a target", () => {
  it("what was written last counts, and what is left when that goes", () => {
    const taken = new Taken();
    taken.says("a", { weight: 1, at: 10 });
    taken.says("b", { weight: 2, at: 20 });
    assert.equal(taken.word, "b 2");
    taken.says("c", { weight: 3, at: 5 });
    assert.equal(taken.word, "b 2");
    taken.says("b", null);
    assert.equal(taken.word, "a 1");
    taken.says("a", null);
    taken.says("c", null);
    assert.equal(taken.word, undefined);
  });

  it("nothing counts once it has left here, until somebody says something else", () => {
    const taken = new Taken();
    taken.says("a", { weight: 1, at: 10 });
    taken.says("b", { weight: 1, at: 20 });
    taken.targets.delete(NAME);
    taken.offers.left(NAME);
    taken.offers.again();
    taken.says("b", null);
    assert.equal(taken.word, undefined);
    taken.says("b", { weight: 1, at: 30 });
    assert.equal(taken.word, "b 1");
  });

  it("the same counts again when all of them have forgotten it meanwhile", () => {
    const taken = new Taken();
    taken.says("a", { weight: 1, at: 10 });
    taken.targets.delete(NAME);
    taken.offers.left(NAME);
    taken.says("a", null);
    taken.says("a", { weight: 1, at: 10 });
    assert.equal(taken.word, "a 1");
  });
});

describe("a target that cannot be used", () => {
  it("is not served by what was said before, and is offered again until it can", () => {
    const taken = new Taken();
    taken.says("a", { weight: 1, at: 10 });
    taken.refusal = "no room";
    taken.says("a", { weight: 2, at: 20 });
    assert.equal(taken.word, undefined);
    taken.offers.again();
    taken.refusal = null;
    taken.offers.again();
    assert.equal(taken.word, "a 2");
    assert.deepEqual(taken.refused, [`${NAME} a no room`]);
  });

  it("is told again where it could be used meanwhile, or nobody vouched for it", () => {
    const taken = new Taken();
    taken.refusal = "no room";
    taken.says("a", { weight: 1, at: 10 });
    taken.says("a", null);
    taken.says("a", { weight: 1, at: 20 });
    assert.equal(taken.refused.length, 2);
    taken.refusal = null;
    taken.offers.again();
    taken.refusal = "no room";
    taken.says("a", { weight: 2, at: 30 });
    assert.equal(taken.refused.length, 3);
  });

  it("since its pool is gone is taken in when that is back", () => {
    const taken = new Taken();
    taken.says("a", { weight: 1, at: 10 });
    taken.targets.clear();
    taken.offers.again();
    assert.equal(taken.word, "a 1");
  });
});
