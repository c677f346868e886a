/** Starting a worker thread from whatever form this program has: source, npm package, bundle or compiled file. */
import { Worker } from "node:worker_threads";
import type { WorkerData } from "./worker.ts";

/** The worker's module beside this one: TypeScript from source, JavaScript once built. */
function workerModule(): URL {
  return new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);
}

export function startThread(data: WorkerData): Worker {
  return new Worker(workerModule(), { workerData: data });
}
