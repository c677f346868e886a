/** What a pool consists of in one thread: the arrays over the shared memory, and the objects that work on them. */
import type { Pickers } from "./algorithms/algorithm.ts";
import { findAlgorithm } from "./algorithms/index.ts";
import { Choice } from "./choice.ts";
import { Ejection } from "./ejection.ts";
import { BACKUP, OPEN } from "./header.ts";
import type { PoolLayout } from "./layout.ts";
import type { Lock } from "./lock.ts";
import { pickersOf } from "./memory.ts";
import { Queue } from "./queue.ts";
import { Rows } from "./rows.ts";
import { Silence } from "./silence.ts";
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
  readonly ejection: Ejection;
  readonly silence: Silence;
  readonly queue: Queue;
  /** Null: persistence is off. */
  readonly bindings: Bindings | null;
  readonly choice: Choice;
  /** Somebody in here wants to be told of answers. */
  readonly observes: boolean;
  /** Threads are to look, now and then, whom the targets answer: see SharedPool.observe(). */
  readonly watches: boolean;

  /** `before`: the parts that these follow, of the same thread. */
  constructor(handle: PoolHandle, layout: PoolLayout, worker: number, lock: Lock, before: PoolParts | null) {
    const { algorithm, ejectAfter, hangDetection, maxBindings, panic, persistent, queue, seed } = handle.options;
    this.handle = handle;
    this.layout = layout;
    this.lock = lock;
    // Pickers know things that are not in their memory, and read nothing that moves without it.
    const same = before !== null && before.handle.memory.pickers === handle.memory.pickers;
    this.pickers = same ? before.pickers : createPickers(handle, layout, worker === CREATOR ? lock : null);
    this.rows = new Rows(layout, this.pickers, worker, panic);
    this.ejection = new Ejection(layout, this.rows, handle.options);
    this.silence = new Silence(layout, this.rows, this.ejection, hangDetection);
    this.queue = new Queue(layout, worker, queue);
    this.bindings = persistent === null ? null : new Bindings(layout, persistent, maxBindings, seed);
    this.choice = new Choice(this);
    this.observes = ejectAfter > 0 || (findAlgorithm(algorithm)!.wantsAnswers ?? false);
    this.watches = ejectAfter > 0 || hangDetection;
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
