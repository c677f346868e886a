/** Starting a worker thread in any form of this program: source, npm package, bundle or compiled file. */
import { existsSync } from "node:fs";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { Mailbox } from "../shared/mailbox.ts";
import type { PostedOrder } from "../shared/orders.ts";
import type { WorkerData, WorkerMessage } from "./shard.ts";

/** Where `bun build --compile` puts the worker's module, which the build names as a second entry (scripts/build/programs.ts). */
const COMPILED_BY_BUN = "file:///$bunfs/root/engines/linux/worker/worker.js";

/** A worker's thread as the main thread holds it. */
export interface Thread {
  on(event: "message", listener: (message: WorkerMessage) => void): unknown;
  on(event: "error", listener: (error: unknown) => void): unknown;
  on(event: "exit", listener: () => void): unknown;
  /** To be announced in its mailbox. */
  post(order: PostedOrder): void;
  terminate(): unknown;
}

/** How an engine gets its threads. A simulation has its own, which take turns in one. */
export interface Threads {
  start(data: WorkerData): Thread;
  /** Blocks the caller until the worker has come so far, or `ms` have passed. */
  waitFor(mailbox: Mailbox, state: number, ms: number): void;
}

export const workerThreads: Threads = {
  start: (data) => new WorkerThread(data),
  waitFor: (mailbox, state, ms) => mailbox.waitFor(state, ms),
};

/** A thread that never returns to its event loop gets no messages by itself; but it can look into a port of its own. */
class WorkerThread implements Thread {
  readonly #worker: Worker;
  readonly #orders: MessagePort;

  constructor(data: WorkerData) {
    const { port1, port2 } = new MessageChannel();
    this.#orders = port1;
    this.#worker = new Worker(workerModule(), { workerData: { data, orders: port2 }, transferList: [port2] });
  }

  on(event: "message" | "error" | "exit", listener: (value: never) => void): void {
    this.#worker.on(event, listener as (value: unknown) => void);
  }

  post(order: PostedOrder): void {
    this.#orders.postMessage(order);
  }

  terminate(): Promise<number> {
    this.#orders.close();
    return this.#worker.terminate();
  }
}

/** Null, or why there is no thread to start: a bundle of Harmony may lack the worker. */
export function threadMissing(): string | null {
  const module = workerModule();
  return existsSync(module) ? null : `this build lacks the module of its threads, ${module}`;
}

function workerModule(): URL {
  // Bun's bytecode form keeps the source's path in import.meta.url, so only where the program lies tells.
  if (process.argv[1]?.startsWith("/$bunfs/")) return new URL(COMPILED_BY_BUN);
  // Beside this module: TypeScript in the source, JavaScript in the npm package; in Deno's form both are bundled into one folder.
  const ending = /\.\w+$/.exec(import.meta.url)![0];
  return new URL(`./worker${ending}`, import.meta.url);
}
