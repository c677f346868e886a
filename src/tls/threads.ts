/** The TLS threads of a process, from the main thread: started when there is something to do, replaced when they die. */
import type { Worker } from "node:worker_threads";
import { NetError, netError } from "../net/net-error.ts";
import type { Address } from "../net/runtime.ts";
import { type Clock, pass } from "../util/clock.ts";
import { type Deferred, deferred } from "../util/deferred.ts";
import { messageOf } from "../util/errors.ts";
import type { Order, PostedOrder, ThreadMessage } from "./orders.ts";
import { startThread } from "./worker/start.ts";

/** ms before a thread that died is started again: a fault that repeats must not become a busy loop. */
const RESTART_MS = 1_000;

export interface ThreadsOptions {
  readonly count: number;
  /** That all of them may have together; asked whenever one is started. */
  readonly clients: () => number;
  readonly clock: Clock;
  /** What a thread that takes another one's place begins with. */
  readonly present: (thread: number) => readonly Order[];
  /** One has died. */
  readonly onDeath: (thread: number) => void;
  readonly onWarning: (message: string, cause?: unknown) => void;
}

export class TlsThreads {
  readonly #options: ThreadsOptions;
  readonly #handles: ThreadHandle[] = [];

  constructor(options: ThreadsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#options.count;
  }

  /** Has them run. Rejects where one cannot. */
  async start(): Promise<void> {
    while (this.#handles.length < this.count) {
      this.#handles.push(new ThreadHandle(this.#handles.length, this.#options));
    }
    await Promise.all(this.#handles.map((handle) => handle.running));
  }

  /** Gives where it listens now, if it was ordered to. Rejects with NetError. null: it has died, and its successor begins so. */
  order(thread: number, order: Order): Promise<Address | null> {
    return this.#handles[thread]!.order(order);
  }

  /** To all that run. */
  async orderAll(order: Order): Promise<void> {
    await Promise.all(this.#handles.map((handle) => handle.order(order)));
  }

  async end(): Promise<void> {
    await Promise.all(this.#handles.splice(0).map((handle) => handle.end()));
  }

  /** One of them dies, as if by a fault: for tests. */
  crash(thread: number): void {
    this.#handles[thread]!.crash();
  }
}

class ThreadHandle {
  readonly #index: number;
  readonly #options: ThreadsOptions;
  readonly #orders = new Map<number, Deferred<Address | null>>();
  readonly #running = deferred<void>();
  #worker: Worker | null = null;
  #serials = 0;
  #isEnding = false;

  constructor(index: number, options: ThreadsOptions) {
    this.#index = index;
    this.#options = options;
    this.#spawn();
  }

  get running(): Promise<void> {
    return this.#running.promise;
  }

  order(order: Order): Promise<Address | null> {
    if (this.#worker === null) return Promise.resolve(null);
    const serial = ++this.#serials;
    const answer = deferred<Address | null>();
    this.#orders.set(serial, answer);
    this.#worker.postMessage({ serial, order } satisfies PostedOrder);
    return answer.promise;
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#worker?.terminate();
  }

  crash(): void {
    void this.#worker?.terminate();
  }

  #spawn(): void {
    const { clients, count } = this.#options;
    const worker = startThread({
      index: this.#index,
      threads: count,
      clients: Math.max(1, Math.floor(clients() / count)),
    });
    this.#worker = worker;
    worker.on("message", (message: ThreadMessage) => {
      if (worker === this.#worker) this.#onMessage(message);
    });
    worker.on("error", (error) => this.#onGone(worker, error));
    worker.on("exit", () => this.#onGone(worker, null));
  }

  #onMessage(message: ThreadMessage): void {
    if (message.type === "running") {
      this.#running.resolve();
    } else if (message.type === "warning") {
      this.#options.onWarning(message.message);
    } else {
      const answer = this.#orders.get(message.serial);
      this.#orders.delete(message.serial);
      if (message.type === "done") answer?.resolve(message.address);
      else answer?.reject(new NetError(message.code, message.message));
    }
  }

  #onGone(worker: Worker, error: unknown): void {
    if (worker !== this.#worker) return;
    this.#worker = null;
    this.#running.reject(netError("EUNKNOWN", "a TLS thread does not start", error ?? undefined));
    this.#running.promise.catch(() => undefined);
    for (const answer of this.#orders.values()) answer.resolve(null);
    this.#orders.clear();
    if (this.#isEnding) return;
    this.#options.onDeath(this.#index);
    const why = error === null ? "it has ended" : messageOf(error);
    this.#options.onWarning(
      `a TLS thread has died, with its connections, and is started again: ${why}`,
      error ?? undefined,
    );
    void this.#replace();
  }

  async #replace(): Promise<void> {
    const { clock, onWarning, present } = this.#options;
    await pass(clock, RESTART_MS);
    if (this.#isEnding) return;
    this.#spawn();
    for (const order of present(this.#index)) {
      this.order(order).catch((error: unknown) =>
        onWarning("a TLS thread that was started again lacks something", error),
      );
    }
  }
}
