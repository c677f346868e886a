import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { it } from "node:test";
import type { Connection } from "../../../src/net/runtime.ts";
import { formatAddress } from "../../../src/util/address.ts";
import { answerer, echo, greeter } from "../../support/peers.ts";
import { drain, ending, readText, startWriting } from "../../support/stream.ts";
import { now, passes, standstill, until, within } from "../../support/wait.ts";
import type { Host } from "../host.ts";
import { inLab } from "../lab.ts";

export function relaying(host: Host): void {
  const canTellResets = host.runtime.can.reset && host.runtime.can.seesReset;
  const noResets = canTellResets ? false : "this runtime's sockets cannot send a reset and tell it from a FIN";

  it("carries bytes both ways and records what it carried", () =>
    inLab(host, {}, async (lab) => {
      const target = await lab.target("one", echo);
      const before = Date.now();
      const client = await lab.client();
      const { local } = client; // it is gone with the socket
      await client.write(Buffer.from("hello"));
      assert.equal(await readText(client, 5), "hello");
      await client.closeWrite();
      assert.equal(await client.read(), null);
      const { startedAt, queuedMs, connectMs, firstByteMs, durationMs, ...rest } = (await lab.recorded(1))[0]!;
      assert.deepEqual(rest, {
        client: local,
        listener: formatAddress(lab.addresses[0]!),
        pool: "lab",
        target: "one",
        phase: "relay",
        endedBy: "client",
        cause: "fin",
        bytesIn: 5,
        bytesOut: 5,
        tried: [],
        requeues: 0,
      });
      assert.ok(startedAt >= before - 1 && startedAt <= Date.now() + 1, `started at ${startedAt}`);
      assert.equal(queuedMs, 0);
      assert.ok(connectMs !== null && connectMs >= 0 && connectMs <= durationMs, `${connectMs} of ${durationMs} ms`);
      assert.ok(firstByteMs! >= connectMs && firstByteMs! <= durationMs, `${firstByteMs} of ${durationMs} ms`);
      assert.equal(target.accepted.length, 1);
      const { total, failures, bytesIn, bytesOut, active } = lab.view("one");
      assert.deepEqual(
        { total, failures, bytesIn, bytesOut, active },
        { total: 1, failures: 0, bytesIn: 5, bytesOut: 5, active: 0 },
      );
    }));

  it("lets the server speak first", () =>
    inLab(host, {}, async (lab) => {
      await lab.target("one", greeter("220 ready"));
      const client = await lab.client();
      assert.equal(await readText(client, 9), "220 ready");
    }));

  it("lets a client that half-closed read a long answer", () =>
    inLab(host, {}, async (lab) => {
      const size = 8 * 1024 * 1024;
      await lab.target("one", async (connection) => {
        assert.equal(await readText(connection), "question");
        await sendMany(connection, size);
        await connection.close();
      });
      const client = await lab.client();
      await client.write(Buffer.from("question"));
      await client.closeWrite();
      assert.equal(await drain(client), size);
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.endedBy, record!.cause, record!.bytesIn, record!.bytesOut], ["client", "fin", 8, size]);
    }));

  it("lets a client go on sending to a target that half-closed", () =>
    inLab(host, {}, async (lab) => {
      const size = 8 * 1024 * 1024;
      let received = -1;
      await lab.target("one", async (connection) => {
        await connection.write(Buffer.from("send it"));
        await connection.closeWrite();
        received = await drain(connection);
        await connection.close();
      });
      const client = await lab.client();
      assert.equal(await readText(client), "send it");
      await sendMany(client, size);
      await client.closeWrite();
      const [record] = await lab.recorded(1);
      await until("the target's end", () => received >= 0);
      assert.equal(received, size);
      assert.deepEqual([record!.endedBy, record!.cause, record!.bytesIn, record!.bytesOut], ["target", "fin", size, 7]);
    }));

  it("passes a client's reset on to the target", { skip: noResets }, () =>
    inLab(host, {}, async (lab) => {
      let seen = "";
      await lab.target("one", async (connection) => {
        await connection.write(Buffer.from("x"));
        seen = await ending(connection);
      });
      const client = await lab.client();
      await readText(client, 1);
      client.abort();
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.phase, record!.endedBy, record!.cause], ["relay", "client", "reset"]);
      await until("the target's end", () => seen !== "");
      assert.equal(seen, "ECONNRESET");
    }),
  );

  it("passes a target's reset on to the client", { skip: noResets }, () =>
    inLab(host, {}, async (lab) => {
      await lab.target("one", async (connection) => {
        await connection.read();
        connection.abort();
      });
      const client = await lab.client();
      await client.write(Buffer.from("x"));
      assert.equal(await ending(client), "ECONNRESET");
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.phase, record!.endedBy, record!.cause], ["relay", "target", "reset"]);
      assert.equal(lab.view("one").failures, 0, "a reset after connecting is no failure to connect");
    }),
  );

  for (const side of ["target", "client"] as const) {
    it(`delivers what a ${side} had sent before its reset`, { skip: noResets }, () =>
      inLab(host, {}, async (lab) => {
        const { accepted } = await lab.target("one", () => new Promise(() => {}));
        const client = await lab.client();
        await until("the target's connection", () => accepted.length === 1);
        const [from, to] = side === "client" ? [client, accepted[0]!] : [accepted[0]!, client];
        const writer = startWriting(from, Buffer.alloc(65_536, "x"), 1_000);
        const cutOff = assert.rejects(writer.done);
        await standstill("the writer", writer.written, 100); // nobody reads: all buffers are full
        from.abort();
        await cutOff;
        let received = 0;
        const reading = async () => {
          for (let bytes = await to.read(); bytes !== null; bytes = await to.read()) received += bytes.length;
        };
        await assert.rejects(within("the end", reading()), { code: "ECONNRESET" });
        const [record] = await lab.recorded(1);
        assert.deepEqual([record!.endedBy, record!.cause], [side, "reset"]);
        assert.equal(received, side === "client" ? record!.bytesIn : record!.bytesOut);
        assert.ok(received >= 1_000_000, `${received} bytes`);
      }),
    );
  }

  it("says who hung up first", () =>
    inLab(host, {}, async (lab) => {
      await lab.target("one", async (connection) => {
        await connection.write(Buffer.from("bye"));
        await connection.close();
      });
      const client = await lab.client();
      assert.equal(await readText(client), "bye");
      await client.close();
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.endedBy, record!.cause], ["target", "fin"]);
    }));

  it("ends a relay that has been idle for too long, and no other", () =>
    inLab(host, { idleTimeout: 400 }, async (lab) => {
      await lab.target("one", echo);
      const busy = await lab.client();
      const idle = await lab.client();
      const since = now();
      let idleEnded = false;
      const idleEnd = ending(idle).then((how) => {
        idleEnded = true;
        return how;
      });
      while (!idleEnded || now() - since < 1_200) {
        assert.ok(now() - since < 5_000, "the idle connection was not ended");
        await busy.write(Buffer.from("."));
        await readText(busy, 1);
        await passes(20);
      }
      // An engine may be able to reset where the runtime's own sockets are not.
      const allowed = canTellResets ? ["ECONNRESET"] : ["fin", "ECONNRESET"];
      assert.ok(allowed.includes(await idleEnd));
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.phase, record!.endedBy, record!.cause], ["relay", "balancer", "idle"]);
      assert.ok(record!.durationMs >= 400, `ended after ${record!.durationMs} ms`);
    }));

  it("tells the pool of a long connection's bytes while it lasts", () =>
    inLab(host, {}, async (lab) => {
      await lab.target("one", echo);
      const client = await lab.client();
      await client.write(Buffer.from("hello"));
      await readText(client, 5);
      await until("the bytes in the pool", () => lab.view("one").bytesIn === 5 && lab.view("one").bytesOut === 5);
      assert.equal(lab.records.length, 0);
      assert.equal(lab.view("one").active, 1);
      await client.closeWrite();
      await drain(client);
      await lab.recorded(1);
      assert.equal(lab.view("one").bytesIn, 5, "counted once");
    }));

  it("carries many short connections, one after the other", () =>
    inLab(host, {}, async (lab) => {
      await lab.target("one", answerer("one"));
      for (let i = 0; i < 50; i++) assert.equal(await lab.ask(), "one");
      await lab.recorded(50);
      assert.equal(lab.view("one").total, 50);
    }));
}

/** Sends `size` bytes, a multiple of 64 KiB. */
async function sendMany(connection: Connection, size: number): Promise<void> {
  const block = Buffer.alloc(65_536, "x");
  for (let sent = 0; sent < size; sent += block.length) await connection.write(block);
}
