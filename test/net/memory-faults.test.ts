import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryNetwork } from "../../src/net/memory/memory.ts";
import type { NetCode, NetError } from "../../src/net/net-error.ts";
import type { Connection } from "../../src/net/runtime.ts";
import { deferred } from "../../src/util/deferred.ts";
import { readAll, readExactly, show, text } from "../support/stream.ts";
import { settle, within } from "../support/wait.ts";

const to = { host: "127.0.0.1", port: 80 };
const ignore = (): void => {};

async function pair(network: MemoryNetwork): Promise<{ client: Connection; server: Connection }> {
  const accepted = deferred<Connection>();
  const listener = await network.listen({ host: "127.0.0.1", port: 0 }, accepted.resolve);
  const client = await network.connect({ to: listener.address });
  return { client, server: await within("accepting", accepted.promise) };
}

describe("the network in memory, on demand,", () => {
  for (const code of ["ECONNREFUSED", "ETIMEDOUT", "EHOSTUNREACH", "ENOTFOUND", "EMFILE"] satisfies NetCode[]) {
    it(`fails a connect with ${code}`, async () => {
      const network = new MemoryNetwork();
      await network.listen({ port: 80 }, ignore);
      network.connectFault = () => code;
      await assert.rejects(network.connect({ to }), { name: "NetError", code });
      network.connectFault = null;
      const connection = await network.connect({ to });
      connection.abort();
    });
  }

  it("asks with the address, so that one target can fail among others", async () => {
    const network = new MemoryNetwork();
    await network.listen({ port: 80 }, ignore);
    await network.listen({ port: 81 }, ignore);
    network.connectFault = ({ port }) => (port === 81 ? "ECONNREFUSED" : undefined);
    await network.connect({ to });
    await assert.rejects(network.connect({ to: { ...to, port: 81 } }), { code: "ECONNREFUSED" });
  });

  it("resets a connection before its first byte", async () => {
    const network = new MemoryNetwork();
    await network.listen({ port: 80 }, () => assert.fail("nobody accepts it"));
    network.connectFault = () => "reset";
    const client = await network.connect({ to });
    await assert.rejects(client.read(), { code: "ECONNRESET" });
    await client.close();
    assert.equal(network.open, 0);
  });

  it("fails an accept, tells the listener, and hands the connection over later", async () => {
    const network = new MemoryNetwork();
    const accepted = deferred<Connection>();
    const errors: NetError[] = [];
    await network.listen({ port: 80 }, accepted.resolve, (error) => errors.push(error));
    let failures = 2;
    network.acceptFault = () => (failures-- > 0 ? "EMFILE" : undefined);
    const client = await within("the backlog takes it", network.connect({ to }));
    await client.write(text("patience"));
    const server = await within("the accept", accepted.promise);
    assert.deepEqual(
      errors.map((error) => error.code),
      ["EMFILE", "EMFILE"],
    );
    assert.equal(show(await readExactly(server, 8)), "patience");
  });

  it("lets connects wait for a full backlog, and be given up", async () => {
    const network = new MemoryNetwork();
    const listener = await network.listen({ port: 80, backlog: 1 }, ignore, ignore);
    network.acceptFault = () => "EMFILE";
    await network.connect({ to });
    const waiting = network.connect({ to, signal: AbortSignal.timeout(30) });
    await assert.rejects(within("giving up", waiting), { code: "EABORTED" });
    const refused = assert.rejects(network.connect({ to }), { code: "ECONNREFUSED" });
    await listener.close();
    await within("the end of the backlog", refused);
  });

  it("resolves the names it was given", async () => {
    const network = new MemoryNetwork();
    await network.listen({ host: "10.0.0.7", port: 80 }, ignore);
    await assert.rejects(network.connect({ to: { host: "target", port: 80 } }), { code: "ENOTFOUND" });
    network.names.set("target", "10.0.0.7");
    const connection = await network.connect({ to: { host: "target", port: 80 } });
    assert.equal(connection.remote.host, "10.0.0.7");
  });

  it("lets clients come from addresses that the test chooses", async () => {
    const network = new MemoryNetwork();
    const accepted = deferred<Connection>();
    await network.listen({ port: 80 }, accepted.resolve);
    await network.from("203.0.113.9").connect({ to });
    assert.equal((await within("accepting", accepted.promise)).remote.host, "203.0.113.9");
  });

  it("holds no more than its window, and gives no more than a chunk at a time", async () => {
    const network = new MemoryNetwork({ window: 10, chunk: 3 });
    const { client, server } = await pair(network);
    let written = false;
    const writing = client.write(text("0123456789a")).then(() => {
      written = true;
    });
    await within("bytes", server.readable());
    await settle(1);
    assert.equal(written, false);
    assert.equal(show(await server.read()), "012");
    await within("the last byte", writing);
    await client.closeWrite();
    assert.equal(show(await readAll(server)), "3456789a");
  });

  it("counts the ends that nobody has closed", async () => {
    const network = new MemoryNetwork();
    const { client, server } = await pair(network);
    assert.equal(network.open, 2);
    await client.close();
    assert.equal(network.open, 1);
    server.abort();
    assert.equal(network.open, 0);
  });
});
