/** What a pool consists of in one thread: the arrays over the shared memory, and the objects that work on them. */
import type { Pickers } from "./algorithms/algorithm.ts";
import { Choice } from "./choice.ts";
import { BACKUP, OPEN } from "./header.ts";
import type { PoolLayout } from "./layout.ts";
import type { Lock } from "./lock.ts";
import { pickersOf } from "./memory.ts";
import { Queue } from "./queue.ts";
import { Rows } from "./rows.ts";
import { Bindings } from "./sticky.ts";
import type { PoolHandle } from "./types.ts";

/** The worker number of the creator's thread. */
export const CREATOR = 0;

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

  /** `before`: the parts that these follow, of the same thread. */
  constructor(handle: PoolHandle, layout: PoolLayout, worker: number, lock: Lock, before: PoolParts | null) {
    const { maxBindings, persistent, queue, seed } = handle.options;
    this.handle = handle;
    this.layout = layout;
    this.lock = lock;
    // Pickers know things that are not in their memory, and read nothing that moves without it.
    const same = before !== null && before.handle.memory.pickers === handle.memory.pickers;
    this.pickers = same ? before.pickers : createPickers(handle, layout, worker === CREATOR ? lock : null);
    this.rows = new Rows(layout, this.pickers, worker);
    this.queue = new Queue(layout, worker, queue);
    this.bindings = persistent === null ? null : new Bindings(layout, persistent, maxBindings, seed);
    this.choice = new Choice(this);
    if (before !== null) this.choice.sawRoom = before.choice.sawRoom;
  }

  /** Takes back what a dead worker held, and derives anew what it may have left half done. With the lock held. */
  repair(dead: number): void {
    this.rows.repair(dead);
    this.queue.repair(dead);
    this.bindings?.repair();
  }
}

function createPickers(handle: PoolHandle, layout: PoolLayout, lock: Lock | null): Pickers {
  const { algorithm, own } = pickersOf(handle);
  const picker = (takes: number, memory: unknown) =>
    algorithm.create({ layout, takes, seed: handle.options.seed, lock }, memory as never);
  return [picker(OPEN, own[0]), picker(BACKUP, own[1])];
}
