/** 200 MiB each way with a reader that is slower than its writer: every byte arrives, and the balancer keeps none of it. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { after, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Balancer, startBalancer, startReporter } from "../support/cluster.ts";
import { readPattern, sendPattern } from "../support/pattern.ts";
import { dial, endServers, serve } from "../support/peers.ts";
import { endPrograms } from "../support/program.ts";
import { lines, send } from "../support/stream.ts";
import { within } from "../support/wait.ts";

const TOTAL = 200 * 1024 * 1024;
// A reader that stops this often, for this long, takes over a second in which its writer could have sent everything.
const PAUSE_EVERY = 10 * 1024 * 1024;
const PAUSE_MS = 60;
const PATIENCE_MS = 60_000;
// What garbage the runtime leaves between collections, and socket buffers; far below the 200 MiB of a balancer that buffers.
const GROWTH_BOUND = 96 * 1024 * 1024;

after(async () => {
  await endPrograms();
  await endServers();
});

/** Stops reading for a moment every PAUSE_EVERY bytes. */
function slowly(): (received: number) => Promise<void> {
  let next = PAUSE_EVERY;
  return async (received) => {
    if (received < next) return;
    next = received + PAUSE_EVERY;
    await delay(PAUSE_MS);
  };
}

/** Resident memory in bytes; undefined where there is no /proc. */
function residentMemory({ program }: Balancer): number | undefined {
  const file = `/proc/${program.pid}/status`;
  if (!existsSync(file)) return undefined;
  return Number(/VmRSS:\s*(\d+) kB/.exec(readFileSync(file, "utf8"))![1]) * 1024;
}

/** Runs a transfer and returns by how much the balancer's memory rose at most above what it was before. */
async function growthDuring(balancer: Balancer, transfer: Promise<unknown>): Promise<number> {
  const before = residentMemory(balancer);
  if (before === undefined) {
    await transfer;
    return 0;
  }
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, residentMemory(balancer)! - before);
  }, 50);
  try {
    await transfer;
  } finally {
    clearInterval(timer);
  }
  return most;
}

describe("200 MiB", () => {
  it("download by a slow reader", async () => {
    const server = await serve(async (connection) => {
      // Asked first: the balancer's look at a new target says nothing, and would not read 200 MiB.
      if ((await lines(connection)()) !== null) await sendPattern(connection, TOTAL);
    });
    const balancer = await startBalancer();
    await startReporter(balancer, server.port);
    const connection = await dial(balancer.port);
    await send(connection, "go\n");
    const reading = readPattern(connection, slowly());
    const growth = await growthDuring(balancer, within("the download", reading, PATIENCE_MS));
    assert.equal(await reading, TOTAL);
    assert.ok(growth < GROWTH_BOUND, `the balancer grew by ${growth} bytes`);
    assert.deepEqual(server.errors, []);
    await connection.close();
  });

  it("upload to a slow reader", async () => {
    const server = await serve(async (connection) => {
      await send(connection, `received ${await readPattern(connection, slowly())}\n`);
    });
    const balancer = await startBalancer();
    await startReporter(balancer, server.port);
    const connection = await dial(balancer.port);
    const next = lines(connection);
    const sending = sendPattern(connection, TOTAL).then(() => connection.closeWrite());
    const growth = await growthDuring(balancer, within("the upload", sending, PATIENCE_MS));
    assert.equal(await within("the receipt", next(), PATIENCE_MS), `received ${TOTAL}`);
    assert.ok(growth < GROWTH_BOUND, `the balancer grew by ${growth} bytes`);
    assert.deepEqual(server.errors, []);
    await connection.close();
  });
});
