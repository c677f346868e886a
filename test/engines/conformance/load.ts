import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { it } from "node:test";
import type { Connection } from "../../../src/net/runtime.ts";
import { amount } from "../../support/amount.ts";
import { greeter } from "../../support/peers.ts";
import { drain, readText } from "../../support/stream.ts";
import { settle, standstill, until } from "../../support/wait.ts";
import type { Host } from "../host.ts";
import { inLab } from "../lab.ts";

const BLOCK = 65_536;

export function load(host: Host): void {
  it("moves much both ways unchanged, to a slow reader too", () =>
    inLab(host, {}, async (lab) => {
      const size = amount(32) * 1024 * 1024;
      let upload = "";
      let download = "";
      await lab.target("one", async (connection) => {
        [download, upload] = await Promise.all([sendHashed(connection, size, 7), readHashed(connection, 64)]);
        await connection.close();
      });
      const client = await lab.client();
      const [sent, received] = await Promise.all([sendHashed(client, size, 99), readHashed(client, 1)]);
      const [record] = await lab.recorded(1);
      await until("the target's sums", () => upload !== "");
      assert.equal(received, download);
      assert.equal(upload, sent);
      assert.notEqual(sent, download);
      assert.deepEqual([record!.bytesIn, record!.bytesOut, record!.cause], [size, size, "fin"]);
    }));

  it("stops the writer when the reader stops, in bounded memory", () =>
    inLab(host, {}, async (lab) => {
      const limit = 128 * 1024 * 1024;
      let sent = 0;
      await lab.target("one", async (connection) => {
        const block = Buffer.alloc(BLOCK, "x");
        for (; sent < limit; sent += BLOCK) await connection.write(block);
        await connection.close();
      });
      const before = process.memoryUsage().rss;
      const client = await lab.client();
      await until("the first bytes", () => sent > 0);
      await standstill("the writer", () => sent);
      // Four socket buffers of the kernel lie between the two, each of a few MiB at most; none of it is the engine's.
      assert.ok(sent < 48 * 1024 * 1024, `${sent} bytes were taken from the target for a client that reads nothing`);
      const grown = process.memoryUsage().rss - before;
      assert.ok(grown < 48 * 1024 * 1024, `memory grew by ${grown} bytes`);
      let got = 0;
      for (let bytes = await client.read(); bytes !== null; bytes = await client.read()) got += bytes.length;
      assert.equal(got, limit);
    }));

  it("counts some thousand open connections to the connection", () =>
    inLab(host, {}, async (lab) => {
      const count = 3 * amount(700);
      for (const name of ["a", "b", "c"]) await lab.target(name, greeter(name));
      const clients: Connection[] = [];
      while (clients.length < count) {
        const length = Math.min(100, count - clients.length);
        const batch = await Promise.all(Array.from({ length }, () => lab.client()));
        await Promise.all(batch.map((client) => readText(client, 1)));
        clients.push(...batch);
      }
      assert.equal(lab.pool.active, count);
      const actives = lab.pool.targets().map((target) => target.active);
      assert.deepEqual(actives, [count / 3, count / 3, count / 3]);
      assert.equal(lab.records.length, 0);
      await Promise.all(clients.map((client) => client.closeWrite()));
      await lab.recorded(count);
      assert.equal(lab.pool.active, 0);
      assert.equal(
        lab.pool.targets().reduce((sum, target) => sum + target.total, 0),
        count,
      );
      assert.ok(lab.records.every((record) => record.cause === "fin" && record.bytesOut === 1));
    }));

  it("keeps its limits under a burst", () =>
    inLab(host, { pool: { concurrency: 10, queue: 1_000 } }, async (lab) => {
      let open = 0;
      let most = 0;
      await lab.target("one", async (connection) => {
        most = Math.max(most, ++open);
        await connection.write(Buffer.from("!"));
        await drain(connection);
        open--; // before our FIN: an engine in other threads may send the next client as soon as it has that
        await connection.close();
      });
      const asks = Array.from({ length: 300 }, () => lab.ask());
      assert.ok((await Promise.all(asks)).every((answer) => answer === "!"));
      await lab.recorded(300);
      assert.ok(most <= 10, `${most} at once`);
    }));
}

async function sendHashed(connection: Connection, size: number, seed: number): Promise<string> {
  const hash = createHash("sha256");
  const block = Buffer.alloc(BLOCK);
  for (let sent = 0; sent < size; sent += BLOCK) {
    for (let i = 0; i < BLOCK; i += 64) block.writeUInt32LE((sent + i * seed) >>> 0, i);
    hash.update(block);
    await connection.write(block);
  }
  await connection.closeWrite();
  return hash.digest("hex");
}

/** Reads to the FIN, and after every `pauseEvery`th chunk lets everything else go first. */
async function readHashed(connection: Connection, pauseEvery: number): Promise<string> {
  const hash = createHash("sha256");
  let chunks = 0;
  for (let bytes = await connection.read(); bytes !== null; bytes = await connection.read()) {
    hash.update(bytes);
    if (++chunks % pauseEvery === 0) await settle(1);
  }
  return hash.digest("hex");
}
