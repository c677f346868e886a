/**
 * The data plane for Linux: epoll loops in worker threads, which make their system calls straight from TypeScript. This is the
 * main thread's part; it accepts nothing and moves nothing, so it stays free however busy the workers are.
 */
import { availableParallelism } from "node:os";
import { runtime as native } from "#runtime";
import { NetError } from "../../../net/net-error.ts";
import type { ListenAddress, Runtime } from "../../../net/runtime.ts";
import type { TargetSocketOptions } from "../../../net/socket-options.ts";
import type { Pool } from "../../../pool/pool.ts";
import type { OpenConnection } from "../../../proxy/open.ts";
import type { RemovalCause } from "../../../proxy/outcome.ts";
import type { CloseRecord } from "../../../proxy/record.ts";
import { type Clock, systemClock } from "../../../util/clock.ts";
import { messageOf } from "../../../util/errors.ts";
import { PER_EPISODE, RateLimitedLog, type WarningLog } from "../../../util/rate-limited-log.ts";
import type { BindOptions, Engine, EngineListener, EngineOptions, EngineThread, ServedPool } from "../../engine.ts";
import { bindAfterPredecessor, RELEASE_MS } from "../../predecessor.ts";
import { parseId } from "../shared/connection-id.ts";
import { STOPPED_ACCEPTING } from "../shared/mailbox.ts";
import { type Bridge, edgeOfService, type Order } from "../shared/orders.ts";
import type { Libc } from "../sys/libc.ts";
import { type Threads, workerThreads } from "../worker/thread.ts";
import { type Capacity, checkCapacity, claimCapacity } from "./capacity.ts";
import { Edges } from "./edges.ts";
import { HandlerBridge } from "./handler-bridge.ts";
import { LinuxListener, type ListenerHost } from "./listener.ts";
import { Numbered } from "./numbered.ts";
import { Places } from "./places.ts";
import { type PoolEntry, Pools } from "./pools.ts";
import { RecordReader } from "./records.ts";
import { tryTargetSockets } from "./socket-trial.ts";
import { type BindSocketFile, Sockets } from "./sockets.ts";
import { type Present, WorkerHandle } from "./worker-handle.ts";

/** ms for which close() may block its thread until the workers have stopped accepting: they take far less unless the machine is overloaded. */
const STOP_MS = 100;

export class LinuxEngine implements Engine {
  readonly name = "linux";
  readonly #options: EngineOptions;
  readonly #libc: Libc;
  readonly #threads: Threads;
  readonly #clock: Clock;
  readonly #warnings: WarningLog;
  readonly #count: number;
  readonly #sockets: Sockets;
  readonly #pools = new Pools();
  readonly #edges: Edges;
  readonly #places = new Places();
  readonly #listeners = new Numbered<LinuxListener>();
  readonly #workers: WorkerHandle[] = [];
  readonly #reader: RecordReader;
  readonly #bridge: HandlerBridge;
  #capacity: Capacity | null = null;
  #opened: Bridge | null = null;
  /** Settles when the bridge is open, or cannot be opened. Null: nobody needs it. */
  #opening: Promise<void> | null = null;
  /** Once it closes: its listeners keep those out who come. */
  #refused: boolean | null = null;
  #starting: Promise<void> | null = null;
  #running = false;
  #closing: Promise<void> | null = null;
  /** The shortest time that `close()` was given. */
  #timeout = Number.POSITIVE_INFINITY;

  /** The parameters behind `libc` are others in a simulation only. */
  constructor(
    options: EngineOptions,
    libc: Libc,
    threads: Threads = workerThreads,
    clock: Clock = systemClock,
    runtime: Runtime = native,
    bindFile?: BindSocketFile,
  ) {
    this.#options = options;
    this.#libc = libc;
    this.#threads = threads;
    this.#clock = clock;
    this.#warnings = new RateLimitedLog(PER_EPISODE, clock, options.onWarning);
    this.#count = options.threads || availableParallelism();
    this.#sockets = new Sockets(libc, this.#count, bindFile);
    this.#edges = new Edges({
      numberOf: (pool) => this.#pools.get(pool).number,
      carryOut: (order) => this.#carryOut(order),
      reserveFacts: () => {
        for (const worker of this.#workers) worker.reserveFacts();
      },
    });
    this.#reader = new RecordReader(this.#workers, clock, (record) => this.#report(record));
    this.#bridge = new HandlerBridge({
      runtime,
      clock,
      served: (pool) => this.#pools.byNumber(pool)?.served,
      drop: (worker, ticket) => this.#workers[worker - 1]?.drop(ticket),
      warn: (message, cause) => this.#warnings.tell("handler", message, cause),
    });
  }

  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  addPool(served: ServedPool): void {
    const entry = this.#pools.add(served);
    served.pool.onMove = (handle) => {
      entry.handle = handle;
      this.#tell({ type: "pool", pool: entry.data });
    };
    this.#tellOf(entry);
  }

  changePool(served: ServedPool): void {
    const entry = this.#pools.get(served.pool);
    entry.served = served;
    this.#tellOf(entry);
  }

  async removePool(pool: Pool, timeout: number): Promise<void> {
    const entry = this.#pools.find(pool);
    if (entry === undefined) return;
    if ([...this.#listeners].some((each) => each.leadsTo(entry.number) && !each.isClosing)) {
      throw new Error(`the pool "${pool.options.name}" still has a listener`);
    }
    entry.stopWithin = Math.min(entry.stopWithin ?? timeout, timeout);
    if (entry.removal === null) entry.removal = this.#remove(entry);
    else this.#tell({ type: "stop", pool: entry.number, timeout: entry.stopWithin });
    await entry.removal;
  }

  async bind(where: ListenAddress, options: BindOptions): Promise<EngineListener> {
    if (!this.#running || this.#closing !== null) throw new NetError("ECLOSED", "the engine does not run");
    const sockets = await bindAfterPredecessor(
      this.#clock,
      where,
      () => this.#sockets.bind(where, options),
      options.patience,
    );
    try {
      if (this.#closing !== null) throw new NetError("ECLOSED", "the engine was closed meanwhile");
      checkCapacity(this.#libc, this.#capacity!);
    } catch (error) {
      sockets.close(false);
      throw error;
    }
    return this.#listeners.add((number) => new LinuxListener(number, sockets, this.#host, options.shownAs));
  }

  checkSockets(wanted: TargetSocketOptions): void {
    tryTargetSockets(this.#libc, wanted);
  }

  now(): number {
    return this.#libc.now();
  }

  /** Waiters whose turn has come go on in their own threads. */
  poolChanged(pool: Pool): void {
    pool.settle();
    const grant = pool.grant();
    if (grant !== null) this.#workers[grant.worker - 1]!.wakeAnyway();
  }

  lookedUp(): void {
    for (const worker of this.#workers) worker.lookedUp();
  }

  *connections(): IterableIterator<OpenConnection> {
    for (const worker of this.#workers) yield* worker.connections();
  }

  end(ids: Iterable<string>, cause: RemovalCause): number {
    const all = [...ids].map(parseId);
    const found = this.#workers.map((worker) =>
      worker.end(
        all.filter((each) => each.worker === worker.index),
        cause,
      ),
    );
    return found.reduce((sum, each) => sum + each, 0);
  }

  threads(): EngineThread[] {
    return this.#workers.map(({ index, tid }) => ({ name: `worker ${index}`, tid }));
  }

  close(timeout: number): Promise<void> {
    this.#timeout = Math.min(this.#timeout, timeout);
    if (this.#running) this.#stop();
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
    const capacity = claimCapacity(this.#libc, this.#count, this.#options.reserve);
    this.#capacity = capacity;
    try {
      await this.#opening;
      await this.#startWorkers(capacity);
      checkCapacity(this.#libc, capacity);
    } catch (error) {
      await this.#abandon();
      throw error;
    }
    this.#running = true;
  }

  async #startWorkers({ descriptorCeiling, dialCeiling, slots }: Capacity): Promise<void> {
    const parts = {
      libc: this.#libc,
      clock: this.#clock,
      threads: this.#threads,
      slots,
      options: { descriptorCeiling, dialCeiling },
      present: () => this.#present(),
      named: {
        poolOf: (number: number) => this.#pools.byNumber(number)?.served.pool,
        placeOf: (number: number) => this.#places.nameOf(number),
      },
      mayPassOn: (service: number) =>
        service < 0
          ? !this.#edges.get(edgeOfService(service))!.isRetired
          : this.#pools.byNumber(service)!.stopWithin === null,
      release: (edge: number, claim: number) => this.#edges.get(edge)!.release(claim),
      recover: (worker: number) => {
        for (const { served } of this.#pools) served.pool.recover(worker);
        this.#edges.workerDied(worker);
      },
      onNotice: () => this.#reader.read(),
      onRecord: (record: CloseRecord) => this.#report(record),
      onWarning: (kind: string, message: string, cause?: unknown) => {
        if (kind === "worker") this.#options.onWarning(message, cause);
        else this.#warnings.tell(kind, message, cause);
      },
      onRecovered: () => {
        for (const { served } of this.#pools) this.poolChanged(served.pool);
      },
    };
    for (let i = 0; i < this.#count; i++) this.#workers.push(new WorkerHandle(i + 1, parts));
    await Promise.all(this.#workers.map((worker) => worker.start(this.#workers)));
  }

  #present(): Present {
    return {
      pools: [...this.#pools].filter(({ isForgotten }) => !isForgotten).map(({ data }) => data),
      edges: this.#edges.data,
      listeners: [...this.#listeners].map(({ data }) => data).filter((data) => data !== null),
      bridge: this.#opened,
    };
  }

  /** Undoes a start that has failed. */
  async #abandon(): Promise<void> {
    for (const worker of this.#workers) worker.close(0);
    await Promise.all(this.#workers.map((worker) => worker.done));
    for (const worker of this.#workers.splice(0)) worker.release();
    await this.#bridge.close();
  }

  // Orders.

  get #host(): ListenerHost {
    return {
      numberOf: (pool) => this.#pools.get(pool).number,
      placeOf: (name) => this.#places.numberOf(name),
      edges: this.#edges,
      carryOut: (order) => this.#carryOut(order),
      released: ({ number }) => this.#listeners.free(number),
    };
  }

  #tell(order: Order): void {
    for (const worker of this.#workers) worker.order(order);
  }

  async #carryOut(order: Order): Promise<void> {
    await this.#opening; // what was told before that comes first
    await Promise.all(this.#workers.map((worker) => worker.carryOut(order)));
  }

  #tellOf(entry: PoolEntry): void {
    if (typeof entry.served.unavailable === "function") this.#opening ??= this.#openBridge();
    this.#whenBridged(() => this.#tell({ type: "pool", pool: entry.data }));
  }

  /** At once, unless the bridge is being opened: before that, no client may come for a pool that has a handler. */
  #whenBridged(tell: () => void): void {
    if (this.#opening === null || this.#opened !== null) tell();
    else void this.#opening.then(tell);
  }

  async #openBridge(): Promise<void> {
    try {
      this.#opened = { port: await this.#bridge.open(), secret: this.#bridge.secret };
      this.#tell({ type: "bridge", bridge: this.#opened });
    } catch (error) {
      this.#warnings.tell(
        "handler",
        `clients without a target are closed without an answer: ${messageOf(error)}`,
        error,
      );
    }
  }

  /** See orders.ts. */
  async #remove(entry: PoolEntry): Promise<void> {
    const { number, served, stopWithin } = entry;
    await this.#carryOut({ type: "stop", pool: number, timeout: stopWithin! });
    const closing = [...this.#listeners].filter((each) => each.leadsTo(number));
    await Promise.all(closing.map((each) => each.close()));
    entry.isForgotten = true;
    await this.#carryOut({ type: "forget", pool: number });
    served.pool.onMove = null;
    this.#pools.remove(entry);
  }

  // The end.

  /**
   * No handshake begins, the workers take what is connected already and what is about to be, and only then are the listeners
   * closed, which resets all that they still hold. So a stop with nothing to do takes RELEASE_MS as well. Where SYNs cannot be kept
   * out, waiting would gain nothing: more would come.
   *
   * If there is no time, or no use in waiting, the listeners are closed before `close()` returns. This thread may wait for that,
   * since the workers wake within microseconds. If one is slower, it is left for later.
   */
  #stop(): void {
    const sockets = [...this.#listeners].map((listener) => listener.sockets);
    this.#refused ??= sockets.length > 0 && sockets.map((each) => each.refuse()).every(Boolean);
    const acceptWithin = this.#refused ? Math.min(this.#timeout, RELEASE_MS) : 0;
    for (const worker of this.#workers) worker.close(this.#timeout, acceptWithin);
    if (acceptWithin > 0) return;
    const deadline = this.#clock.now() + STOP_MS;
    for (const { mailbox } of this.#workers) {
      this.#threads.waitFor(mailbox, STOPPED_ACCEPTING, deadline - this.#clock.now());
    }
    if (this.#workers.every(({ mailbox }) => mailbox.state >= STOPPED_ACCEPTING)) this.#closeSockets();
  }

  #closeSockets(): void {
    for (const { serves, sockets } of this.#listeners) sockets.close(serves);
  }

  async #close(): Promise<void> {
    // The caller of a start that fails has its error, and nothing is left open.
    await this.#starting?.catch(() => undefined);
    await this.#opening;
    if (this.#workers.length > 0) {
      this.#stop();
      await Promise.all(this.#workers.map((worker) => worker.stopped));
      this.#closeSockets();
      await Promise.all(this.#workers.map((worker) => worker.done));
      for (const worker of this.#workers) worker.release();
      this.#reader.stop();
    }
    await this.#bridge.close();
    for (const { served } of this.#pools) served.pool.onMove = null;
  }

  #report(record: CloseRecord): void {
    try {
      this.#options.onClose(record);
    } catch (error) {
      this.#warnings.tell("records", `the listener for close records threw: ${messageOf(error)}`, error);
    }
  }
}
