/** Which addresses nobody may name for a target, whatever his key says, and who may name those of this host. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NetError } from "../../src/net/net-error.ts";
import { resolveAll } from "../../src/net/resolve.ts";
import { offLimits } from "../../src/targets/reach.ts";
import fc from "../support/draws.ts";

const LOCAL = ["10.0.0.1", "fd00::1", "fe80::1", "127.0.0.1", "::1"];
const AFAR = "203.0.113.9";

describe("from afar", () => {
  for (const [host, why] of [
    ["127.0.0.1", /own host/],
    ["127.255.3.2", /own host/],
    ["::1", /own host/],
    ["::1%lo", /own host/],
    ["::ffff:127.0.0.1", /own host/],
    ["::ffff:7f00:1", /own host/],
    ["::127.0.0.1", /own host/],
    ["::7f00:1", /own host/],
    ["64:ff9b::127.0.0.1", /127\.0\.0\.1, which 64:ff9b::127\.0\.0\.1 stands for, is an address of the balancer's own/],
    ["64:ff9b:1::7f00:1", /own host/],
    ["2002:7f00:1::", /own host/],
    ["2002:7f00:1::5", /own host/],
    ["::ffff:0:127.0.0.1", /own host/],
    ["10.0.0.1", /own host/],
    ["::ffff:10.0.0.1", /own host/],
    ["64:ff9b::a00:1", /own host/],
    ["2002:a00:1::", /own host/],
    ["fd00::1", /own host/],
    ["fd00:0::0:1%eth0", /own host/],
    ["fe80::1%eth0", /own host/],
    ["169.254.169.254", /link-local/],
    ["::ffff:169.254.169.254", /link-local/],
    ["64:ff9b::169.254.169.254", /link-local/],
    ["2002:a9fe:a9fe::", /link-local/],
    ["fe80::2", /link-local/],
    ["fe80::2%eth0", /link-local/],
    ["febf::2", /link-local/],
    ["0.0.0.0", /no.* host/],
    ["0.0.0.1", /no.* host/],
    ["0.255.1.1", /no.* host/],
    ["::", /no.* host/],
    ["::%lo", /no.* host/],
    ["::2", /no.* host/],
    ["::ffff:0.0.0.0", /no.* host/],
    ["64:ff9b::", /no.* host/],
    ["2002::1", /no.* host/],
    ["224.0.0.1", /no.* host/],
    ["239.1.2.3", /no.* host/],
    ["255.255.255.255", /no.* host/],
    ["64:ff9b::224.0.0.1", /no.* host/],
    ["2002:ffff:ffff::", /no.* host/],
    ["ff02::1", /no.* host/],
    ["ff02::1%eth0", /no.* host/],
    ["2001:db8::7%eth0", /zone/],
    ["localhost", /not an IP/],
    ["2130706433", /not an IP/],
    ["0x7f.1", /not an IP/],
    ["0x7f000001", /not an IP/],
    ["017700000001", /not an IP/],
    ["0177.0.0.1", /not an IP/],
    ["127.1", /not an IP/],
    ["127.0.0.1.", /not an IP/],
    ["10.0.0.7.", /not an IP/],
    ["", /not an IP/],
  ] as const) {
    it(`never ${JSON.stringify(host)}`, () => assert.match(offLimits(host, AFAR, LOCAL) ?? "allowed", why));
  }

  for (const host of [
    "10.0.0.2",
    "192.168.7.7",
    "fd00::2",
    "2001:db8::7",
    "64:ff9b::10.0.0.2",
    "2002:a00:2::1",
    "::ffff:10.0.0.2",
    AFAR,
  ]) {
    it(`${host}, if the key allows it`, () => assert.equal(offLimits(host, AFAR, LOCAL), null));
  }
});

describe("what the system's resolver makes of a name", () => {
  for (const name of [
    "localhost",
    "localhost.",
    "2130706433",
    "0x7f.1",
    "0x7f000001",
    "017700000001",
    "0177.0.0.1",
    "127.1",
    "127.0.0.1.",
    "0",
    "0x0",
  ]) {
    it(`is off limits from afar for ${name}, or nothing`, async () => {
      const hosts = await resolveAll(name, "cannot test").catch((error: unknown) => {
        assert.ok(error instanceof NetError, String(error));
        return [];
      });
      for (const host of hosts) assert.notEqual(offLimits(host, AFAR, LOCAL), null, host);
    });
  }
});

describe("the reason", () => {
  it("names the address, and the one that it stands for where that is another", () => {
    assert.match(offLimits("127.0.0.1", AFAR, LOCAL) ?? "", /^127\.0\.0\.1 is an address of the balancer's own host/);
    assert.match(offLimits("2002:7f00:1::", AFAR, LOCAL) ?? "", /^127\.0\.0\.1, which 2002:7f00:1:: stands for, is an/);
  });
});

describe("from this host", () => {
  for (const seen of ["127.0.0.1", "127.8.8.8", "::1", "10.0.0.1", "fd00::1", "fe80::1%eth0", "::ffff:10.0.0.1"]) {
    it(`seen at ${seen}, its own addresses and loopback, if the key allows them`, () => {
      for (const host of ["127.0.0.1", "127.0.0.2", "::1", "10.0.0.1", "fd00::1", "fe80::1%eth0"]) {
        assert.equal(offLimits(host, seen, LOCAL), null, host);
      }
      for (const host of ["169.254.169.254", "fe80::2%eth0", "0.0.0.0", "::", "224.0.0.1", "255.255.255.255"]) {
        assert.notEqual(offLimits(host, seen, LOCAL), null, host);
      }
    });
  }
});

describe("any address at all", () => {
  it("that is let pass from afar is neither loopback, nor link-local, nor multicast, nor this host's, in any of its forms", () => {
    const octets = fc.tuple(fc.constantFrom(0, 10, 127, 169, 192, 224, 255), fc.nat(255), fc.nat(255), fc.nat(255));
    const form = fc.constantFrom<(hex: string) => string>(
      (hex) => `64:ff9b::${hex}`,
      (hex) => `64:ff9b:1::${hex}`,
      (hex) => `2002:${hex}::1`,
      (hex) => `::ffff:${hex}`,
      (hex) => `::ffff:0:${hex}`,
      (hex) => `::${hex}`,
    );
    fc.assert(
      fc.property(octets, form, ([a, b, c, d], write) => {
        const outer = write(`${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`);
        const inner = offLimits([a, b, c, d].join("."), AFAR, LOCAL);
        assert.equal(offLimits(outer, AFAR, LOCAL) === null, inner === null, outer);
      }),
    );
  });
});
