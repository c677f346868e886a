import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Stranger } from "../../src/util/fair-places.ts";
import { PreAuthLimit } from "../../src/util/pre-auth-limit.ts";

const A = "192.0.2.1";
const B = "192.0.2.2";

/** Peers by name, and the names of those that have been dropped. */
class Crowd {
  readonly limit: PreAuthLimit;
  readonly dropped: string[] = [];
  readonly #peers = new Map<string, Stranger>();

  constructor(places: number) {
    this.limit = new PreAuthLimit(places);
  }

  add(name: string, address: string): void {
    const peer = { abort: () => void this.dropped.push(name) };
    this.#peers.set(name, peer);
    this.limit.add(peer, address);
  }

  peer(name: string): Stranger {
    return this.#peers.get(name)!;
  }
}

describe("the places of peers that have proved nothing", () => {
  it("are given to newcomers: the oldest goes", () => {
    const crowd = new Crowd(3);
    for (const name of ["a", "b", "c"]) crowd.add(name, A);
    assert.deepEqual(crowd.dropped, []);
    crowd.add("d", A);
    crowd.add("e", A);
    assert.deepEqual(crowd.dropped, ["a", "b"]);
    assert.equal(crowd.limit.size, 3);
  });

  it("are all that is remembered: nothing of an address from which nobody is there", () => {
    const crowd = new Crowd(4);
    for (let n = 0; n < 1_000; n += 1) crowd.add(`${n}`, `2001:db8:0:${n.toString(16)}::1`);
    assert.equal(crowd.limit.groups, 4);
    for (let n = 995; n < 998; n += 1) crowd.limit.delete(crowd.peer(`${n}`));
    crowd.limit.refuse(crowd.peer("998"));
    assert.deepEqual([crowd.limit.groups, crowd.limit.size], [1, 2]);
  });

  it("of one that has been refused are the first to be given away, whoever he is", () => {
    const crowd = new Crowd(4);
    crowd.add("refused", B);
    for (const name of ["a", "b", "c"]) crowd.add(name, A);
    crowd.limit.refuse(crowd.peer("refused"));
    crowd.limit.refuse(crowd.peer("c"));
    crowd.limit.refuse(crowd.peer("c"));
    for (const name of ["d", "e", "f"]) crowd.add(name, A);
    assert.deepEqual(crowd.dropped, ["refused", "c", "a"]);
  });

  it("of the refused are a quarter at most: the oldest of them goes, though others are free", () => {
    const crowd = new Crowd(8);
    for (const name of ["a", "b", "c", "d"]) {
      crowd.add(name, A);
      crowd.limit.refuse(crowd.peer(name));
    }
    assert.deepEqual(crowd.dropped, ["a", "b"]);
    assert.equal(crowd.limit.size, 2);
  });

  it("are told of now and then", () => {
    let crowds = 0;
    const limit = new PreAuthLimit(10, () => void crowds++);
    for (let n = 0; n < 1_000; n += 1) limit.add({ abort: () => undefined }, A);
    assert.ok(crowds >= 2 && crowds <= 20, `${crowds}`);
  });

  it("are taken from the address that has the most, however late its peers came", () => {
    const crowd = new Crowd(4);
    crowd.add("other", B);
    for (let n = 0; n < 100; n += 1) crowd.add(`crowd ${n}`, A);
    crowd.add("another", B);
    assert.ok(!crowd.dropped.includes("other") && !crowd.dropped.includes("another"));
    assert.deepEqual(crowd.dropped.slice(-1), ["crowd 97"]);
    for (const name of ["x", "y"]) crowd.add(name, "192.0.2.3");
    assert.deepEqual(crowd.dropped.slice(-2), ["crowd 98", "other"], "two each: whoever had two before");
  });

  it("are counted for an IPv6 /64 as for one address", () => {
    const crowd = new Crowd(4);
    crowd.add("reporter", "2001:db8:0:1::1");
    crowd.add("second", "2001:db8:0:2::1");
    for (let n = 0; n < 10; n += 1) crowd.add(`crowd ${n}`, `2001:db8::${n + 1}`);
    assert.deepEqual(
      crowd.dropped.filter((name) => !name.startsWith("crowd")),
      [],
    );
  });

  it("are free when their peer has proved a key or is gone", () => {
    const crowd = new Crowd(2);
    crowd.add("a", A);
    crowd.add("b", A);
    crowd.limit.refuse(crowd.peer("b"));
    for (const name of ["a", "b", "b"]) crowd.limit.delete(crowd.peer(name));
    assert.equal(crowd.limit.size, 0);
    crowd.limit.refuse(crowd.peer("a"));
    assert.equal(crowd.limit.size, 0, "one that is gone gets no place by being refused");
    crowd.add("c", A);
    crowd.add("d", B);
    assert.deepEqual(crowd.dropped, []);
    assert.equal(crowd.limit.all().length, 2);
  });

  it("are never more than there are, whatever happens, and none gets lost", () => {
    const crowd = new Crowd(16);
    const names: string[] = [];
    let seed = 7;
    const draw = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % below;
    };
    for (let n = 0; n < 5_000; n += 1) {
      const name = names[draw(Math.max(1, names.length))];
      const what = draw(8);
      if (what < 5 || name === undefined) {
        names.push(`${n}`);
        crowd.add(`${n}`, `10.0.0.${draw(6)}`);
      } else if (what === 5) crowd.limit.refuse(crowd.peer(name));
      else {
        crowd.limit.delete(crowd.peer(name));
      }
      assert.ok(crowd.limit.size <= 16);
      assert.equal(crowd.limit.all().length, crowd.limit.size);
    }
    assert.equal(new Set(crowd.dropped).size, crowd.dropped.length, "nobody is dropped twice");
    for (const peer of crowd.limit.all()) crowd.limit.delete(peer);
    assert.equal(crowd.limit.size, 0);
  });
});
