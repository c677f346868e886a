/**
 * The data plane for Linux: epoll loops in worker threads, which make their system calls straight from TypeScript. This is the
 * main thread's part; it accepts nothing and moves nothing, so it stays free however busy the workers are.
 */
import { availableParallelism } from "node:os";
import { openLibc } from "#ffi";
import { runtime as native } from "#runtime";
import { netError } from "../../../net/net-error.ts";
import type { Runtime, TcpAddress } from "../../../net/runtime.ts";
import { lifecycleOptions } from "../../../proxy/options.ts";
import type { CloseRecord } from "../../../proxy/record.ts";
import type { UnavailableHandler } from "../../../proxy/unavailable.ts";
import { type Clock, systemClock } from "../../../util/clock.ts";
import { messageOf } from "../../../util/errors.ts";
import { PER_EPISODE, RateLimitedLog, type WarningLog } from "../../../util/rate-limited-log.ts";
import type { Engine, EngineFactory, EngineOptions } from "../../engine.ts";
import { bindAfterPredecessor, RELEASE_MS } from "../../predecessor.ts";
import { STOPPED_ACCEPTING } from "../shared/mailbox.ts";
import type { Libc } from "../sys/libc.ts";
import { selfTest } from "../sys/self-test.ts";
import { type Threads, threadMissing, workerThreads } from "../worker/thread.ts";
import { type Capacity, checkCapacity, claimCapacity } from "./capacity.ts";
import { HandlerBridge } from "./handler-bridge.ts";
import { type BoundAddress, bind } from "./listeners.ts";
import { RecordReader } from "./records.ts";
import { dropSyns } from "./syn-filter.ts";
import { WorkerHandle } from "./worker-handle.ts";

/** ms for which close() may block its thread until the workers have stopped accepting: they take far less unless the machine is overloaded. */
const STOP_MS = 100;

export class LinuxEngine implements Engine {
  readonly name = "linux";
  readonly #options: EngineOptions;
  readonly #libc: Libc;
  readonly #threads: Threads;
  readonly #clock: Clock;
  readonly #runtime: Runtime;
  readonly #warnings: WarningLog;
  #bound: BoundAddress[] = [];
  readonly #workers: WorkerHandle[] = [];
  readonly #reader: RecordReader;
  #bridge: HandlerBridge | null = null;
  #listenersClosed = false;
  /** Once it closes: its listeners take no SYN. */
  #synsDropped: boolean | null = null;
  #starting: Promise<void> | null = null;
  #closing: Promise<void> | null = null;
  /** The shortest time that `close()` was given. */
  #timeout = Number.POSITIVE_INFINITY;

  /** `threads`, `clock` and `runtime` are others in a simulation only. */
  constructor(
    options: EngineOptions,
    libc: Libc,
    threads: Threads = workerThreads,
    clock: Clock = systemClock,
    runtime: Runtime = native,
  ) {
    this.#options = options;
    this.#libc = libc;
    this.#threads = threads;
    this.#clock = clock;
    this.#runtime = runtime;
    this.#warnings = new RateLimitedLog(PER_EPISODE, clock, options.onWarning);
    this.#reader = new RecordReader(this.#workers, clock, (record) => this.#report(record));
  }

  get addresses(): readonly TcpAddress[] {
    return this.#bound.length === 0 ? this.#options.listen : this.#bound.map(({ address }) => address);
  }

  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** Waiters whose turn has come go on in their own threads. */
  poolChanged(): void {
    const { pool } = this.#options;
    pool.settle();
    const grant = pool.grant();
    if (grant !== null) this.#workers[grant.worker - 1]!.wakeAnyway();
  }

  close(timeout: number): Promise<void> {
    this.#timeout = Math.min(this.#timeout, timeout);
    if (this.#bound.length > 0) this.#stop();
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** For tests: each worker's open connections; -1: it takes none now. */
  get shares(): readonly number[] {
    return this.#workers.map(({ mailbox }) => mailbox.inbox.told);
  }

  /** For tests: one worker dies. */
  crashWorker(index: number): void {
    this.#workers[index]!.crash();
  }

  async #start(): Promise<void> {
    const count = this.#options.threads || availableParallelism();
    const capacity = claimCapacity(this.#libc, count, this.#options.reserve);
    const bound: BoundAddress[] = [];
    try {
      for (const wanted of this.#options.listen) {
        const bindIt = () => bind(this.#libc, wanted, count, this.#options.keepalive);
        bound.push(await bindAfterPredecessor(this.#clock, bindIt));
      }
      await this.#startWorkers(count, capacity, bound);
      checkCapacity(this.#libc, capacity);
    } catch (error) {
      await this.#abandon(bound);
      throw error;
    }
    this.#bound = bound;
  }

  async #startWorkers(count: number, capacity: Capacity, bound: readonly BoundAddress[]): Promise<void> {
    const { pool, unavailable } = this.#options;
    const handler = typeof unavailable === "function" ? await this.#openBridge(unavailable, bound) : null;
    const parts = {
      libc: this.#libc,
      clock: this.#clock,
      threads: this.#threads,
      pool,
      slots: capacity.slots,
      options: {
        ...lifecycleOptions(this.#options),
        text: unavailable instanceof Uint8Array ? unavailable : null,
        handler,
        keepalive: this.#options.keepalive,
        descriptorCeiling: capacity.descriptorCeiling,
        dialCeiling: capacity.dialCeiling,
      },
      onNotice: () => this.#reader.read(),
      onRecord: (record: CloseRecord) => this.#report(record),
      onWarning: (kind: string, message: string, cause?: unknown) => {
        if (kind === "worker") this.#options.onWarning(message, cause);
        else this.#warnings.tell(kind, message, cause);
      },
      onRecovered: () => this.poolChanged(),
    };
    for (let i = 0; i < count; i++) {
      const listeners = bound.map(({ descriptors }) => descriptors[i]!);
      this.#workers.push(new WorkerHandle(i + 1, listeners, parts));
    }
    await Promise.all(this.#workers.map((worker) => worker.start(this.#workers)));
  }

  async #openBridge(handler: UnavailableHandler, bound: readonly BoundAddress[]) {
    this.#bridge = new HandlerBridge({
      runtime: this.#runtime,
      clock: this.#clock,
      handler,
      pool: this.#options.pool,
      options: this.#options,
      local: () => bound[0]!.address,
      drop: (worker, ticket) => this.#workers[worker - 1]?.drop(ticket),
      warn: (message, cause) => this.#warnings.tell("handler", message, cause),
    });
    return { port: await this.#bridge.open(), secret: this.#bridge.secret };
  }

  /** Undoes a start that has failed. */
  async #abandon(bound: readonly BoundAddress[]): Promise<void> {
    for (const worker of this.#workers) worker.close(0);
    await Promise.all(this.#workers.map((worker) => worker.done));
    for (const worker of this.#workers.splice(0)) worker.release();
    await this.#bridge?.close();
    this.#closeListeners(bound);
  }

  /**
   * No handshake begins, the workers take what is connected already and what is about to be, and only then are the listeners
   * closed, which resets all that they still hold. So a stop with nothing to do takes RELEASE_MS as well. Where SYNs cannot be kept
   * out, waiting would gain nothing: more would come.
   *
   * If there is no time, or no use in waiting, the listeners are closed before `close()` returns. This thread may wait for that,
   * since the workers wake within microseconds. If one is slower, it is left for later.
   */
  #stop(): void {
    this.#synsDropped ??= dropSyns(
      this.#libc,
      this.#bound.flatMap(({ descriptors }) => descriptors),
    );
    const acceptWithin = this.#synsDropped ? Math.min(this.#timeout, RELEASE_MS) : 0;
    for (const worker of this.#workers) worker.close(this.#timeout, acceptWithin);
    if (acceptWithin > 0) return;
    const deadline = this.#clock.now() + STOP_MS;
    for (const { mailbox } of this.#workers) {
      this.#threads.waitFor(mailbox, STOPPED_ACCEPTING, deadline - this.#clock.now());
    }
    if (this.#workers.every(({ mailbox }) => mailbox.state >= STOPPED_ACCEPTING)) this.#closeListeners(this.#bound);
  }

  #closeListeners(bound: readonly BoundAddress[]): void {
    if (this.#listenersClosed) return;
    this.#listenersClosed = true;
    for (const { descriptors } of bound) for (const fd of descriptors) this.#libc.close(fd);
  }

  async #close(): Promise<void> {
    // The caller of a start that fails has its error, and nothing is left open.
    await this.#starting?.catch(() => undefined);
    if (this.#workers.length === 0) return;
    this.#stop();
    await Promise.all(this.#workers.map((worker) => worker.stopped));
    this.#closeListeners(this.#bound);
    await Promise.all(this.#workers.map((worker) => worker.done));
    for (const worker of this.#workers) worker.release();
    this.#reader.stop();
    await this.#bridge?.close();
  }

  #report(record: CloseRecord): void {
    try {
      this.#options.onClose(record);
    } catch (error) {
      this.#warnings.tell("records", `the listener for close records threw: ${messageOf(error)}`, error);
    }
  }
}

/** Null when this process cannot have the engine at all; else its C library. */
function library(): Libc | string {
  if (process.platform !== "linux") return `it needs Linux, and this is ${process.platform}`;
  try {
    return openLibc() ?? "this runtime has no foreign functions (Node: version 26 or newer, with --experimental-ffi)";
  } catch (error) {
    return `the C library cannot be called: ${messageOf(error)}`;
  }
}

export const linux: EngineFactory = {
  name: "linux",
  async test() {
    const libc = library();
    return typeof libc === "string" ? libc : (threadMissing() ?? selfTest(libc, process.arch));
  },
  create(options) {
    const libc = library();
    if (typeof libc === "string") throw netError("EINVAL", `the linux engine cannot run: ${libc}`);
    return new LinuxEngine(options, libc);
  },
};
