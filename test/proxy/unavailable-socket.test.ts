import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { describe, it } from "node:test";
import { MemoryNetwork } from "../../src/net/memory/memory.ts";
import type { Connection } from "../../src/net/runtime.ts";
import { ClientSocket } from "../../src/proxy/unavailable-socket.ts";
import { ending, readText } from "../support/stream.ts";
import { now, passes, until } from "../support/wait.ts";

async function pair(host = "127.0.0.1"): Promise<{ client: Connection; connection: Connection; socket: ClientSocket }> {
  const network = new MemoryNetwork({ window: 1_000 });
  let accept: (connection: Connection) => void;
  const accepted = new Promise<Connection>((resolve) => {
    accept = resolve;
  });
  const listener = await network.listen({ host, port: 0 }, (connection) => accept(connection));
  const client = await network.connect({ to: listener.address });
  const connection = await accepted;
  return { client, connection, socket: new ClientSocket(connection) };
}

function writeAndDestroy(socket: ClientSocket): void {
  socket.write("x");
  socket.destroy();
}

/** ms from a byte to the time-out after `idle` ms; null: the machine was so busy that the byte came after it. */
async function quietTime(
  idle: number,
  move: (client: Connection, socket: ClientSocket) => void | Promise<void>,
): Promise<number | null> {
  const { client, socket } = await pair();
  let emitted = 0;
  socket.on("data", () => undefined);
  socket.setTimeout(idle, () => {
    emitted = now();
  });
  await passes(idle / 2);
  const moved = now();
  await move(client, socket);
  await until("the byte", () => socket.bytesRead + socket.bytesWritten === 1);
  const inTime = emitted === 0;
  await until("the time-out", () => emitted > 0);
  socket.destroy();
  client.abort();
  return inTime ? emitted - moved : null;
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

  for (const [host, family] of [
    ["127.0.0.1", "IPv4"],
    ["::1", "IPv6"],
  ] as const) {
    it(`names the family of its addresses (${family})`, async () => {
      const { client, socket } = await pair(host);
      const { address, family: own } = socket.address();
      assert.deepEqual([socket.remoteFamily, own, address], [family, family, host]);
      socket.destroy();
      client.abort();
    });
  }

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

  it("emits timeout only where it was asked for", async () => {
    const { client, socket } = await pair();
    let timeouts = 0;
    socket.on("timeout", () => timeouts++);
    for (const ms of [undefined, 0]) {
      if (ms !== undefined) socket.setTimeout(ms);
      await client.write(Buffer.from("x"));
      await once(socket, "data");
      socket.write("y");
      assert.equal(await readText(client, 1), "y");
      await passes(5); // a timer of 0 ms would come before that
    }
    assert.equal(timeouts, 0);
    socket.destroy();
    client.abort();
  });

  for (const [what, move] of [
    ["read", (client: Connection) => client.write(Buffer.from("x"))],
    ["written", (_client: Connection, socket: ClientSocket) => void socket.write("y")],
  ] as const) {
    it(`counts the time without a byte from the last one that was ${what}`, async () => {
      const idle = 30;
      let quiet: number | null = null;
      while (quiet === null) quiet = await quietTime(idle, move);
      assert.ok(quiet >= idle - 1, `${quiet} ms`);
    });
  }

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
