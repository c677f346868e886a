/**
 * Wakes the workers when the process exits: Node joins its threads then, and would wait for ever for one that sleeps in the
 * kernel. One listener for all engines, since runtimes warn of many listeners for one event.
 */

interface Crashable {
  crash(): void;
}

const living = new Set<Crashable>();

function stopAll(): void {
  for (const host of living) host.crash();
}

/** From the worker's first start to its end. */
export function stopAtExit(host: Crashable): void {
  if (living.size === 0) process.on("exit", stopAll);
  living.add(host);
}

export function hasEnded(host: Crashable): void {
  if (living.delete(host) && living.size === 0) process.off("exit", stopAll);
}
