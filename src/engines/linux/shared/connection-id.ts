/** What open connections are called: a number of the worker's, of the thread that it had then, of the slot, and of the client's end in it. */
import type { NamedSlot } from "./orders.ts";

/** Whose id it is. */
export interface NamedConnection {
  readonly worker: number;
  /** Threads that had the worker's number before. */
  readonly epoch: number;
  readonly at: NamedSlot;
}

export function connectionId(worker: number, epoch: number, slot: number, generation: number): string {
  return `${worker}.${epoch}.${slot}.${generation}`;
}

/** What is no id gives numbers that are nobody's. */
export function parseId(id: string): NamedConnection {
  const [worker = 0, epoch = 0, slot = 0, generation = 0] = id.split(".").map(Number);
  return { worker, epoch, at: [slot, generation] };
}
