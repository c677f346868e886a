import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { describe, it } from "node:test";
import { MemoryNetwork } from "../../src/net/memory/memory.ts";
import type { Connection } from "../../src/net/runtime.ts";
import { ClientSocket } from "../../src/proxy/unavailable-socket.ts";
import { ending, readText } from "../support/stream.ts";

async function pair(): Promise<{ client: Connection; connection: Connection; socket: ClientSocket }> {
  const network = new MemoryNetwork({ window: 1_000 });
  let accept: (connection: Connection) => void;
  const accepted = new Promise<Connection>((resolve) => {
    accept = resolve;
  });
  const listener = await network.listen({ host: "127.0.0.1", port: 0 }, (connection) => accept(connection));
  const client = await network.connect({ to: listener.address });
  const connection = await accepted;
  return { client, connection, socket: new ClientSocket(connection) };
}

function writeAndDestroy(socket: ClientSocket): void {
  socket.write("x");
  socket.destroy();
}

describe("ClientSocket", () => {
  it("has a net.Socket's addresses", async () => {
    const { client, socket } = await pair();
    assert.deepEqual([socket.remoteAddress, socket.remotePort], [client.local.host, client.local.port]);
    assert.deepEqual([socket.localAddress, socket.localPort], [client.remote.host, client.remote.port]);
    assert.deepEqual(socket.address(), { address: "127.0.0.1", family: "IPv4", port: client.remote.port });
    assert.equal(socket.setNoDelay().setKeepAlive(true, 1).ref().unref(), socket);
    socket.destroy();
    client.abort();
  });

  it("carries both directions and both FINs, with backpressure", async () => {
    const { client, socket } = await pair();
    const text = "0123456789".repeat(10_000);
    const got: Buffer[] = [];
    socket.on("data", (part: Buffer) => got.push(part));
    const ended = once(socket, "end");
    await Promise.all([client.write(Buffer.from(text)).then(() => client.closeWrite()), ended]);
    assert.equal(Buffer.concat(got).toString(), text);
    assert.equal(socket.write(text), false, "a write beyond the high-water mark asks to wait");
    socket.end("!");
    const closed = once(socket, "close");
    assert.equal(await readText(client), `${text}!`);
    await closed;
    assert.deepEqual([socket.bytesRead, socket.bytesWritten], [text.length, text.length + 1]);
  });

  it("resets the client when it is destroyed early, and flushes with destroySoon", async () => {
    const early = await pair();
    early.socket.destroy();
    assert.equal(await ending(early.client), "ECONNRESET");
    const soon = await pair();
    soon.socket.write("last words");
    soon.socket.destroySoon();
    assert.equal(await readText(soon.client), "last words");
  });

  it("reports a lost client as an error", async () => {
    const { client, socket } = await pair();
    const failed = once(socket, "error");
    socket.resume();
    client.abort();
    const [error] = await failed;
    assert.equal(error.code, "ECONNRESET");
    assert.equal(socket.destroyed, true);
  });

  it("emits timeout when idle, once for each setTimeout, and not when switched off", async () => {
    const { client, socket } = await pair();
    let off = 0;
    socket.setTimeout(1, () => off++);
    socket.setTimeout(0);
    await new Promise<void>((resolve) => {
      socket.setTimeout(20, resolve);
    });
    assert.equal(off, 1, "a listener stays until its event, as on a net.Socket");
    assert.equal(socket.destroyed, false);
    await client.write(Buffer.from("x"));
    socket.end("y");
    assert.equal(await readText(client, 1), "y");
    socket.destroy();
    client.abort();
  });

  for (const [how, end] of [
    ["is destroyed", (socket: ClientSocket) => void socket.destroy()],
    ["is destroyed while bytes are on their way", writeAndDestroy],
    ["has ended", (socket: ClientSocket) => void socket.resume().end()],
  ] as const) {
    it(`emits no timeout once it ${how}`, async () => {
      const { client, socket } = await pair();
      let timeouts = 0;
      socket.setTimeout(1, () => timeouts++);
      const closed = once(socket, "close");
      end(socket);
      await client.closeWrite();
      await closed;
      const later = () => new Promise((resolve) => setTimeout(resolve, 5)); // the socket's timer would come before that
      await later();
      socket.setTimeout(1);
      await later();
      assert.equal(timeouts, 0);
      client.abort();
    });
  }
});
