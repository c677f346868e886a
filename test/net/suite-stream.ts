import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Runtime } from "../../src/net/runtime.ts";
import { pattern, readAll, readExactly, show, standstill, startWriting, text, within, withPair } from "./kit.ts";

const MIB = 1024 * 1024;
/** What the kernel may hold for one connection, both ends together: Linux lets the buffers grow to 4 + 6 MiB. */
export const KERNEL_BUFFERS = 12 * MIB;
const ECLOSED = { name: "NetError", code: "ECLOSED" };
const ECONNRESET = { name: "NetError", code: "ECONNRESET" };

export function streamSuite(runtime: Runtime): void {
  describe("a connection", () => {
    it("carries bytes both ways and knows both ends", () =>
      withPair(runtime, async ({ listener, client, server }) => {
        await client.write(text("ping"));
        assert.equal(show(await readExactly(server, 4)), "ping");
        await server.write(text("pong"));
        assert.equal(show(await readExactly(client, 4)), "pong");
        assert.deepEqual({ ...client.remote }, { ...listener.address });
        assert.deepEqual({ ...server.local }, { ...listener.address });
        assert.deepEqual({ ...client.local }, { ...server.remote });
        assert.notEqual(client.local.port, 0);
      }));

    it("gives bytes that were sent before anyone read", () =>
      withPair(runtime, async ({ client, server }) => {
        const sent = pattern(50_000); // less than any network takes unread
        await server.write(sent);
        await server.closeWrite();
        await within(client.readable(), "bytes");
        assert.ok(Buffer.from(await readAll(client)).equals(sent));
      }));

    it("writes nothing for an empty write", () =>
      withPair(runtime, async ({ client, server }) => {
        await within(client.write(new Uint8Array(0)), "an empty write");
        await client.write(text("x"));
        assert.equal(show(await readExactly(server, 1)), "x");
      }));
  });

  describe("half-close", () => {
    it("by the connecting side leaves the answer's way open", () =>
      withPair(runtime, async ({ client, server }) => {
        await client.write(text("question"));
        await client.closeWrite();
        assert.equal(show(await readAll(server)), "question");
        const answer = pattern(3 * MIB);
        await Promise.all([
          server.write(answer).then(() => server.closeWrite()),
          readAll(client).then((got) => assert.ok(Buffer.from(got).equals(answer))),
        ]);
      }));

    it("by the accepting side leaves the other way open", () =>
      withPair(runtime, async ({ client, server }) => {
        await server.write(text("bye"));
        await server.closeWrite();
        assert.equal(show(await readAll(client)), "bye");
        await client.write(text("one more thing"));
        await client.closeWrite();
        assert.equal(show(await readAll(server)), "one more thing");
      }));

    it("reads null again and again after the peer's FIN", () =>
      withPair(runtime, async ({ client, server }) => {
        await client.closeWrite();
        assert.equal(await within(server.read(), "FIN"), null);
        assert.equal(await within(server.read(), "FIN again"), null);
        await within(server.readable(), "readable at FIN");
      }));

    it("forbids further writes, and may be repeated", () =>
      withPair(runtime, async ({ client, server }) => {
        await client.closeWrite();
        await client.closeWrite();
        await assert.rejects(client.write(text("x")), ECLOSED);
        assert.equal(await within(server.read(), "FIN"), null);
      }));

    it("comes after everything written before it", () =>
      withPair(runtime, async ({ client, server }) => {
        const sent = pattern(8 * MIB);
        const written = client.write(sent);
        const finished = client.closeWrite();
        assert.ok(Buffer.from(await readAll(server)).equals(sent));
        await within(Promise.all([written, finished]), "write and FIN");
      }));
  });

  describe("backpressure", () => {
    it("stops the writer while the reader stands still, and loses nothing", () =>
      withPair(runtime, async ({ client, server }) => {
        const chunk = pattern();
        const chunks = 64;
        const writer = startWriting(client, chunk, chunks);
        await within(server.readable(), "bytes");
        const stalled = await standstill(writer.written);
        const bound = KERNEL_BUFFERS + runtime.can.readAhead + chunk.length;
        assert.ok(stalled < bound, `${stalled} bytes were taken, the bound is ${bound}`);
        let read = 0;
        for (;;) {
          const bytes = await within(server.read(), "bytes");
          if (bytes === null) break;
          for (let done = 0; done < bytes.length; ) {
            const at = (read + done) % chunk.length;
            const part = Math.min(bytes.length - done, chunk.length - at);
            assert.equal(Buffer.compare(bytes.subarray(done, done + part), chunk.subarray(at, at + part)), 0);
            done += part;
          }
          read += bytes.length;
        }
        await within(writer.done, "the writer");
        assert.equal(read, chunks * chunk.length);
      }));
  });

  describe("readable()", () => {
    it("consumes nothing", () =>
      withPair(runtime, async ({ client, server }) => {
        await client.write(text("abc"));
        await within(server.readable(), "bytes");
        await within(server.readable(), "the same bytes");
        assert.equal(show(await readExactly(server, 3)), "abc");
      }));

    it("does not hinder a read while it is pending", () =>
      withPair(runtime, async ({ client, server }) => {
        const watching = server.readable();
        const reading = server.read();
        await client.write(text("abc"));
        await within(watching, "readable");
        assert.equal(show(await within(reading, "bytes")), "abc");
      }));

    it("settles at the peer's FIN", () =>
      withPair(runtime, async ({ client, server }) => {
        const watching = server.readable();
        await client.closeWrite();
        await within(watching, "FIN");
        assert.equal(await server.read(), null);
      }));

    it("notices a reset", { skip: runtime.can.reset ? false : "cannot send RST" }, () =>
      withPair(runtime, async ({ client, server }) => {
        const watching = server.readable();
        client.abort();
        await assert.rejects(within(watching, "the reset"), ECONNRESET);
        await assert.rejects(server.read(), ECONNRESET);
        await assert.rejects(server.write(text("x")), ECONNRESET);
      }),
    );
  });

  describe("close()", () => {
    it("flushes everything, then FIN", () =>
      withPair(runtime, async ({ client, server }) => {
        const sent = pattern(8 * MIB);
        const written = client.write(sent);
        const closed = client.close();
        assert.ok(Buffer.from(await readAll(server)).equals(sent));
        await within(Promise.all([written, closed]), "write and close");
      }));

    it("does not wait for the peer's FIN", () =>
      withPair(runtime, async ({ client, server }) => {
        await within(client.close(), "close");
        assert.equal(await within(server.read(), "FIN"), null);
      }));

    it("may be repeated, and abort() may follow", () =>
      withPair(runtime, async ({ client }) => {
        await within(Promise.all([client.close(), client.close()]), "close twice");
        await within(client.close(), "close again");
        client.abort();
      }));

    it("ends a pending read, and forbids the next", () =>
      withPair(runtime, async ({ client }) => {
        const reading = assert.rejects(within(client.read(), "the read"), ECLOSED);
        await within(client.close(), "close");
        await reading;
        await assert.rejects(client.read(), ECLOSED);
        await assert.rejects(client.readable(), ECLOSED);
        await assert.rejects(client.write(text("x")), ECLOSED);
      }));
  });

  describe("abort()", () => {
    it("drops what was written but not sent, and ends a pending write", () =>
      withPair(runtime, async ({ client, server }) => {
        const sent = pattern(32 * MIB);
        const writing = assert.rejects(within(client.write(sent), "the write"), ECLOSED);
        await within(server.readable(), "bytes");
        client.abort();
        await writing;
        let got = 0;
        const reading = (async () => {
          for (;;) {
            const bytes = await within(server.read(), "the end");
            if (bytes === null) return;
            got += bytes.length;
          }
        })();
        if (runtime.can.reset) await assert.rejects(reading, ECONNRESET);
        else await reading;
        assert.ok(got < sent.length);
      }));

    it("resets the peer where the runtime can, otherwise it reads FIN", () =>
      withPair(runtime, async ({ client, server }) => {
        await client.write(text("x"));
        await readExactly(server, 1);
        const reading = within(server.read(), "the end");
        client.abort();
        if (runtime.can.reset && runtime.can.seesReset) await assert.rejects(reading, ECONNRESET);
        else assert.equal(await reading, null);
      }));

    it(
      "is not taken for FIN when the last bytes come with it",
      { skip: runtime.can.reset ? false : "cannot send RST" },
      () =>
        withPair(runtime, async ({ client, server }) => {
          const reading = readAll(server);
          await client.write(text("x"));
          client.abort();
          await assert.rejects(reading, ECONNRESET);
        }),
    );

    it("ends a pending read, may be repeated, and close() may follow", () =>
      withPair(runtime, async ({ client }) => {
        const reading = assert.rejects(within(client.read(), "the read"), ECLOSED);
        client.abort();
        client.abort();
        await reading;
        await within(client.close(), "close after abort");
        await assert.rejects(client.write(text("x")), ECLOSED);
      }));

    it("works while a close waits for a peer that does not read", () =>
      withPair(runtime, async ({ client }) => {
        const writing = assert.rejects(within(client.write(pattern(32 * MIB)), "the write"), ECLOSED);
        const closing = client.close();
        client.abort();
        await writing;
        await within(closing, "the close");
      }));
  });

  describe("a peer that is gone", () => {
    it("makes writes fail instead of filling memory", () =>
      withPair(runtime, async ({ client, server }) => {
        await within(server.close(), "close");
        const chunk = pattern(64 * 1024);
        const writing = (async () => {
          for (let i = 0; i < 1000; i++) await within(client.write(chunk), "the write");
        })();
        await assert.rejects(writing, ECONNRESET);
        await assert.rejects(client.write(chunk), ECONNRESET);
      }));
  });
}
