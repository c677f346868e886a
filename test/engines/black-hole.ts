import { Worker } from "node:worker_threads";
import { runtime } from "#runtime";
import type { Connection, TcpAddress } from "../../src/net/runtime.ts";

/** Listens, tells its port, and then stops its thread before anything can be accepted. */
const NEVER_ACCEPTS = `
  const { workerData } = require("node:worker_threads");
  const flags = new Int32Array(workerData);
  const server = require("node:net").createServer().listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => {
    Atomics.store(flags, 0, server.address().port);
    Atomics.notify(flags, 0);
    Atomics.wait(flags, 1, 0, 60000);
    server.close();
  });
`;

/** ms after which a connect on loopback counts as unanswered. */
const SILENCE_MS = 250;

export interface BlackHole {
  readonly address: TcpAddress;
  close(): Promise<void>;
}

/** An address whose accept queue is full: the kernel drops each further SYN, so that a connect neither succeeds nor fails. */
export async function openBlackHole(): Promise<BlackHole> {
  const flags = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(NEVER_ACCEPTS, { eval: true, workerData: flags.buffer });
  const gone = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  const deadline = Date.now() + 10_000;
  while (Atomics.load(flags, 0) === 0) {
    if (Date.now() > deadline) throw new Error("the black hole's thread did not start");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const address = { host: "127.0.0.1", port: Atomics.load(flags, 0) };
  const fillers = await fill(address);
  return {
    address,
    async close() {
      for (const filler of fillers) filler.abort();
      Atomics.store(flags, 1, 1);
      Atomics.notify(flags, 1);
      const late = setTimeout(() => void worker.terminate(), 1_000);
      await gone;
      clearTimeout(late);
    },
  };
}

async function fill(to: TcpAddress): Promise<Connection[]> {
  const fillers: Connection[] = [];
  for (;;) {
    try {
      fillers.push(await runtime.connect({ to, signal: AbortSignal.timeout(SILENCE_MS) }));
    } catch (error) {
      if ((error as { code?: string }).code === "EABORTED") return fillers;
      throw error;
    }
  }
}
