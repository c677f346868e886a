import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hashClient, hashText, mix, publicHash } from "../../src/pool/sip-hash.ts";

const IPV6 = [0x2001_0db8, 0, 0x0000_ff00, 0x0042_8329];
const IPV4 = [0, 0, 0xffff, 0xc000_0201];

// From an implementation of its own, written in Python after the paper.
describe("HalfSipHash-1-3 gives what another implementation gives", () => {
  it("with a key", () => {
    assert.equal(hashClient(IPV6, 0x0123_4567, 0x89ab_cdef | 0), 0x5a11_a0c6);
    assert.equal(hashClient(IPV4, 0x0123_4567, 0x89ab_cdef | 0), 0x7fc5_1a84);
  });

  it("on every balancer, today and after an update: else clients change their targets", () => {
    assert.deepEqual([publicHash(IPV6, 0), publicHash(IPV6, 7)], [0x3b56_5950, 0xd061_bfc8]);
    assert.deepEqual([publicHash(IPV4, 0), publicHash(IPV4, 7)], [0x8687_81ef, 0x93ff_4278]);
    assert.deepEqual(
      [hashText("10.0.0.1:80", 0), hashText("10.0.0.1:80", 1), mix(1, 2)],
      [0x93af3807, 0x250bd268, 0xe8bb488f],
    );
  });

  it("and tells texts apart that end in zero bytes", () => {
    assert.notEqual(hashText("a", 0), hashText("a\0", 0));
  });
});
