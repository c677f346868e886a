/** What peers do to a listener, and what every connection is set to. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import type { Connection, Runtime } from "../../src/net/runtime.ts";
import { deferred } from "../../src/util/deferred.ts";
import { keepaliveIn } from "../support/keepalive.ts";
import { withPair } from "../support/peers.ts";
import { LOOPBACK } from "../support/ports.ts";
import { readExactly, text } from "../support/stream.ts";
import { PATIENCE_MS, until, within } from "../support/wait.ts";

/** Indices of the words shared with resets.mjs. */
const READY = 0;
const GO = 1;
const DONE = 2;

/** `count` connections that were reset before this thread could accept any. */
async function resetsWhileBlocked(port: number, count: number): Promise<void> {
  const shared = new Int32Array(new SharedArrayBuffer(12));
  const worker = new Worker(new URL("./resets.mjs", import.meta.url), { workerData: { shared, port, count } });
  await until("the resetting thread", () => Atomics.load(shared, READY) === 1);
  Atomics.store(shared, GO, 1);
  Atomics.notify(shared, GO);
  assert.notEqual(Atomics.wait(shared, DONE, 0, PATIENCE_MS), "timed-out");
  await worker.terminate();
}

const RESETS = 50;
/** ms. A listener that waited after each reset, as it does when descriptors run out, would take 2,500. */
const SOON = 1_000;

/** Settles once it does; while bytes are in flight another timer is listed in its place. */
export async function keptAlive({ local, remote }: Connection, who: string): Promise<void> {
  await until(`TCP keepalive on ${who}`, () => keepaliveIn(local, remote) !== null, 2_000);
}

/** Settles once it does, after a silence between these ms. */
export async function keptAliveAfter({ local, remote }: Connection, [from, to]: readonly [number, number]) {
  const within = (ms: number | null) => ms !== null && ms >= from && ms <= to;
  await until(`keepalive after ${from} to ${to} ms`, () => within(keepaliveIn(local, remote)), 2_000);
}

/** Rounds until the reader's kernel delays its acknowledgements, and those that are measured. */
const WARM_UP = 20;
const MEASURED = 10;
/** ms. Half of the shortest delay of an acknowledgement (Linux: 40); unhindered a round takes less than one. */
const HINDERED = 20;

/**
 * The shortest time of rounds in which `writer` answers in two small writes. With Nagle's algorithm the second waits in
 * every round until the first has been acknowledged, which the other side delays.
 */
async function shortestRound(reader: Connection, writer: Connection): Promise<number> {
  let shortest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < WARM_UP + MEASURED; round++) {
    const started = performance.now();
    await reader.write(text("?"));
    await readExactly(writer, 1);
    await writer.write(text("a"));
    await writer.write(text("b"));
    await readExactly(reader, 2);
    if (round >= WARM_UP) shortest = Math.min(shortest, performance.now() - started);
  }
  return shortest;
}

export function peersSuite(runtime: Runtime): void {
  const real = runtime.name !== "memory";

  describe("peers that reset before they are accepted", { skip: real ? false : "accepted at once there" }, () => {
    it("are neither handed over nor an error, and delay nobody", async () => {
      const seen: string[] = [];
      const errors: string[] = [];
      let accepted = deferred<Connection>();
      const listener = await runtime.listen(
        { host: LOOPBACK, port: 0 },
        (connection) => {
          seen.push(connection.remote.host);
          accepted.resolve(connection);
        },
        (error) => errors.push(error.message),
      );
      await resetsWhileBlocked(listener.address.port, RESETS);
      accepted = deferred();
      const client = await within("connecting", runtime.connect({ to: listener.address }), SOON);
      const server = await within("being accepted", accepted.promise, SOON);
      client.abort();
      server.abort();
      await listener.close();
      assert.deepEqual(errors, []);
      assert.deepEqual(seen, [LOOPBACK]);
    });
  });

  describe("every connection", { skip: real ? false : "has no such settings there" }, () => {
    it("has TCP keepalive on", { skip: process.platform === "linux" ? false : "no list of timers" }, () =>
      withPair(runtime, async ({ client, server }) => {
        await keptAlive(client, "the connecting side");
        await keptAlive(server, "the accepting side");
      }),
    );

    it("has TCP keepalive on after the time that it was given", {
      skip: process.platform === "linux" && runtime.can.keepAliveTime ? false : "that time cannot be given or read",
    }, async () => {
      const accepted = deferred<Connection>();
      const listener = await runtime.listen({ host: LOOPBACK, port: 0, keepAlive: 300_000 }, accepted.resolve);
      const client = await runtime.connect({ to: listener.address, keepAlive: 40_000 });
      const server = await within("being accepted", accepted.promise);
      // Ten probes a second apart come after that.
      await keptAliveAfter(client, [25_000, 30_500]);
      await keptAliveAfter(server, [285_000, 290_500]);
      client.abort();
      server.abort();
      await listener.close();
    });

    it("has Nagle's algorithm off", () =>
      withPair(runtime, async ({ client, server }) => {
        for (const [who, reader, writer] of [
          ["accepting", client, server],
          ["connecting", server, client],
        ] as const) {
          const ms = await shortestRound(reader, writer);
          assert.ok(ms < HINDERED, `the ${who} side holds small writes back: ${ms} ms`);
        }
      }));
  });
}
