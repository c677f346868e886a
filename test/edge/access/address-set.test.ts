import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AddressRanges } from "../../../src/edge/access/address-ranges.ts";
import { AddressSet } from "../../../src/edge/access/address-set.ts";
import { inRange, parseIp, parseRange } from "../../../src/util/address.ts";
import { amount } from "../../support/amount.ts";
import fc from "../../support/draws.ts";
import { addressSet, wordsOf } from "../helpers.ts";

function setOf(...cidrs: readonly string[]): AddressSet {
  return new AddressSet(addressSet(...cidrs));
}

function has(set: AddressSet, host: string): boolean {
  return set.has(wordsOf(host), 0);
}

describe("a set of addresses", () => {
  it("has what its CIDRs have, to the last bit", () => {
    const set = setOf("10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1");
    const inside = [
      "10.0.0.0",
      "10.255.255.255",
      "192.0.2.7",
      "2001:db8::",
      "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
      "::1",
    ];
    const outside = [
      "9.255.255.255",
      "11.0.0.0",
      "192.0.2.6",
      "192.0.2.8",
      "2001:db7:ffff::",
      "2001:db9::",
      "::",
      "::2",
    ];
    assert.deepEqual(
      [...inside, ...outside].filter((host) => has(set, host)),
      inside,
    );
  });

  it("takes an IPv4 address in its IPv6 form for what it is, and keeps the families apart", () => {
    assert.ok(has(setOf("10.0.0.0/8"), "::ffff:10.1.2.3"));
    assert.ok(
      !has(setOf("::/0"), "10.1.2.3") && has(setOf("::/0"), "::fffe:ffff:ffff") && has(setOf("::/0"), "::1:0:0:0"),
    );
    assert.ok(!has(setOf("0.0.0.0/0"), "::1") && !has(setOf("0.0.0.0/0"), "2001:db8::1"));
    const all = setOf("0.0.0.0/0", "::/0");
    for (const host of ["0.0.0.0", "255.255.255.255", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"])
      assert.ok(has(all, host), host);
  });

  it("of nothing has nothing", () => {
    assert.ok(!has(setOf(), "10.0.0.1") && !has(setOf(), "::"));
  });

  it("says of how many CIDRs it was made, and leaves out what is none", () => {
    const ranges = new AddressRanges();
    for (const text of [
      "10.0.0.0/33",
      "10.0.0.0/",
      "10.0.0/8",
      "a.test",
      "",
      "::/129",
      "1.2.3.4/8/8",
      "10.0.0.0/ 8",
      "010.0.0.1",
    ]) {
      assert.ok(!ranges.add(text), text);
    }
    assert.equal(ranges.size, 0);
    for (let i = 0; i < 40; i++) assert.ok(ranges.add(`10.0.${i}.1/24`));
    assert.equal(new AddressSet(AddressSet.of(ranges)).entries, 40);
  });

  it("answers as a look through all of its CIDRs does", () => {
    // Few different bits, so that ranges touch, overlap and lie within each other, and addresses hit their edges.
    const group = fc.constantFrom("0", "1", "7fff", "8000", "ffff");
    const v6 = fc.array(group, { minLength: 8, maxLength: 8 }).map((groups) => groups.join(":"));
    const part = fc.constantFrom(0, 1, 2, 127, 128, 255);
    const v4 = fc.array(part, { minLength: 4, maxLength: 4 }).map((parts) => parts.join("."));
    const cidr = fc.oneof(
      fc.tuple(v4, fc.integer({ min: 0, max: 32 })).map(([host, bits]) => `${host}/${bits}`),
      fc.tuple(v6, fc.integer({ min: 0, max: 128 })).map(([host, bits]) => `${host}/${bits}`),
    );
    fc.assert(
      fc.property(
        fc.array(cidr, { maxLength: 60 }),
        fc.array(fc.oneof(v4, v6), { minLength: 1, maxLength: 40 }),
        (cidrs, hosts) => {
          // One that is IPv4 in its IPv6 form has no prefix length of IPv6's.
          const valid = cidrs.filter((text) => parseRange(text) !== null);
          const set = setOf(...valid);
          const ranges = valid.map((text) => parseRange(text)!);
          for (const host of [...hosts, ...valid.map((text) => text.split("/")[0]!)]) {
            const ip = parseIp(host)!;
            assert.equal(
              has(set, host),
              ranges.some((range) => inRange(ip, range)),
              `${host} in ${valid.join(" ")}`,
            );
          }
        },
      ),
      { numRuns: amount(2000) },
    );
  });

  it("finds an entry of many as it finds one of few", () => {
    const count = amount(100_000);
    const ranges = new AddressRanges();
    for (let i = 0; i < count; i++) ranges.add(`${20 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.64/26`);
    const set = new AddressSet(AddressSet.of(ranges));
    for (let i = 0; i < count; i++) {
      const net = `${20 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;
      assert.ok(
        has(set, `${net}.64`) && has(set, `${net}.127`) && !has(set, `${net}.63`) && !has(set, `${net}.128`),
        net,
      );
    }
  });
});
