import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseIp } from "../../src/util/address.ts";
import { embeddedIpv4, facesOf } from "../../src/util/embedded-ipv4.ts";

const faces = (text: string) => facesOf(parseIp(text)!).map(String);

describe("an IPv4 address inside an IPv6 one", () => {
  for (const [outer, inner] of [
    ["64:ff9b::127.0.0.1", "127.0.0.1"],
    ["64:ff9b::a9fe:a9fe", "169.254.169.254"],
    ["64:ff9b:1::10.1.2.3", "10.1.2.3"],
    ["64:ff9b:1:2:3:4:10.1.2.3", "10.1.2.3"],
    ["2002:7f00:1::", "127.0.0.1"],
    ["2002:a01:203:4:5:6:7:8", "10.1.2.3"],
    ["::ffff:0:7f00:1", "127.0.0.1"],
    ["::7f00:1", "127.0.0.1"],
    ["::a01:203", "10.1.2.3"],
    ["0:0:0:0:0:0:0:2", "0.0.0.2"],
  ] as const) {
    it(`is found in ${outer}`, () => assert.equal(faces(outer)[1], inner));
  }

  for (const outer of [
    "10.1.2.3",
    "::",
    "::1",
    "fd00::7f00:1",
    "2001:db8::7f00:1",
    "64:ff9c::7f00:1",
    "fe80::7f00:1%eth0",
  ]) {
    it(`is not in ${outer}`, () => assert.equal(embeddedIpv4(parseIp(outer)!), null));
  }

  it("is the address itself where it is mapped, in any spelling", () => {
    for (const text of ["::ffff:10.1.2.3", "::FFFF:a01:203", "0:0:0:0:0:ffff:a01:203", "::ffff:10.1.2.3%eth0"]) {
      assert.deepEqual(faces(text), ["10.1.2.3"]);
    }
  });
});
