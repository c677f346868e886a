/** What a pool consists of in one thread: the arrays over the shared memory, and the objects that work on them. */
import type { Pickers } from "./algorithms/algorithm.ts";
import { findAlgorithm } from "./algorithms/index.ts";
import { Choice } from "./choice.ts";
import { Cutter } from "./cutter.ts";
import { BACKUP, CONCURRENCY, OPEN } from "./header.ts";
import { layOut, type PoolLayout } from "./layout.ts";
import { Lock } from "./lock.ts";
import type { PoolOptions } from "./options.ts";
import { Queue } from "./queue.ts";
import { Rows } from "./rows.ts";
import { Bindings } from "./sticky.ts";
import type { PoolHandle } from "./types.ts";

/** The worker number of the creator's thread. */
export const CREATOR = 0;

/** The memory of a new pool. It starts as zeros: see PoolParts.clear(). */
export function allocate(options: Required<PoolOptions>): SharedArrayBuffer {
  const cutter = new Cutter(null);
  cut(cutter, options);
  return new SharedArrayBuffer(cutter.offset);
}

/** The arrays that all algorithms know, then the algorithm's own, twice: backups have a picker of theirs. */
function cut(cutter: Cutter, options: Required<PoolOptions>) {
  const algorithm = findAlgorithm(options.algorithm)!; // completeOptions() has found it
  const layout = layOut(cutter, options);
  return {
    algorithm,
    layout,
    own: [algorithm.memory(cutter, layout.rows), algorithm.memory(cutter, layout.rows)] as const,
  };
}

export class PoolParts {
  readonly handle: PoolHandle;
  readonly layout: PoolLayout;
  readonly lock: Lock;
  readonly pickers: Pickers;
  readonly rows: Rows;
  readonly queue: Queue;
  /** Null: persistence is off. */
  readonly bindings: Bindings | null;
  readonly choice: Choice;

  constructor(handle: PoolHandle, worker: number) {
    const { maxBindings, persistent, queue, seed } = handle.options;
    const { algorithm, layout, own } = cut(new Cutter(handle.buffer), handle.options);
    const isCreator = worker === CREATOR;
    this.handle = handle;
    this.layout = layout;
    this.lock = new Lock(layout.header, worker, isCreator ? (dead) => this.repair(dead) : null);
    const context = { layout, seed, lock: isCreator ? this.lock : null };
    const picker = (takes: number, memory: unknown) => algorithm.create({ ...context, takes }, memory as never);
    this.pickers = [picker(OPEN, own[0]), picker(BACKUP, own[1])];
    this.rows = new Rows(layout, this.pickers, worker);
    this.queue = new Queue(layout, worker, queue);
    this.bindings = persistent === null ? null : new Bindings(layout, persistent, maxBindings, seed);
    this.choice = new Choice(this);
  }

  /** For the creator, once: what is not to start as zeros. */
  clear(): void {
    this.layout.header[CONCURRENCY] = this.handle.options.concurrency;
    this.rows.clear();
    this.queue.clear();
    this.bindings?.clear();
    for (const picker of this.pickers) picker.clear();
  }

  /** Takes back what a dead worker held, and derives anew what it may have left half done. With the lock held. */
  repair(dead: number): void {
    this.rows.repair(dead);
    this.queue.repair(dead);
    this.bindings?.repair();
  }
}
