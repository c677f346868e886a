/**
 * Wakes the workers when the process exits: Node joins its threads then, and would wait without end for one that sleeps in the
 * kernel. One listener for the workers of all engines in the process, since runtimes warn of many listeners for one event; that
 * is why it is no part of an engine or of a worker's handle.
 */

interface Crashable {
  crash(): void;
}

const running = new Set<Crashable>();

function crashAll(): void {
  for (const worker of running) worker.crash();
}

/** From the worker's first start on. */
export function crashAtExit(worker: Crashable): void {
  if (running.size === 0) process.on("exit", crashAll);
  running.add(worker);
}

/** The worker has ended, and will not be started again. */
export function leaveAtExit(worker: Crashable): void {
  if (running.delete(worker) && running.size === 0) process.off("exit", crashAll);
}
