/**
 * Wakes the workers when the process exits: Node joins its threads then, and would wait for ever for one that sleeps in the
 * kernel. One listener for all engines, since runtimes warn of many listeners for one event.
 */

interface Crashable {
  crash(): void;
}

const living = new Set<Crashable>();

function stopAll(): void {
  for (const worker of living) worker.crash();
}

/** From the worker's first start to its end. */
export function stopAtExit(worker: Crashable): void {
  if (living.size === 0) process.on("exit", stopAll);
  living.add(worker);
}

export function hasEnded(worker: Crashable): void {
  if (living.delete(worker) && living.size === 0) process.off("exit", stopAll);
}
