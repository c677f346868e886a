import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { UnderWay } from "../../src/control/server/under-way.ts";
import { type Deferred, deferred } from "../../src/util/deferred.ts";
import { settle } from "../support/wait.ts";

function works() {
  const ending = new AbortController();
  const underWay = new UnderWay(ending.signal);
  const begun: string[] = [];
  const done = new Map<string, Deferred<void>>();
  const begin = (name: string, ref: number) =>
    underWay.begin(ref, () => {
      begun.push(name);
      const work = deferred<void>();
      done.set(name, work);
      return work.promise;
    });
  const finish = async (name: string) => {
    done.get(name)!.resolve();
    await settle();
  };
  return { ending, underWay, begun, begin, finish };
}

describe("messages that are being answered", () => {
  it("begin in their order about one target, each when the one before is done, and about others at once", async () => {
    const { begun, begin, finish } = works();
    for (const name of ["a", "b"]) begin(name, 1);
    await settle();
    await finish("a");
    begin("c", 1);
    begin("other", 2);
    await settle();
    assert.deepEqual(begun, ["a", "b", "other"]);
    await finish("b");
    assert.deepEqual(begun, ["a", "b", "other", "c"]);
  });

  it("are sixteen at most: the next waits until one is done, or the session over", async () => {
    const { ending, underWay, begin, finish } = works();
    for (let ref = 0; ref < 16; ref++) {
      await underWay.room();
      begin(`${ref}`, ref);
    }
    let hasRoom = false;
    const wait = () => void underWay.room().then(() => (hasRoom = true));
    wait();
    await settle();
    assert.equal(hasRoom, false);
    await finish("7");
    assert.equal(hasRoom, true);
    hasRoom = false;
    begin("16", 16);
    wait();
    await settle();
    assert.equal(hasRoom, false);
    ending.abort();
    await settle();
    assert.equal(hasRoom, true);
    hasRoom = false;
    wait();
    await settle();
    assert.equal(hasRoom, true, "nobody waits once it is over");
  });
});
