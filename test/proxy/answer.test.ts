/** The answer to a client that gets no target, on a network in memory. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import { MemoryNetwork } from "../../src/net/memory/memory.ts";
import type { Connection } from "../../src/net/runtime.ts";
import { answerByHandler, answerText } from "../../src/proxy/answer.ts";
import { LINGER_BYTES, UnavailableError, type UnavailableHandler } from "../../src/proxy/unavailable.ts";
import { ClientSocket } from "../../src/proxy/unavailable-socket.ts";
import { deferred } from "../../src/util/deferred.ts";
import { ANY_PORT } from "../support/ports.ts";
import { drain, ending, readText } from "../support/stream.ts";
import { settle } from "../support/wait.ts";

async function pair(): Promise<[client: Connection, served: Connection]> {
  const network = new MemoryNetwork();
  const accepted = deferred<Connection>();
  const listener = await network.listen(ANY_PORT, accepted.resolve);
  return [await network.connect({ to: listener.address }), await accepted.promise];
}

/** Sends more than an answered client may, as long as it is taken. */
async function flood(client: Connection): Promise<void> {
  const block = Buffer.alloc(65_536);
  for (let sent = 0; sent < 2 * LINGER_BYTES; sent += block.length) await client.write(block);
}

/** What was told while a handler answers: "lingering", "warned", "closed", in this order. */
async function answering(handler: UnavailableHandler) {
  const [client, served] = await pair();
  const told: string[] = [];
  const error = new UnavailableError("no-targets", "none");
  const done = answerByHandler(
    new ClientSocket(served),
    handler,
    error,
    () => told.push("lingering"),
    () => told.push("warned"),
  ).then(() => told.push("closed"));
  return { client, told, done };
}

describe("answering with a text", () => {
  it("says it, then FIN, and waits for the client's", async () => {
    const [client, served] = await pair();
    let lingering = false;
    let closed = false;
    const done = answerText(served, Buffer.from("sorry"), () => {
      lingering = true;
    }).then(() => {
      closed = true;
    });
    assert.equal(await readText(client), "sorry");
    await client.write(Buffer.from("what?"));
    await settle();
    assert.deepEqual([lingering, closed], [true, false]);
    await client.closeWrite();
    await done;
  });

  for (const text of ["", "!"]) {
    it(`says ${JSON.stringify(text)} as it is`, async () => {
      const [client, served] = await pair();
      const done = answerText(served, Buffer.from(text), () => undefined);
      assert.equal(await readText(client), text);
      await client.close();
      await done;
    });
  }

  it("closes after so many bytes that the client goes on sending", async () => {
    const [client, served] = await pair();
    const sending = assert.rejects(flood(client), { code: "ECONNRESET" });
    await answerText(served, Buffer.from("sorry"), () => undefined);
    await sending;
  });
});

describe("answering by a handler", () => {
  it("ends the socket after the handler, and is done when the client has gone", async () => {
    const { client, told, done } = await answering((_error, socket) => void socket.write("sorry"));
    assert.equal(await readText(client), "sorry");
    await settle();
    assert.deepEqual(told, ["lingering"]);
    await client.close();
    await done;
    assert.deepEqual(told, ["lingering", "closed"]);
  });

  it("waits for a handler's promise", async () => {
    const pause = deferred<void>();
    const { client, told, done } = await answering(() => pause.promise);
    await settle();
    assert.deepEqual(told, []);
    pause.resolve();
    await drain(client);
    await client.close();
    await done;
  });

  it("notices the client's end though the handler has paused the socket", async () => {
    const { client, done } = await answering((_error, socket) => void socket.pause().end("sorry"));
    assert.equal(await readText(client), "sorry");
    await client.write(Buffer.from("what?"));
    await client.close();
    await done;
  });

  it("leaves a socket alone that the handler has destroyed", async () => {
    const { client, told, done } = await answering((_error, socket) => void socket.destroy());
    assert.equal(await ending(client), "ECONNRESET");
    await done;
    assert.deepEqual(told, ["closed"]);
  });

  it("closes after so many bytes that the client goes on sending", async () => {
    const { client, done } = await answering((_error, socket) => void socket.end("sorry"));
    await assert.rejects(flood(client), { code: "ECONNRESET" });
    await done;
  });

  it("tells of a handler that throws, and drops its client", async () => {
    const { client, told, done } = await answering(() => {
      throw new Error("the handler's own");
    });
    assert.equal(await ending(client), "ECONNRESET");
    await done;
    assert.deepEqual(told, ["warned", "closed"]);
  });
});
