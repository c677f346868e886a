/** Listeners whose clients speak TLS, and pools whose targets do: threads of their own beside those of an engine. */
import { availableParallelism } from "node:os";
import { ClientLimits, MAIN_THREAD, TLS_THREADS } from "../edge/access/client-limits.ts";
import type { BindOptions, Engine, EngineListener, TargetTlsBridge } from "../engines/engine.ts";
import { descriptorLimit } from "../engines/linux/sys/descriptor-limit.ts";
import { bindAfterPredecessor } from "../engines/predecessor.ts";
import { reserveOf } from "../engines/reserve.ts";
import { NetError } from "../net/net-error.ts";
import { runtime } from "../net/node/node.ts";
import { staplingMissing, tlsMissing } from "../net/node/termination.ts";
import { refuseOptions } from "../net/plain-sockets.ts";
import type { Address, ListenAddress } from "../net/runtime.ts";
import { formatAddress } from "../util/address.ts";
import { type Clock, systemClock } from "../util/clock.ts";
import { BridgeTerms } from "./bridge-terms.ts";
import type { TlsCounts } from "./counters.ts";
import { DoorRoutes } from "./door-routes.ts";
import { ListenerState, type ServedCertificate } from "./listener-state.ts";
import type { Order } from "./orders.ts";
import type { ListenerTls, TargetTls, TlsService } from "./settings.ts";
import { TlsThreads } from "./threads.ts";

/** Where an engine takes what TLS threads hand to it. */
const DOOR = { host: "127.0.0.1", port: 0 };
/** Towards one port there are as many connections as the system has ports for those who connect: 28,232 on Linux, if nobody has set another range. */
const DOORS = 8;

/** Descriptors of one client: its own, both ends of the way to the engine, and its target's. */
const DESCRIPTORS_EACH = 4;

/** Whose they are is told to whoever wants them otherwise. */
const SOCKETS = "a listener with tls";

export interface TlsOptions {
  readonly engine: Engine;
  /** 0: as many as there are processors. Where a runtime cannot share a port among threads, one. */
  readonly threads: number;
  /** As EngineOptions.reserve. */
  readonly reserve?: number;
  /** A thread has died, or cannot do what it was told. */
  readonly onWarning: (message: string, cause?: unknown) => void;
  readonly clock?: Clock;
}

export interface TlsListener extends Pick<EngineListener, "address" | "change" | "close"> {
  /**
   * As EngineListener.serve(); with the same TLS as before, sessions of clients go on. Throws NetError ETLS where a certificate cannot be
   * used, and then nothing has changed: whoever wants to know that beforehand calls readListenerTls().
   */
  serve(service: TlsService): Promise<void>;
  readonly counts: TlsCounts;
  /** In the order of the settings; none before it serves. */
  readonly certificates: readonly ServedCertificate[];
}

/** No thread runs before the first listener is bound, or the first pool asks for a bridge. */
export class TlsListeners {
  readonly #options: TlsOptions;
  readonly #clock: Clock;
  readonly #threads: TlsThreads;
  readonly #listeners = new Map<number, ListenerState>();
  readonly #terms: BridgeTerms;
  #numbers = 0;

  constructor(options: TlsOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#threads = new TlsThreads({
      count: runtime.can.sharePort ? options.threads || availableParallelism() : 1,
      clients: () => mostClients(options.reserve),
      clock: this.#clock,
      onDeath: (thread) => this.#giveBack(thread),
      present: (thread) => [...this.#present(thread)],
      onWarning: options.onWarning,
    });
    const { onWarning } = options;
    this.#terms = new BridgeTerms({ threads: this.#threads, clock: this.#clock, onWarning });
  }

  /** Throws NetError EINVAL where this runtime lacks what that asks for: to be called before anything depends on it. */
  check({ certificates }: Pick<ListenerTls, "certificates">): void {
    const missing = certificates.some(({ ocsp }) => ocsp !== undefined) ? staplingMissing() : null;
    if (missing !== null) throw new NetError("EINVAL", `${missing}: leave ocsp out of tls`);
  }

  /** Rejects with NetError. Nothing is accepted for good before `serve()`. */
  async bind(where: ListenAddress, options: BindOptions): Promise<TlsListener> {
    refuseOptions(SOCKETS, options.sockets);
    refuseIfMissing("clients");
    await this.#threads.start();
    const number = ++this.#numbers;
    const listen = () => this.#listen(number, where, options.keepalive);
    const state = await bindAfterPredecessor(this.#clock, where, listen, options.patience);
    try {
      const shownAs = options.shownAs ?? formatAddress(state.address);
      const doors = await this.#openDoors(shownAs);
      this.#listeners.set(number, state);
      return new BoundListener(state, doors, () => this.#listeners.delete(number), this.#options.onWarning);
    } catch (error) {
      await state.stop();
      throw error;
    }
  }

  /** For ServedPool.targetTls, until `forget()`. `keepalive`: of ServedPool. Rejects with NetError, ETLS for a file that cannot be used. */
  async bridge(tls: TargetTls, keepalive: number): Promise<TargetTlsBridge> {
    refuseIfMissing("targets");
    await this.#threads.start();
    return this.#terms.add(tls, keepalive);
  }

  /** Targets of that pool are not connected to any more; connections that are there stay. */
  forget(bridge: TargetTlsBridge): Promise<void> {
    return this.#terms.delete(bridge.terms);
  }

  /** Once the engine has closed: ends the threads, when clients have got what is still on its way to them, within `timeout` ms. */
  async close(timeout: number): Promise<void> {
    this.#terms.close();
    await this.#threads.orderAll({ type: "finish", timeout });
    await this.#threads.end();
  }

  /** A thread dies, as if by a fault: for tests. */
  crash(thread: number): void {
    this.#threads.crash(thread);
  }

  async #openDoors(shownAs: string): Promise<readonly EngineListener[]> {
    const doors: EngineListener[] = [];
    try {
      while (doors.length < DOORS) doors.push(await this.#options.engine.bind(DOOR, { keepalive: 0, shownAs }));
    } catch (error) {
      await Promise.all(doors.map((door) => door.close()));
      throw error;
    }
    return doors;
  }

  async #listen(number: number, where: ListenAddress, keepalive: number): Promise<ListenerState> {
    const shared = "host" in where && this.#threads.count > 1;
    if (shared && where.port !== 0) await refuseIfUsed(where);
    const { onWarning } = this.#options;
    const count = shared ? this.#threads.count : 1;
    const threads = this.#threads;
    const state = new ListenerState({ number, where, keepalive, threads, count, clock: this.#clock, onWarning });
    await state.listen();
    return state;
  }

  /** What clients of a thread that has died had of their limits. */
  #giveBack(thread: number): void {
    for (const state of this.#listeners.values()) {
      const { limits } = state;
      if (limits !== null) new ClientLimits(limits, MAIN_THREAD).returnAll(TLS_THREADS + thread);
    }
  }

  /** What a thread that takes another one's place begins with. */
  *#present(thread: number): Iterable<Order> {
    for (const state of this.#listeners.values()) yield* state.present(thread);
    yield* this.#terms.present();
  }
}

/** Throws NetError. */
function refuseIfMissing(whom: "clients" | "targets"): void {
  const missing = tlsMissing(whom);
  if (missing !== null) throw new NetError("EINVAL", missing);
}

/**
 * A port that threads share could be shared with another process as well, which would take some of the clients: it is tried alone first.
 * Rejects with NetError.
 */
async function refuseIfUsed(where: ListenAddress): Promise<void> {
  const alone = await runtime.listenOn(where, {}, (connection) => connection.abort());
  await alone.close();
}

class BoundListener implements TlsListener {
  readonly #state: ListenerState;
  readonly #doors: readonly EngineListener[];
  readonly #routes = new DoorRoutes();
  readonly #onClosed: () => void;
  readonly #warn: (message: string, cause?: unknown) => void;

  constructor(
    state: ListenerState,
    doors: readonly EngineListener[],
    onClosed: () => void,
    warn: (message: string, cause?: unknown) => void,
  ) {
    this.#state = state;
    this.#doors = doors;
    this.#onClosed = onClosed;
    this.#warn = warn;
  }

  get address(): Address {
    return this.#state.address;
  }

  get counts(): TlsCounts {
    return this.#state.counters.read();
  }

  get certificates(): readonly ServedCertificate[] {
    return this.#state.certificates;
  }

  async serve(service: TlsService): Promise<void> {
    const ports = this.#doors.map(({ address }) => (address as { readonly port: number }).port);
    const { pools, rules } = service;
    const forThreads = this.#state.prepare(service, ports, this.#routes.numbersOf(pools));
    const asked = { senders: null, allow: null, deny: null, limits: null, secret: this.#state.secret };
    const inner = { pools: this.#routes.keep(pools), rules: { ...rules, ...asked } };
    await Promise.all(this.#doors.map((door) => door.serve(inner)));
    await this.#state.serve(forThreads);
  }

  change(where: ListenAddress, { keepalive, sockets }: BindOptions): void {
    refuseOptions(SOCKETS, sockets);
    this.#state
      .change(where, keepalive)
      .catch((error: unknown) => this.#warn("a listener with TLS did not change", error));
  }

  /** Those that have not agreed on TLS yet are reset. */
  async close(): Promise<void> {
    this.#onClosed();
    await this.#state.stop();
    await Promise.all(this.#doors.map((door) => door.close()));
  }
}

function mostClients(reserve: number | undefined): number {
  const limit = descriptorLimit();
  return Math.floor((limit - reserveOf(limit, reserve)) / DESCRIPTORS_EACH);
}
