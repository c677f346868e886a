/** PROXY headers from those who bring clients. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { join, vector } from "../../support/client-hellos.ts";
import { answerer, echo, greeter } from "../../support/peers.ts";
import { headerV2, tlv } from "../../support/proxy-headers.ts";
import { drain, readText, send, text } from "../../support/stream.ts";
import { until } from "../../support/wait.ts";
import type { Host } from "../host.ts";
import { inLab, type Lab } from "../lab.ts";
import { ask, assertCounted, assertRefused, assertTurnedAway, clientSaying, FOREVER, HERE } from "./asking.ts";

const V1 = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n";
const CLIENT = { host: "192.0.2.1", port: 56_324 };
const DESTINATION = { host: "198.51.100.2", port: 443 };

export function proxyIn(host: Host): void {
  const tellsResets = host.runtime.can.reset && host.runtime.can.seesReset;
  const noResets = tellsResets ? false : "this runtime's sockets cannot send a reset and tell it from a FIN";

  it("has the client that a header of version 1 names in the record, and none of the header at the target", () =>
    inLab(host, {}, async (lab) => {
      await ask(lab, { senders: HERE });
      await lab.target("one", echo);
      const client = await clientSaying(lab, `${V1}hello`, true);
      const peer = client.local;
      assert.equal(await readText(client), "hello");
      const [record] = await lab.recorded(1);
      assert.deepEqual(record!.client, CLIENT);
      assert.deepEqual([record!.bytesIn, record!.bytesOut, record!.target], [5, 5, "one"]);
      const { destination, via } = record!.facts!;
      assert.deepEqual([via, destination], [peer, DESTINATION]);
    }));

  it("knows what a header of version 2 tells of the client, while it is open and in its record", () =>
    inLab(host, {}, async (lab) => {
      await ask(lab, { senders: HERE });
      await lab.target("one", greeter("!"));
      const ssl = join(Uint8Array.of(1, 0, 0, 0, 1), tlv(0x21, "TLSv1.3"), tlv(0x23, "TLS_AES_128_GCM_SHA256"));
      const tlvs = [tlv(0x02, "a.test"), tlv(0x01, "h2"), tlv(0x05, "abc"), tlv(0x20, ssl)];
      const client = await clientSaying(lab, headerV2({ tlvs }));
      const peer = client.local;
      await readText(client, 1);
      const facts = {
        via: peer,
        destination: DESTINATION,
        serverName: "a.test",
        alpn: "h2",
        tls: { version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256", certificate: null },
        uniqueId: text("abc"),
      };
      const open = [...lab.engine.connections()];
      assert.deepEqual(
        open.map((each) => [each.client, plain(each.facts)]),
        [[CLIENT, facts]],
      );
      await client.closeWrite();
      const [record] = await lab.recorded(1);
      assert.deepEqual(plain(record!.facts), facts);
    }));

  it("takes a header that comes byte by byte, and what comes with its last one", () =>
    inLab(host, {}, async (lab) => {
      await ask(lab, { senders: HERE });
      await lab.target("one", echo);
      const client = await lab.client();
      const header = headerV2({ tlvs: [tlv(0x02, "a.test")] });
      for (const byte of header.subarray(0, -1)) await client.write(Uint8Array.of(byte));
      await client.write(join(header.subarray(-1), text("hello")));
      await client.closeWrite();
      assert.equal(await readText(client), "hello");
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.client, record!.bytesIn], [CLIENT, 5]);
    }));

  it("serves the peer itself where a header names nobody", () =>
    inLab(host, {}, async (lab) => {
      await ask(lab, { senders: HERE });
      await lab.target("one", answerer("!"));
      const local = headerV2({ command: 0x20, family: 0x00, addresses: new Uint8Array(0) });
      for (const header of ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN ::1 ::2 1 2\r\n", local]) {
        const client = await clientSaying(lab, header, true);
        const peer = client.local;
        assert.equal(await readText(client), "!");
        const record = (await lab.recorded(lab.records.length || 1)).at(-1)!;
        assert.deepEqual([record.client, "facts" in record], [peer, false]);
        await client.close();
        lab.records.length = 0;
        lab.strangers(-1);
      }
    }));

  it("serves a client that is gone but for what it has sent", () =>
    inLab(host, {}, async (lab) => {
      await ask(lab, { senders: HERE });
      const got: number[] = [];
      await lab.target("one", async (connection) => {
        got.push(await drain(connection));
        await connection.close();
      });
      await clientSaying(lab, `${V1}${"x".repeat(3_000)}`, true);
      await lab.recorded(1);
      assert.deepEqual(got, [3_000]);
    }));

  it("sticks clients to targets by what headers say", () =>
    inLab(host, { pool: { persistent: 60_000, algorithm: "roundrobin" } }, async (lab) => {
      await ask(lab, { senders: HERE });
      for (const name of ["one", "two", "three"]) await lab.target(name, answerer(name));
      const askAs = async (last: number) => {
        const client = await clientSaying(lab, V1.replace("192.0.2.1", `192.0.2.${last}`), true);
        const answer = await readText(client);
        await client.close();
        return answer;
      };
      const first = [await askAs(1), await askAs(2), await askAs(3)];
      assert.deepEqual(first.toSorted(), ["one", "three", "two"]);
      assert.deepEqual([await askAs(1), await askAs(2), await askAs(3)], first);
      await lab.recorded(6);
    }));

  it("refuses a peer that may not send headers, whatever it sends", () =>
    inLab(host, {}, async (lab) => {
      const asking = await ask(lab, { senders: ["192.0.2.0/24"] });
      await lab.target("one", answerer("!"));
      await assertTurnedAway(lab, host);
      await assertCounted(asking, "untrusted-sender");
      untouched(lab);
    }));

  const faults: Readonly<Record<string, string | Uint8Array>> = {
    "something else": "GET / HTTP/1.1\r\n\r\n",
    "a line without end": `PROXY TCP4 ${"1".repeat(200)}`,
    "a line with LF alone": "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\n",
    "version 2 with a length that no header has": headerV2({ length: 65_535 }),
    "version 2 of INET without addresses": headerV2({ addresses: new Uint8Array(0) }),
    "a version that there is not": headerV2({ command: 0x31 }),
    "a TLV that is longer than the header": headerV2({
      tlvs: [join(Uint8Array.of(0x02), vector(2, new Uint8Array(9)).subarray(0, 5))],
    }),
  };
  for (const [what, bytes] of Object.entries(faults)) {
    it(`refuses ${what} in place of a header, and no target learns of it`, () =>
      inLab(host, {}, async (lab) => {
        const asking = await ask(lab, { senders: HERE });
        await lab.target("one", answerer("!"));
        await assertRefused(lab, await clientSaying(lab, bytes), host);
        await assertCounted(asking, "bad-header");
        untouched(lab);
      }));
  }

  it("waits for a header for its time, and no longer", () =>
    inLab(host, {}, async (lab) => {
      const asking = await ask(lab, { senders: HERE, prereadTimeout: 300 });
      await lab.target("one", answerer("!"));
      await assertRefused(lab, await lab.client(), host);
      await assertCounted(asking, "no-header");
      await assertRefused(lab, await clientSaying(lab, V1.slice(0, -1)), host);
      await assertCounted(asking, "no-header", 2);
      untouched(lab);
    }));

  it("refuses whoever finishes before the header does", () =>
    inLab(host, {}, async (lab) => {
      const asking = await ask(lab, { senders: HERE });
      await assertRefused(lab, await clientSaying(lab, V1.slice(0, 30), true), host);
      await assertCounted(asking, "no-header");
    }));

  it("forgets whoever is reset before the header is whole, and counts nobody", { skip: noResets }, () =>
    inLab(host, { reserve: 0 }, async (lab) => {
      const asking = await ask(lab, { senders: HERE, prereadTimeout: FOREVER });
      await lab.target("one", answerer("!"));
      const client = await clientSaying(lab, V1.slice(0, 30));
      client.abort();
      lab.cutOff();
      const next = await clientSaying(lab, V1, true);
      assert.equal(await readText(next), "!");
      await lab.recorded(1);
      assert.deepEqual(asking.refusals(), {});
    }),
  );

  it("gives what was read with the header to what answers in a target's place", () =>
    inLab(
      host,
      {
        unavailable: (_error, socket) =>
          new Promise((resolve) => {
            socket.on("data", (bytes) => socket.write(bytes));
            socket.on("end", resolve);
          }),
      },
      async (lab) => {
        await ask(lab, { senders: HERE });
        const client = await clientSaying(lab, `${V1}hello`, true);
        assert.equal(await readText(client), "hello");
        const [record] = await lab.recorded(1);
        assert.deepEqual([record!.client, record!.phase, record!.bytesIn], [CLIENT, "unavailable", 5]);
      },
    ));

  it("keeps what a client has sent while it waits for its turn", () =>
    inLab(host, { pool: { concurrency: 1 } }, async (lab) => {
      await ask(lab, { senders: HERE });
      await lab.target("one", echo);
      const holder = await clientSaying(lab, `${V1}a`);
      await readText(holder, 1);
      const waiter = await clientSaying(lab, `${V1}bc`);
      await until("the waiter", () => lab.pool.waiting === 1);
      await send(waiter, "d");
      await holder.closeWrite();
      assert.equal(await readText(waiter, 3), "bcd");
      await waiter.closeWrite();
      const records = await lab.recorded(2);
      assert.deepEqual(
        records.map(({ client, bytesIn }) => [client, bytesIn]),
        [
          [CLIENT, 1],
          [CLIENT, 3],
        ],
      );
    }));
}

/** Nobody has come to any target. */
function untouched(lab: Lab): void {
  for (const { total } of lab.pool.targets()) assert.equal(total, 0);
  assert.deepEqual(lab.records, []);
}

/** What deepEqual() compares, whatever holds the bytes. */
function plain<F extends { uniqueId: Uint8Array | null }>(facts: F | undefined) {
  return facts === undefined ? undefined : { ...facts, uniqueId: facts.uniqueId && Uint8Array.from(facts.uniqueId) };
}
