import assert from "node:assert/strict";
import { lookup } from "node:dns/promises";
import { describe, it } from "node:test";
import { NetError } from "../../src/net/net-error.ts";
import { resolveAll, resolveHost } from "../../src/net/resolve.ts";

describe("resolving a host", () => {
  it("leaves IP addresses as they are", async () => {
    assert.equal(await resolveHost("10.1.2.3", "cannot test"), "10.1.2.3");
    assert.equal(await resolveHost("fd00::1", "cannot test"), "fd00::1");
  });

  it("gives an address of this host for localhost", async () => {
    assert.match(await resolveHost("localhost", "cannot test"), /^(127\.0\.0\.1|::1)$/);
  });

  it("gives all of them, in the resolver's order, and the first where one is asked for", async () => {
    const lookup = async () => [{ address: "10.0.0.2" }, { address: "fd00::1" }, { address: "10.0.0.1" }];
    const all = ["10.0.0.2", "fd00::1", "10.0.0.1"];
    assert.deepEqual(await resolveAll("some-host.invalid", "cannot test", { lookup }), all);
    assert.equal(await resolveHost("some-host.invalid", "cannot test", { lookup }), all[0]);
    const none = resolveAll("some-host.invalid", "cannot test", { lookup: async () => [] });
    await assert.rejects(none, { code: "ENOTFOUND" });
  });

  it("gives every address that the system knows for a name", async () => {
    const known = (await lookup("localhost", { all: true })).map(({ address }) => address);
    assert.deepEqual(await resolveAll("localhost", "cannot test"), known);
  });

  it("says of a name without an address what could not be done, and why", async () => {
    await assert.rejects(resolveHost("no-such-host.invalid", "cannot test"), (error) => {
      assert.ok(error instanceof NetError);
      assert.equal(error.code, "ENOTFOUND");
      assert.match(error.message, /^cannot test: the name does not resolve/);
      return true;
    });
  });

  it("is given up at its deadline", async () => {
    const silent = () => new Promise<never>(() => undefined);
    const error = { code: "ETIMEDOUT", message: "cannot test: no answer from the resolver within 0.01 s" };
    await assert.rejects(resolveHost("some-host.invalid", "cannot test", { timeout: 10, lookup: silent }), error);
  });

  it("is given up at once when nobody waits any more", async () => {
    const nobody = new AbortController();
    let asked = 0;
    const lookup = () => {
      asked += 1;
      return new Promise<never>(() => undefined);
    };
    const resolve = () => resolveHost("some-host.invalid", "cannot test", { signal: nobody.signal, lookup });
    const waiting = assert.rejects(resolve(), { code: "EABORTED" });
    nobody.abort();
    await waiting;
    await assert.rejects(resolve(), { code: "EABORTED" });
    assert.equal(asked, 1, "the second time the system is not asked at all");
  });
});
