/**
 * The threads of a simulated process: the main thread and any number of workers take turns in one, in an order that the seed
 * decides. A worker may be interrupted at each of its system calls, and before and after each of its operations on the pool, by
 * another thread's turn, and may die there.
 */
import type { Mailbox } from "../../../../src/engines/linux/shared/mailbox.ts";
import type { CallName } from "../../../../src/engines/linux/sys/libc.ts";
import type { WorkerData } from "../../../../src/engines/linux/worker/shard.ts";
import type { Threads } from "../../../../src/engines/linux/worker/thread.ts";
import type { Cancel, Clock } from "../../../../src/util/clock.ts";
import type { SimulatedKernel } from "../../../support/kernel/kernel.ts";
import { Random } from "../../../support/kernel/random.ts";
import { Wire } from "../../../support/kernel/tcp/wire.ts";
import { isInPool, withPoolPoints } from "./pool-points.ts";
import { SimulatedThread } from "./simulated-thread.ts";

export interface SchedulerOptions {
  /** ms of virtual time that a worker's turn takes at most. 0: none. */
  readonly turnMs?: number;
  /** ms that a message to the main thread takes at most. */
  readonly messageMs?: number;
  /** Probability, per system call and per point of the pool, that something else happens in the middle of the turn that makes it. */
  readonly preemption?: number;
}

/** Turns within turns. */
const MOST_NESTED = 3;
/** Steps without time passing that are taken for a loop without end. */
const MOST_AT_ONCE = 300_000;
/** Rounds of promises that a step of the main thread may need. */
const MICROTASKS = 24;

export class Scheduler implements Threads {
  readonly kernel: SimulatedKernel;
  /** Living and dead, in the order of their start. */
  readonly threads: SimulatedThread[] = [];
  /** The engine's clock: its tasks run in the main thread. */
  readonly mainClock: Clock;
  /** Errors that have ended a thread though no test asked for it. */
  readonly deaths: unknown[] = [];
  /** After each step that is not within another: for what must hold at any time. */
  onStep: () => void = () => undefined;
  #lastTime = 0;
  #stepsAtOnce = 0;
  readonly #options: Required<SchedulerOptions>;
  readonly #random: Random;
  /** Threads in the middle of something, the innermost last. None is entered twice. */
  readonly #running: (SimulatedThread | "main")[] = [];
  /** What came up for the main thread while it was busy. */
  readonly #mainTasks: (() => void)[] = [];
  readonly #atPoolPoint = () => this.#atPoint("pool");

  constructor(kernel: SimulatedKernel, options: SchedulerOptions) {
    this.kernel = kernel;
    this.#random = new Random(kernel.seed ^ 0x5eed);
    this.#options = { turnMs: 0, messageMs: 0, preemption: 0, ...options };
    kernel.beforeCall = (name) => {
      if (!isInPool()) this.#atPoint(name); // Pool.onMove makes calls with the lock held
    };
    this.mainClock = {
      now: () => kernel.clock.now(),
      after: (ms, run) => this.#afterInMain(ms, run),
    };
  }

  // What the engine asks of its threads.

  start(data: WorkerData): SimulatedThread {
    const { clock } = this.kernel;
    const toMain = new Wire(clock, () => this.#random.unit() * this.#options.messageMs);
    const thread = new SimulatedThread(this, data, toMain);
    this.threads.push(thread);
    return thread;
  }

  waitFor(mailbox: Mailbox, state: number, ms: number): void {
    const end = this.kernel.clock.now() + ms;
    while (mailbox.state < state) {
      if (this.step()) continue;
      if (this.#next() > end) break;
      this.kernel.clock.moveTo(this.#next());
    }
  }

  // What a thread asks of it.

  /** ms that a turn takes. */
  turnMs(): number {
    return this.#random.unit() * this.#options.turnMs;
  }

  run(thread: SimulatedThread, turn: () => void): void {
    this.#running.push(thread);
    try {
      withPoolPoints(this.#atPoolPoint, turn);
    } finally {
      this.#running.pop();
    }
  }

  // What a test does.

  /** Something that the main thread does. */
  asMain<T>(run: () => T): T {
    this.#running.push("main");
    try {
      return run();
    } finally {
      this.#running.pop();
      if (!this.#mainBusy) {
        for (let task = this.#mainTasks.shift(); task !== undefined; task = this.#mainTasks.shift()) this.asMain(task);
      }
    }
  }

  /** Makes a task of it that waits until the main thread is free. */
  inMain(run: () => void): () => void {
    return () => {
      if (this.#mainBusy) this.#mainTasks.push(run);
      else this.asMain(run);
    };
  }

  /** One thing that happens: a packet arrives, a peer acts, a worker has a turn. False: there is nothing to do at this time. */
  step(): boolean {
    if (!this.#stepAnything()) return false;
    const now = this.kernel.clock.now();
    if (now !== this.#lastTime) this.#stepsAtOnce = 0;
    this.#lastTime = now;
    if (++this.#stepsAtOnce > MOST_AT_ONCE) throw new Error("the threads are busy without end, and no time passes");
    this.onStep();
    return true;
  }

  /** Does what there is to do without time passing. */
  settle(): void {
    while (this.step());
  }

  /** Moves the time on to when there is something to do; there must be nothing at this time. */
  skip(): void {
    this.kernel.clock.moveTo(this.#next());
  }

  /** Lets `ms` pass. */
  pass(ms: number): void {
    const end = this.kernel.clock.now() + ms;
    for (;;) {
      this.settle();
      const next = this.#next();
      if (next > end) break;
      this.kernel.clock.moveTo(next);
    }
    this.kernel.clock.moveTo(end);
  }

  /** Lets time pass until the main thread has what it waits for. Throws when nothing would ever bring it about. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const noticed = promise.finally(() => {
      settled = true;
    });
    noticed.catch(() => undefined);
    for (;;) {
      for (let i = 0; i < MICROTASKS && !settled; i++) await Promise.resolve();
      if (settled) return noticed;
      if (this.step()) continue;
      if (this.#next() === Number.POSITIVE_INFINITY)
        throw new Error("the main thread waits for what will never happen");
      this.kernel.clock.moveTo(this.#next());
    }
  }

  get living(): readonly SimulatedThread[] {
    return this.threads.filter(({ ended }) => !ended);
  }

  get #mainBusy(): boolean {
    return this.#running.includes("main");
  }

  /** When there will be something to do; Infinity: never. */
  #next(): number {
    let next = this.kernel.clock.next;
    for (const thread of this.threads) next = Math.min(next, thread.wakesAt);
    return next;
  }

  #stepAnything(): boolean {
    const { clock } = this.kernel;
    const now = clock.now();
    // Each of the choices takes the place of those before it as often as makes all equally likely.
    let choices = 0;
    let chosen: SimulatedThread | null = null;
    if (clock.next <= now) choices++;
    for (const thread of this.threads) {
      if (thread.wakesAt > now || this.#running.includes(thread)) continue;
      if (++choices === 1 || this.#random.below(choices) === 0) chosen = thread;
    }
    if (choices === 0) return false;
    if (chosen !== null) chosen.turn();
    else clock.step();
    return true;
  }

  #atPoint(name: CallName | "pool"): void {
    const running = this.#running.at(-1);
    if (running instanceof SimulatedThread) running.atPoint(name);
    if (this.#running.length < MOST_NESTED && this.#random.chance(this.#options.preemption)) this.#stepAnything();
  }

  #afterInMain(ms: number, run: () => void): Cancel {
    let cancelled = false;
    const task = this.inMain(() => {
      if (!cancelled) run();
    });
    const cancel = this.kernel.clock.after(ms, task);
    return () => {
      cancelled = true;
      cancel();
    };
  }
}
