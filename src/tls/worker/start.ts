/** Starting a TLS thread in any form of this program: source, npm package, bundle or compiled file. */
import { Worker } from "node:worker_threads";
import type { ThreadData } from "../orders.ts";

/** Where `bun build --compile` puts the thread's module, which the build names as a further entry (scripts/build/programs.ts). */
const COMPILED_BY_BUN = "file:///$bunfs/root/tls/worker/tls-thread.js";

export function startThread(data: ThreadData): Worker {
  return new Worker(threadModule(), { workerData: data });
}

function threadModule(): URL {
  // Bun's bytecode form keeps the source's path in import.meta.url, so only where the program lies tells.
  if (process.argv[1]?.startsWith("/$bunfs/")) return new URL(COMPILED_BY_BUN);
  // Beside this module: TypeScript in the source, JavaScript in the npm package; in Deno's form all are bundled into one folder.
  const ending = /\.\w+$/.exec(import.meta.url)![0];
  return new URL(`./tls-thread${ending}`, import.meta.url);
}
