/** Look-ups over UDP at a server of the test's own, and of what this machine knows by itself. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { Dns } from "../../src/net/dns.ts";
import { NetError } from "../../src/net/net-error.ts";
import { DnsServer } from "../support/dns-server.ts";
import { within } from "../support/wait.ts";

const server = await DnsServer.start({
  "db.example": { ttl: 7, A: ["10.0.0.1", "10.0.0.2"], AAAA: ["fd00:0:0:0:0:0:0:1"] },
  "v4.example": { ttl: 90, A: ["10.0.0.3"] },
  "v6.example": { ttl: 3, AAAA: ["fd00:0:0:0:0:0:0:2"] },
  "many.example": { ttl: 5, A: Array.from({ length: 300 }, (_, each) => `10.1.${each >> 8}.${each & 255}`) },
  "half.example": { A: ["10.0.0.4"], broken: { AAAA: "silent" } },
  "silent.example": { broken: { A: "silent", AAAA: "silent", SRV: "silent" } },
  "failing.example": { broken: { A: "fails", AAAA: "fails", SRV: "fails" } },
  "empty.example": {},
  "_pg._tcp.db.example": {
    SRV: [
      { priority: 10, weight: 5, port: 5432, host: "db.example" },
      { priority: 20, weight: 0, port: 5433, host: "v4.example" },
    ],
  },
  "_gone._tcp.example": { SRV: [{ priority: 0, weight: 0, port: 0, host: "." }] },
});
const dns = new Dns([server.address], 100);
after(() => server.close());

async function found(host: string) {
  const { addresses, holds, missing } = await within(`the addresses of ${host}`, dns.addresses(host));
  return { addresses: [...addresses].sort(), holds: await holds, missing };
}

describe("addresses of a name", () => {
  it("are those of both families, and hold as long as the server says", async () => {
    const addresses = ["10.0.0.1", "10.0.0.2", "fd00::1"];
    assert.deepEqual(await found("db.example"), { addresses, holds: 7_000, missing: null });
  });

  it("may be of one family alone", async () => {
    assert.deepEqual(await found("v4.example"), { addresses: ["10.0.0.3"], holds: 90_000, missing: null });
    assert.deepEqual(await found("v6.example"), { addresses: ["fd00::2"], holds: 3_000, missing: null });
  });

  // Over UDP Deno takes answers of 4,096 bytes, which is as many addresses as have ever had their times in Bun.
  it("may be many, and hold as long as the server says", { skip: "Deno" in globalThis }, async () => {
    const { addresses, holds } = await found("many.example");
    assert.equal(addresses.length, 300);
    assert.equal(holds, 5_000);
  });

  it("of one family are given though the server is silent about the other, which is said", async () => {
    assert.deepEqual(await found("half.example"), { addresses: ["10.0.0.4"], holds: 60_000, missing: 6 });
  });

  for (const name of ["nowhere.invalid", "empty.example", "failing.example"]) {
    it(`that are none are an error (${name})`, async () => {
      await assert.rejects(within("the failure", dns.addresses(name)), (error) => {
        assert.ok(error instanceof NetError && error.code === "ENOTFOUND");
        assert.match(error.message, new RegExp(`^cannot look up ${name}: `));
        return true;
      });
    });
  }

  it("are given up where the server is silent", async () => {
    await assert.rejects(within("the failure", dns.addresses("silent.example")), { code: "ETIMEDOUT" });
  });

  it("are asked of this machine where the servers do not know the name", async () => {
    const { addresses } = await dns.addresses("localhost");
    assert.ok(addresses.length > 0 && addresses.every((each) => each === "127.0.0.1" || each === "::1"));
  });

  it("are asked of this machine alone where no servers are named", async () => {
    const { addresses, holds } = await new Dns([]).addresses("localhost");
    assert.ok(addresses.includes("127.0.0.1") || addresses.includes("::1"));
    assert.equal(await holds, null);
  });

  it("are no longer waited for after close()", async () => {
    const closing = new Dns([server.address]);
    const asked = server.questions.length;
    const answer = closing.addresses("silent.example");
    const rejected = assert.rejects(within("the end", answer, 1_000), NetError);
    while (server.questions.length < asked + 2) await new Promise((resolve) => setImmediate(resolve));
    closing.close();
    await rejected;
  });
});

describe("services of a name", () => {
  it("are its SRV records", async () => {
    assert.deepEqual(await dns.services("_pg._tcp.db.example"), [
      { priority: 10, weight: 5, port: 5432, host: "db.example" },
      { priority: 20, weight: 0, port: 5433, host: "v4.example" },
    ]);
  });

  it("have no host where the name says that there is none", async () => {
    assert.deepEqual(await dns.services("_gone._tcp.example"), [{ priority: 0, weight: 0, port: 0, host: "" }]);
  });

  it("that do not exist are an error", async () => {
    await assert.rejects(dns.services("_none._tcp.example"), {
      code: "ENOTFOUND",
      message: "cannot look up srv:_none._tcp.example: the name does not resolve",
    });
  });
});
