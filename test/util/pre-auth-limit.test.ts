import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PreAuthLimit } from "../../src/util/pre-auth-limit.ts";

const A = "192.0.2.1";
const B = "192.0.2.2";

describe("the limit of peers that have proved nothing", () => {
  it("past the limit of an address it evicts the oldest of that address, silent ones first", () => {
    const peers = new PreAuthLimit<string>({ perAddress: 2, total: 10 });
    assert.equal(peers.add("elsewhere", B), null);
    assert.equal(peers.add("greeted", A), null);
    assert.equal(peers.add("silent", A), null);
    peers.saidHello("greeted");
    assert.equal(peers.add("third", A), "silent");
    peers.saidHello("third");
    assert.equal(peers.add("fourth", A), "greeted", "all have said hello: the oldest");
    assert.deepEqual(peers.all(), ["elsewhere", "third", "fourth"]);
  });

  it("spares a newcomer that has yet to say hello, though all others have: their oldest goes", () => {
    const peers = new PreAuthLimit<string>({ perAddress: 8, total: 100 });
    const crowd = (n: number) => {
      const evicted = peers.add(`stranger ${n}`, A);
      peers.saidHello(`stranger ${n}`);
      return evicted;
    };
    for (let n = 0; n < 8; n += 1) assert.equal(crowd(n), null);
    assert.equal(peers.add("reporter", A), "stranger 0");
    for (let n = 8; n < 100; n += 1) assert.equal(crowd(n), `stranger ${n - 7}`);
    peers.saidHello("reporter");
    for (let n = 0; n < 7; n += 1) assert.notEqual(crowd(100 + n), "reporter", "it has a round trip for its proof");
  });

  it("takes the addresses of an IPv6 /64 for one", () => {
    const peers = new PreAuthLimit<string>({ perAddress: 2, total: 10 });
    for (const name of ["1", "2"]) assert.equal(peers.add(name, `2001:db8::${name}`), null);
    assert.equal(peers.add("neighbour", "2001:db8:0:1::1"), null);
    assert.equal(peers.add("3", "2001:db8::3"), "1");
  });

  it("past the limit in all it evicts the oldest silent peer, wherever that is", () => {
    const peers = new PreAuthLimit<string>({ perAddress: 2, total: 3 });
    for (const [i, name] of ["a", "b", "c"].entries()) assert.equal(peers.add(name, `10.0.0.${i}`), null);
    peers.saidHello("a");
    assert.equal(peers.add("d", A), "b");
    peers.delete("c");
    assert.equal(peers.add("e", B), null);
    assert.equal(peers.all().length, 3);
  });
});
