/** What a balancer writes down of its own reporters' targets, and when. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OwnTargets } from "../../src/group/own-targets.ts";
import type { OwnTarget } from "../../src/group/record.ts";
import { REPORT } from "./world.ts";

/** Targets whose reporters say what a test has them say. */
class Reporters {
  readonly #said = new Map<string, OwnTarget>();
  readonly own = new OwnTargets((name) => this.#said.get(name) ?? null);

  /** null: nothing any more. */
  say(name: string, report: Partial<OwnTarget["report"]> | null): void {
    const address = { host: "10.0.0.1", port: 80 };
    if (report === null) this.#said.delete(name);
    else this.#said.set(name, { report: { ...REPORT, ...report }, address, key: "k", since: 0 });
    this.own.changed(name);
  }

  /** All is written, as number `seq`. */
  write(seq: number): void {
    this.own.written(this.own.changes(0)!, seq);
  }
}

describe("a target of a balancer's own", () => {
  it("is written once, and again when something else is said of it, or nothing", () => {
    const reporters = new Reporters();
    reporters.say("x", {});
    assert.deepEqual(reporters.own.changes(0)?.anew, true, "first everything");
    reporters.write(1);
    reporters.say("x", {});
    assert.equal(reporters.own.changes(9), null);
    reporters.say("x", { weight: 3 });
    assert.deepEqual([...reporters.own.changes(9)!.set.keys()], ["x"]);
    reporters.write(2);
    reporters.say("x", null);
    assert.deepEqual(reporters.own.changes(9), { set: new Map(), remove: ["x"], anew: false });
    reporters.write(3);
    assert.equal(reporters.own.changes(9), null);
  });

  it("of which something else is said while it is written is written again", () => {
    const reporters = new Reporters();
    reporters.write(1);
    reporters.say("x", { weight: 1 });
    const writing = reporters.own.changes(0)!;
    reporters.say("x", { weight: 2 });
    reporters.own.changes(0);
    reporters.own.written(writing, 2);
    assert.match(reporters.own.changes(0)?.set.get("x") ?? "", /"weight":2/);
    assert.equal(reporters.own.seqOf("x", 0), Number.POSITIVE_INFINITY, "nobody can know it yet");
  });

  it("that is gone needs no removing where everything is written anew", () => {
    const reporters = new Reporters();
    reporters.say("x", {});
    reporters.write(1);
    reporters.own.forgotten();
    reporters.say("x", null);
    reporters.write(2);
    assert.equal(reporters.own.changes(0), null);
  });

  it("can be known to others as of the writing that first had it", () => {
    const reporters = new Reporters();
    reporters.write(1);
    reporters.say("x", {});
    assert.equal(reporters.own.seqOf("x", 0), Number.POSITIVE_INFINITY);
    reporters.write(2);
    reporters.own.forgotten();
    reporters.write(3);
    assert.equal(reporters.own.seqOf("x", 0), 2);
    reporters.say("x", { drain: true });
    assert.equal(reporters.own.seqOf("x", 0), Number.POSITIVE_INFINITY, "what has just been said is another thing");
  });

  it("is known to drain until it does no more, or is gone", () => {
    const reporters = new Reporters();
    const areDraining = () => {
      reporters.own.changes(0);
      return reporters.own.areDraining;
    };
    reporters.say("x", { drain: true });
    assert.equal(areDraining(), true);
    reporters.say("x", {});
    assert.equal(areDraining(), false);
    reporters.say("x", { drain: true });
    assert.equal(areDraining(), true);
    reporters.say("x", null);
    assert.equal(areDraining(), false);
  });
});
