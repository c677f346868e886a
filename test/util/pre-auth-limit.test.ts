import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PreAuthLimit } from "../../src/util/pre-auth-limit.ts";

describe("the limit of peers that have proved nothing", () => {
  it("past the limit of an address it evicts the oldest of that address, silent ones first", () => {
    const peers = new PreAuthLimit<string>({ perAddress: 2, total: 10 });
    assert.equal(peers.add("elsewhere", "B"), null);
    assert.equal(peers.add("greeted", "A"), null);
    assert.equal(peers.add("silent", "A"), null);
    peers.saidHello("greeted");
    assert.equal(peers.add("third", "A"), "silent");
    peers.saidHello("third");
    assert.equal(peers.add("fourth", "A"), "greeted", "all have said hello: the oldest");
    assert.deepEqual(peers.all(), ["elsewhere", "third", "fourth"]);
  });

  it("past the limit in all it evicts the oldest silent peer, wherever that is", () => {
    const peers = new PreAuthLimit<string>({ perAddress: 2, total: 3 });
    for (const name of ["a", "b", "c"]) assert.equal(peers.add(name, name), null);
    peers.saidHello("a");
    assert.equal(peers.add("d", "d"), "b");
    peers.delete("c");
    assert.equal(peers.add("e", "e"), null);
    assert.equal(peers.all().length, 3);
  });
});
