import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Runtime } from "../../src/net/runtime.ts";
import { pattern } from "../support/pattern.ts";
import { withPair } from "../support/peers.ts";
import { readAll, readExactly, show, startWriting, text } from "../support/stream.ts";
import { standstill, within } from "../support/wait.ts";

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
        await within("bytes", client.readable());
        assert.ok(Buffer.from(await readAll(client)).equals(sent));
      }));

    it("writes nothing for an empty write", () =>
      withPair(runtime, async ({ client, server }) => {
        await within("an empty write", client.write(new Uint8Array(0)));
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
        assert.equal(await within("FIN", server.read()), null);
        assert.equal(await within("FIN again", server.read()), null);
        await within("readable at FIN", server.readable());
      }));

    it("forbids further writes, and may be repeated", () =>
      withPair(runtime, async ({ client, server }) => {
        await client.closeWrite();
        await client.closeWrite();
        await assert.rejects(client.write(text("x")), ECLOSED);
        assert.equal(await within("FIN", server.read()), null);
      }));

    it("comes after everything written before it", () =>
      withPair(runtime, async ({ client, server }) => {
        const sent = pattern(8 * MIB);
        const written = client.write(sent);
        const finished = client.closeWrite();
        assert.ok(Buffer.from(await readAll(server)).equals(sent));
        await within("write and FIN", Promise.all([written, finished]));
      }));
  });

  describe("backpressure", () => {
    it("stops the writer while the reader stands still, and loses nothing", () =>
      withPair(runtime, async ({ client, server }) => {
        const chunk = pattern();
        const chunks = 64;
        const writer = startWriting(client, chunk, chunks);
        await within("bytes", server.readable());
        const stalled = await standstill("the writer", writer.written);
        const bound = KERNEL_BUFFERS + runtime.can.readAhead + chunk.length;
        assert.ok(stalled < bound, `${stalled} bytes were taken, the bound is ${bound}`);
        let read = 0;
        for (;;) {
          const bytes = await within("bytes", server.read());
          if (bytes === null) break;
          for (let done = 0; done < bytes.length; ) {
            const at = (read + done) % chunk.length;
            const part = Math.min(bytes.length - done, chunk.length - at);
            assert.equal(Buffer.compare(bytes.subarray(done, done + part), chunk.subarray(at, at + part)), 0);
            done += part;
          }
          read += bytes.length;
        }
        await within("the writer", writer.done);
        assert.equal(read, chunks * chunk.length);
      }));
  });

  describe("readable()", () => {
    it("consumes nothing", () =>
      withPair(runtime, async ({ client, server }) => {
        await client.write(text("abc"));
        await within("bytes", server.readable());
        await within("the same bytes", server.readable());
        assert.equal(show(await readExactly(server, 3)), "abc");
      }));

    it("does not hinder a read while it is pending", () =>
      withPair(runtime, async ({ client, server }) => {
        const watching = server.readable();
        const reading = server.read();
        await client.write(text("abc"));
        await within("readable", watching);
        assert.equal(show(await within("bytes", reading)), "abc");
      }));

    it("settles at the peer's FIN", () =>
      withPair(runtime, async ({ client, server }) => {
        const watching = server.readable();
        await client.closeWrite();
        await within("FIN", watching);
        assert.equal(await server.read(), null);
      }));

    it("notices a reset", { skip: runtime.can.reset ? false : "cannot send RST" }, () =>
      withPair(runtime, async ({ client, server }) => {
        const watching = server.readable();
        client.abort();
        await assert.rejects(within("the reset", watching), ECONNRESET);
        await assert.rejects(server.read(), ECONNRESET);
        await assert.rejects(server.write(text("x")), ECONNRESET);
      }),
    );
  });

  describe("unread()", () => {
    it("has bytes come next again, before what has come since", () =>
      withPair(runtime, async ({ client, server }) => {
        await client.write(text("abc"));
        await readExactly(server, 3);
        await client.write(text("def"));
        server.unread(text("bc"));
        server.unread(text("a"));
        await within("the bytes that came back", server.readable());
        assert.equal(show(await readExactly(server, 6)), "abcdef");
      }));

    it("does not disturb a readable() that is pending", () =>
      withPair(runtime, async ({ client, server }) => {
        await client.write(text("abc"));
        await readExactly(server, 3);
        const watching = server.readable();
        server.unread(text("abc"));
        await client.write(text("def"));
        await within("readable", watching);
        assert.equal(show(await readExactly(server, 6)), "abcdef");
      }));

    it("has them come before the peer's FIN", () =>
      withPair(runtime, async ({ client, server }) => {
        await client.write(text("abc"));
        await client.closeWrite();
        await readAll(server);
        assert.ok(server.atEnd);
        server.unread(text("abc"));
        server.unread(new Uint8Array(0));
        assert.ok(!server.atEnd);
        await within("the bytes that came back", server.readable());
        assert.equal(show(await readAll(server)), "abc");
        assert.ok(server.atEnd);
      }));
  });

  describe("close()", () => {
    it("flushes everything, then FIN", () =>
      withPair(runtime, async ({ client, server }) => {
        const sent = pattern(8 * MIB);
        const written = client.write(sent);
        const closed = client.close();
        assert.ok(Buffer.from(await readAll(server)).equals(sent));
        await within("write and close", Promise.all([written, closed]));
      }));

    it("does not wait for the peer's FIN", () =>
      withPair(runtime, async ({ client, server }) => {
        await within("close", client.close());
        assert.equal(await within("FIN", server.read()), null);
      }));

    it("may be repeated, and abort() may follow", () =>
      withPair(runtime, async ({ client }) => {
        await within("close twice", Promise.all([client.close(), client.close()]));
        await within("close again", client.close());
        client.abort();
      }));

    it("ends a pending read, and forbids the next", () =>
      withPair(runtime, async ({ client }) => {
        const reading = assert.rejects(within("the read", client.read()), ECLOSED);
        await within("close", client.close());
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
        const writing = assert.rejects(within("the write", client.write(sent)), ECLOSED);
        await within("bytes", server.readable());
        client.abort();
        await writing;
        let got = 0;
        const reading = (async () => {
          for (;;) {
            const bytes = await within("the end", server.read());
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
        const reading = within("the end", server.read());
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

    it(
      "is not taken for FIN when a write meets it before a read does",
      { skip: runtime.can.reset && runtime.can.seesReset ? false : "cannot send RST, or see one" },
      () =>
        withPair(runtime, async ({ client, server }) => {
          const reading = within("the end", server.read());
          client.abort();
          // In the same turn: nobody has looked at the socket since.
          const writing = server.write(text("x")).catch(() => undefined);
          await assert.rejects(reading, ECONNRESET);
          await writing;
        }),
    );

    it("ends a pending read, may be repeated, and close() may follow", () =>
      withPair(runtime, async ({ client }) => {
        const reading = assert.rejects(within("the read", client.read()), ECLOSED);
        client.abort();
        client.abort();
        await reading;
        await within("close after abort", client.close());
        await assert.rejects(client.write(text("x")), ECLOSED);
      }));

    it("works while a close waits for a peer that does not read", () =>
      withPair(runtime, async ({ client }) => {
        const writing = assert.rejects(within("the write", client.write(pattern(32 * MIB))), ECLOSED);
        const closing = client.close();
        client.abort();
        await writing;
        await within("the close", closing);
      }));
  });

  describe("a peer that is gone", () => {
    it("makes writes fail instead of filling memory", () =>
      withPair(runtime, async ({ client, server }) => {
        await within("close", server.close());
        const chunk = pattern(64 * 1024);
        const writing = (async () => {
          for (let i = 0; i < 1000; i++) await within("the write", client.write(chunk));
        })();
        await assert.rejects(writing, ECONNRESET);
        await assert.rejects(client.write(chunk), ECONNRESET);
      }));
  });
}
