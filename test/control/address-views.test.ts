/** A reporter's sealed view of its connection beside the balancer's. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseKeyLine } from "../../src/control/keys/key.ts";
import { viewOf } from "../../src/control/protocol/hello.ts";
import { addressMismatch } from "../../src/control/server/address-views.ts";
import fc from "../support/draws.ts";
import { REPORT, SECRET } from "./harness.ts";

const at = (host: string, port = 40_000) => ({ host, port });
const BALANCER = at("10.0.0.1", 1666);
const key = (words = "") => parseKeyLine(`web:${SECRET} ${words}`, "test");

interface Case {
  readonly told: string;
  readonly seen: ReturnType<typeof at>;
  readonly to?: string;
  readonly words?: string;
  readonly report?: object;
}

function judged({ told, seen, to = viewOf(BALANCER), words, report }: Case) {
  const views = { local: told, remote: to };
  return addressMismatch(key(words), { ...REPORT, ...report }, views, { local: BALANCER, remote: seen });
}

describe("a reporter is where the balancer sees it", () => {
  for (const [told, seen] of [
    ["10.0.0.7:40000", at("10.0.0.7")],
    ["10.0.0.7:40000", at("::ffff:10.0.0.7")],
    ["[::ffff:10.0.0.7]:40000", at("10.0.0.7")],
    ["[::ffff:a00:7]:40000", at("10.0.0.7")],
    ["[fd00::7]:40000", at("fd00:0:0::7")],
    ["[FD00:0::7]:40000", at("fd00::7")],
    ["[fe80::7]:40000", at("fe80::7%eth0")],
    ["[fe80::7%en1]:40000", at("fe80::7%eth0")],
    ["127.0.0.1:40000", at("127.0.0.1")],
    ["[::1]:40000", at("::1")],
  ] as const) {
    it(`as ${told} and ${viewOf(seen)} are one`, () => assert.equal(judged({ told, seen }), null));
  }

  it("however the address is written", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 1, max: 65_535 }), (host, port) => {
        assert.equal(judged({ told: viewOf({ host, port }), seen: { host, port } }), null);
      }),
    );
  });
});

describe("a reporter is not where the balancer sees it", () => {
  for (const [what, told, seen] of [
    ["another address", "192.168.1.7:40000", at("203.0.113.9")],
    ["another port", "10.0.0.7:40001", at("10.0.0.7")],
    ["a relay on the reporter's host", "127.0.0.1:40000", at("10.0.0.7")],
    ["an IPv4 address behind NAT64", "[64:ff9b::a00:7]:40000", at("10.0.0.7")],
    ["a host behind a prefix that is alike", "10.0.0.7:40000", at("10.0.0.70")],
  ] as const) {
    it(`at ${what}`, () => {
      const error = judged({ told, seen });
      assert.deepEqual([error?.code, error?.retry], ["ADDRESS_MISMATCH", false]);
      assert.match(error?.message ?? "", /add nat to key "web"/);
      assert.ok(error?.message.includes(viewOf(seen)) && error.message.includes(told), error?.message ?? "no error");
      assert.ok((error?.message.length ?? 0) < 500);
      assert.doesNotMatch(error?.message ?? "", /and connects to/, "both know the balancer by one address");
      assert.equal(judged({ told, seen, words: "nat" }), null, "but may be, with leave");
      assert.equal(judged({ told, seen, report: { advertise: "10.9.9.9" } }), null, "but says where its target is");
      assert.notEqual(judged({ told, seen, words: "advertise=0.0.0.0/0" }), null, "the leave to advertise is no leave");
    });
  }

  for (const [what, told, seen] of [
    ["a relay on the balancer's host", "10.0.0.7:40000", at("127.0.0.1")],
    ["a tunnel over IPv6", "[fd00::7]:40000", at("::1")],
    ["another port of loopback", "127.0.0.1:40001", at("127.0.0.1")],
    ["the other loopback address", "127.0.0.1:40000", at("::1")],
  ] as const) {
    it(`at ${what}, and no nat makes its target one on the balancer's loopback`, () => {
      for (const words of ["", "nat", "nat advertise=127.0.0.0/8"]) {
        const error = judged({ told, seen, words });
        assert.equal(error?.code, "ADDRESS_MISMATCH");
        assert.match(error?.message ?? "", /ends on the balancer's host: let the key advertise=/);
        assert.doesNotMatch(error?.message ?? "", /add nat/);
      }
      assert.equal(judged({ told, seen, report: { advertise: "10.9.9.9" } }), null);
    });
  }

  it("if it says what is no address", () => {
    for (const told of [
      "",
      "x",
      "10.0.0.7",
      ":40000",
      "10.0.0.7:",
      "fd00::7:40000",
      "[]:1",
      "10.0.0.07:40000",
      "10.0.0.7:40000 ",
    ]) {
      const error = judged({ told, seen: at("10.0.0.7") });
      assert.equal(error?.code, "ADDRESS_MISMATCH", told);
      assert.match(error?.message ?? "", /an address that cannot be read/);
    }
  });

  it("and by whom the balancer is known matters to nobody, but is told with it", () => {
    const [seen, to] = [at("10.0.0.7"), "203.0.113.80:443"];
    assert.equal(judged({ told: viewOf(seen), seen, to }), null);
    assert.match(
      judged({ told: "10.0.0.8:1", seen, to })?.message ?? "",
      /connects to 203\.0\.113\.80:443, where the balancer has 10\.0\.0\.1:1666/,
    );
  });
});
