import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Address } from "../../src/net/runtime.ts";
import { SharedPool } from "../../src/pool/pool.ts";
import { addTarget, client, makePool } from "./helpers.ts";

describe("addresses", () => {
  for (const [what, address, shown = address] of [
    ["IPv4", { host: "192.0.2.1", port: 8080 }],
    ["IPv6", { host: "2001:db8::1", port: 1 }],
    ["IPv6 that is not in its shortest form", { host: "2001:DB8:0:0::1", port: 1 }, { host: "2001:db8::1", port: 1 }],
    ["IPv6 with a scope", { host: "fe80::1%7", port: 65535 }],
    ["IPv6 with the name of an interface", { host: "fe80::1%eth0", port: 65535 }],
    ["IPv4 mapped into IPv6", { host: "::ffff:192.0.2.1", port: 80 }, { host: "192.0.2.1", port: 80 }],
    ["Unix, as long as it can be", { path: `/run/${"x".repeat(102)}` }],
    ["Unix, with bytes above 127", { path: "/run/prüfung" }],
  ] as [string, Address, Address?][]) {
    it(`${what}: seen by every thread when it changes`, () => {
      const pool = makePool();
      const other = SharedPool.attach(pool.handle, 1);
      addTarget(pool, "t");
      const row = pool.pick(client(0), [], 0);
      for (const each of [pool, other]) assert.deepEqual(each.address(row), { host: "10.0.0.1", port: 80 });
      pool.set({ identity: "t", address, weight: 1, maxConnections: 0 }, "up");
      for (const each of [pool, other]) assert.deepEqual(each.address(row), shown);
      assert.deepEqual(pool.view("t")?.address, shown);
    });
  }

  it("are the same object until they change", () => {
    const pool = makePool();
    addTarget(pool, "t");
    const row = pool.pick(client(0), [], 0);
    const before = pool.address(row);
    addTarget(pool, "t", { weight: 7 });
    assert.equal(pool.address(row), before);
    addTarget(pool, "t", { port: 81 });
    assert.deepEqual(pool.address(row), { host: "10.0.0.1", port: 81 });
  });

  it("leave nothing behind for the next one", () => {
    const pool = makePool();
    const row = () => pool.pick(client(0), [], 0);
    const sequence: Address[] = [
      { path: "/run/a-long-name-of-a-socket" },
      { path: "/run/short" },
      { host: "fe80::1%11", port: 80 },
      { host: "fe80::1", port: 80 },
    ];
    for (const address of sequence) {
      pool.set({ identity: "t", address, weight: 1, maxConnections: 0 }, "up");
      assert.deepEqual(pool.address(row()), address);
    }
  });

  it("bad ones change nothing", () => {
    const pool = makePool();
    addTarget(pool, "t");
    const bad: Address[] = [
      { host: "example.org", port: 80 },
      { host: "10.0.0.1", port: 0 },
      { host: "10.0.0.1", port: 65_536 },
      { path: "" },
      { path: "x".repeat(108) },
      { host: `fe80::1%${"x".repeat(101)}`, port: 80 },
      { path: "a\0b" },
    ];
    for (const address of bad) {
      assert.throws(() => pool.set({ identity: "t", address, weight: 1, maxConnections: 0 }, "up"), RangeError);
    }
    assert.deepEqual([pool.view("t")?.address, pool.view("t")?.weight], [{ host: "10.0.0.1", port: 80 }, 500]);
  });
});
