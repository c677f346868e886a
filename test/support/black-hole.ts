import { Worker } from "node:worker_threads";
import { runtime as native } from "#runtime";
import type { Connection, Runtime, TcpAddress } from "../../src/net/runtime.ts";
import { LOOPBACK } from "./ports.ts";
import { until } from "./wait.ts";

/** Indices of the words shared with the thread. */
const PORT = 0;
const OPEN = 1;

/**
 * Listens with the shortest backlog, tells its port, and blocks its thread before anything can be accepted. As text, so that
 * compiled test programs have it, too.
 */
const THREAD = `
  const { workerData: { shared, port } } = require("node:worker_threads");
  const { createServer } = require("node:net");
  const server = createServer((socket) => socket.destroy());
  server.listen({ host: "${LOOPBACK}", port, backlog: 1 }, () => {
    Atomics.store(shared, ${PORT}, server.address().port);
    Atomics.wait(shared, ${OPEN}, 0);
  });
`;

/** ms after which a connect on loopback counts as unanswered. */
const SILENCE_MS = 250;

/** Listens and never accepts, its backlog filled up: the kernel drops each further SYN, so that connecting is not answered. */
export interface BlackHole {
  readonly address: TcpAddress;
  /** From now on it accepts and ends every connection at once, those that were waiting included. */
  open(): void;
  close(): Promise<void>;
}

/** `runtime` fills the backlog: some treat an address differently once it has answered. `wanted` is a port, 0 any free one. */
export async function openBlackHole(runtime: Runtime = native, wanted = 0): Promise<BlackHole> {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(THREAD, { eval: true, workerData: { shared, port: wanted } });
  const port = await until("the black hole's port", () => Atomics.load(shared, PORT) || null);
  const address = { host: LOOPBACK, port };
  const fillers = await fill(runtime, address);
  const open = (): void => {
    Atomics.store(shared, OPEN, 1);
    Atomics.notify(shared, OPEN);
  };
  return {
    address,
    open,
    async close() {
      for (const filler of fillers) filler.abort();
      open(); // not every runtime can end a thread that is blocked
      await worker.terminate();
    },
  };
}

async function fill(runtime: Runtime, to: TcpAddress): Promise<Connection[]> {
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
