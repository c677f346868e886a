import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressWords, clientKey, clientText, parseIpv4 } from "../../src/util/client-key.ts";
import fc from "../support/draws.ts";

const key = (host: string) => [...clientKey(host, new Uint32Array(4).fill(7))];
const words = (host: string) => [...addressWords(host, new Uint32Array(4).fill(7))];

describe("clientKey", () => {
  it("maps IPv4 into IPv6", () => {
    assert.deepEqual(key("192.0.2.255"), [0, 0, 0xffff, 0xc00002ff]);
    assert.deepEqual(key("255.255.255.255"), [0, 0, 0xffff, 0xffffffff]);
  });

  it("takes IPv6 in every form, with or without a zone", () => {
    assert.deepEqual(words("2001:db8::ff00:42:8329"), [0x20010db8, 0, 0x0000ff00, 0x00428329]);
    assert.deepEqual(key("::1"), [0, 0, 0, 1]);
    assert.deepEqual(key("fe80::1%eth0"), [0xfe800000, 0, 0, 1]);
    assert.deepEqual(key("::ffff:192.0.2.1"), key("192.0.2.1"));
  });

  it("is the same for all addresses of an IPv6 /64, which is one subscriber's", () => {
    assert.deepEqual(key("2001:db8:1:2:3:4:5:6"), [0x20010db8, 0x00010002, 0, 0]);
    assert.deepEqual(key("2001:db8:1:2:ffff:ffff:ffff:ffff"), key("2001:db8:1:2::1"));
    assert.equal(clientText(Uint32Array.from(key("2001:db8:1:2::9"))), "2001:db8:1:2::/64");
    assert.equal(clientText(Uint32Array.from(key("192.0.2.1"))), "192.0.2.1");
    assert.notDeepEqual(key("2001:db8:1:3::1"), key("2001:db8:1:2::1"));
  });

  it("tells addresses of one /64 apart where that is no subscriber's: on a link, and behind a translator of IPv4", () => {
    assert.notDeepEqual(key("fe80::1"), key("fe80::2"));
    assert.notDeepEqual(key("64:ff9b::192.0.2.1"), key("64:ff9b::192.0.2.2"));
  });

  it("gives a peer without an address the zero key", () => {
    for (const host of ["", "localhost", "1.2.3", "1.2.3.4.5", "256.0.0.1", "1..2.3"]) {
      assert.deepEqual(key(host), [0, 0, 0, 0], host);
    }
  });

  it("reads every IPv4 address back as its value", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), (value) => {
        const text = [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
        assert.equal(parseIpv4(text), value);
      }),
    );
  });

  it("takes no other text for IPv4", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9.x ]{0,16}$/), (text) => {
        const parts = text.split(".");
        const valid = parts.length === 4 && parts.every((part) => /^\d+$/.test(part) && Number(part) < 256);
        assert.equal(parseIpv4(text) >= 0, valid, text);
      }),
    );
  });
});
