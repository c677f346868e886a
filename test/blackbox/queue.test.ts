/** A queue that clients fill who connect, close their side, and never say a word. */
import assert from "node:assert/strict";
import { after, it } from "node:test";
import type { Connection } from "../../src/net/runtime.ts";
import { startBalancer, startReporter } from "../support/cluster.ts";
import { dial, echoServer, endServers } from "../support/peers.ts";
import { endPrograms } from "../support/program.ts";
import { readText, send } from "../support/stream.ts";
import { within } from "../support/wait.ts";

const QUEUE = 20;

after(async () => {
  await endPrograms();
  await endServers();
});

it("a full queue makes room for a client who has something to say, and tells one of the silent ones", async () => {
  const server = await echoServer();
  const args = ["--concurrency", "1", "--queue", String(QUEUE), "--unavailable", "full"];
  const balancer = await startBalancer(args);
  await startReporter(balancer, server.port);
  const holder = await dial(balancer.port);
  await send(holder, "x");
  assert.equal(await readText(holder, 1), "x");

  const told: Promise<string>[] = [];
  const silent: Connection[] = [];
  for (let i = 0; i < 2 * QUEUE; i++) {
    const client = await dial(balancer.port);
    silent.push(client);
    await client.closeWrite();
    told.push(readText(client));
  }
  // Whoever comes before the balancer has heard of the others' silence is turned away; so are QUEUE of these in any case.
  for (const text of await within("answers", firstOf(told, QUEUE))) assert.equal(text, "full");

  const honest = await dial(balancer.port);
  await send(honest, "hello");
  await honest.closeWrite();
  for (const text of await within("one more", firstOf(told, QUEUE + 1))) assert.equal(text, "full");
  await holder.close();
  assert.equal(await within("its turn", readText(honest)), "hello");
  for (const client of silent) client.abort();
});

/** What the first `count` promises to be kept have brought. */
function firstOf<T>(promises: readonly Promise<T>[], count: number): Promise<T[]> {
  const kept: T[] = [];
  return new Promise((resolve, reject) => {
    for (const each of promises) {
      each.then((value) => {
        if (kept.push(value) === count) resolve(kept);
      }, reject);
    }
  });
}
