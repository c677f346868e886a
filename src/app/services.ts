/**
 * What runs: pools, and the sockets where their clients come, in one engine. It goes from one state to another as a whole, or not at
 * all, and touches nothing that stays:
 *
 *     prepare   binds what is to be bound, makes the pools that are to be made. Whatever fails is taken back, and nothing has changed.
 *     commit    in one turn of the event loop: changes sockets and pools, begins to accept, gives sockets that stay to other pools.
 *     release   closes the sockets that are gone; then the pools that are gone let their connections finish, which nobody waits for.
 *
 * A socket is known by its address, not by its listener's name: one that is wanted before and after stays open.
 */
import { isDeepStrictEqual } from "node:util";
import { type Endpoint, endpointsOf, overlap } from "../config/document/endpoints.ts";
import type { ListenerSettings, PoolSettings } from "../config/settings.ts";
import type { BindOptions, Engine, EngineListener, ServedPool } from "../engines/engine.ts";
import { NetError } from "../net/net-error.ts";
import type { Address, ListenAddress } from "../net/runtime.ts";
import { Pool, type PoolChanges } from "../pool/pool.ts";
import type { WantedTarget } from "../targets/wanted.ts";
import { type Cancel, type Clock, systemClock } from "../util/clock.ts";
import { codeOf, HarmonyError, messageOf } from "../util/errors.ts";
import { targetPlaces } from "./descriptors.ts";

/** What is to run. Every listener routes to a pool that is there. */
export interface ServiceState {
  readonly pools: ReadonlyMap<string, PoolSettings>;
  readonly listeners: ReadonlyMap<string, ListenerSettings>;
}

export interface ServicesOptions {
  readonly engine: Engine;
  readonly clock?: Clock;
  /** After each change, of every pool: the targets that the operator has named. */
  readonly onTargets: (pool: string, targets: readonly WantedTarget[]) => void;
  /** Before that: the addresses at which it listens have changed. */
  readonly onListening: () => void;
  /** The pool goes: nobody may be a target of it any more. It still is in `pools`. */
  readonly onPoolGone: (pool: string) => void;
  /** Something goes on in the background and has failed. */
  readonly onWarning: (message: string, cause?: unknown) => void;
}

/** An address of a listener. */
export interface ServedListener {
  readonly listener: string;
  readonly pool: string;
  readonly address: Address;
}

/** A socket where clients come. */
interface Socket extends Endpoint {
  readonly bound: EngineListener;
}

interface Prepared {
  readonly pools: ReadonlyMap<string, Pool>;
  readonly sockets: ReadonlyMap<string, EngineListener>;
}

interface Committed {
  readonly gone: readonly EngineListener[];
  readonly moving: readonly Promise<void>[];
}

export class Services {
  /** By name, those that are served. A live map. */
  readonly pools: ReadonlyMap<string, Pool>;
  readonly #pools = new Map<string, Pool>();
  readonly #options: ServicesOptions;
  readonly #clock: Clock;
  /** By their endpoints' keys. */
  #sockets: ReadonlyMap<string, Socket> = new Map();
  #state: ServiceState = { pools: new Map(), listeners: new Map() };
  #listeners: readonly ServedListener[] = [];
  #isClosed = false;
  /** Gone, with connections that may finish. */
  readonly #leaving = new Set<Pool>();
  /** By pool: ends the time in which clients wait for its first target. */
  readonly #holds = new Map<Pool, Cancel>();

  constructor(options: ServicesOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.pools = this.#pools;
  }

  get state(): ServiceState {
    return this.#state;
  }

  /** Client connections that hold a permit, and those that wait in the queue, also of pools that are gone. */
  get connections(): { readonly active: number; readonly waiting: number } {
    const all = [...this.#pools.values(), ...this.#leaving];
    return {
      active: all.reduce((sum, { active }) => sum + active, 0),
      waiting: all.reduce((sum, { waiting }) => sum + waiting, 0),
    };
  }

  /** Targets, each with a reporter, that there is room for in all pools. */
  get targetPlaces(): number {
    return targetPlaces(this.#state.pools);
  }

  /** -1 means no limit, 0 pauses. It holds until the document says another one. */
  setConcurrency(limit: number, name: string): void {
    const pool = this.#pools.get(name);
    if (pool === undefined) throw noPool(name, this.#pools.keys());
    pool.setConcurrency(limit);
    this.#options.engine.poolChanged(pool);
  }

  /** Where clients come, in the order of the document; ports are real. The same array until it changes: it is asked for often. */
  get listeners(): readonly ServedListener[] {
    return this.#listeners;
  }

  /**
   * From here on `next` runs. Rejects with NetError, with RangeError for what a pool cannot be, or with `CLOSED`, and what ran before is
   * as it was. Resolves when nothing listens any more that is not wanted; connections of pools that are gone may go on for
   * `drainTimeout` ms. Not to be called again before it has settled. `patience`: see BindOptions.
   */
  async change(next: ServiceState, drainTimeout: number, patience?: number): Promise<void> {
    const wanted = endpointsOf(next);
    const prepared = await this.#prepare(next, wanted, patience);
    const undo: (() => void)[] = [];
    try {
      if (this.#isClosed) throw closed();
      this.#changeSockets(wanted, undo);
      this.#changePools(next, undo);
    } catch (error) {
      for (const back of undo.reverse()) back();
      await closeAll(prepared.sockets.values());
      throw error;
    }
    const { gone, moving } = this.#commit(next, wanted, prepared);
    await this.#settled([...gone.map((each) => each.close()), ...moving]);
    this.#removePools(next, drainTimeout); // nobody comes to them any more
  }

  /** `next` runs, and a socket that does not go as it should does not undo that. */
  async #settled(going: readonly Promise<unknown>[]): Promise<void> {
    for (const outcome of await Promise.allSettled(going)) {
      if (outcome.status === "fulfilled") continue;
      this.#options.onWarning("a listener did not close, or did not move, as it should", outcome.reason);
    }
  }

  /** Nothing changes any more. The engine is closed by whoever has made it. */
  close(): void {
    this.#isClosed = true;
    for (const cancel of this.#holds.values()) cancel();
    this.#holds.clear();
  }

  async #prepare(
    next: ServiceState,
    wanted: ReadonlyMap<string, Endpoint>,
    patience: number | undefined,
  ): Promise<Prepared> {
    const pools = new Map<string, Pool>();
    const sockets = new Map<string, EngineListener>();
    try {
      for (const [name, settings] of next.pools) {
        if (!this.#pools.has(name)) pools.set(name, Pool.create({ ...settings, name }));
      }
      for (const [key, { address, keepalive }] of wanted) {
        if (!this.#sockets.has(key)) sockets.set(key, await this.#bind(address, { keepalive, patience }));
      }
    } catch (error) {
      await closeAll(sockets.values());
      throw error;
    }
    return { pools, sockets };
  }

  async #bind(address: ListenAddress, options: BindOptions): Promise<EngineListener> {
    try {
      return await this.#options.engine.bind(address, options);
    } catch (error) {
      const own = codeOf(error) === "EADDRINUSE" && this.#sharing(address);
      if (!own) throw error;
      const text = `${messageOf(error)}, by listener ${own.listener} of this balancer: give that up with a reload of its own first`;
      throw new NetError("EADDRINUSE", text, error);
    }
  }

  /** The socket of ours that has that port at another address, of which one is every interface. */
  #sharing(address: ListenAddress): Socket | undefined {
    if (!("port" in address)) return undefined;
    const isSharing = (other: ListenAddress) =>
      "port" in other && other.port === address.port && overlap(other, address);
    return [...this.#sockets.values()].find((socket) => isSharing(socket.address));
  }

  /** Those that are there before and after. */
  #changeSockets(wanted: ReadonlyMap<string, Endpoint>, undo: (() => void)[]): void {
    for (const [key, { address, keepalive }] of wanted) {
      const before = this.#sockets.get(key);
      if (before === undefined) continue;
      if (before.keepalive === keepalive && isDeepStrictEqual(before.address, address)) continue;
      before.bound.change(address, { keepalive });
      undo.push(() => before.bound.change(before.address, before));
    }
  }

  /** Those that are there before and after. */
  #changePools(next: ServiceState, undo: (() => void)[]): void {
    for (const [name, after] of next.pools) {
      const [pool, before] = [this.#pools.get(name), this.#state.pools.get(name)];
      if (pool === undefined || before === undefined || isDeepStrictEqual(before, after)) continue;
      const own = pool.options; // with what was ordered since the document said something
      pool.change(poolChange(before, after));
      undo.push(() => pool.change(own));
    }
  }

  /** Nothing in here fails. Gives the sockets that go, and what settles when nobody comes to their former pools by the others. */
  #commit(next: ServiceState, wanted: ReadonlyMap<string, Endpoint>, prepared: Prepared): Committed {
    const before = this.#state;
    this.#state = next;
    for (const [name, settings] of next.pools) {
      const pool = prepared.pools.get(name);
      if (pool !== undefined) this.#add(name, pool, settings);
      else this.#changed(name, before.pools.get(name)!, settings);
    }
    const former = this.#sockets;
    const sockets = new Map<string, Socket>();
    for (const [key, endpoint] of wanted) {
      sockets.set(key, { ...endpoint, bound: former.get(key)?.bound ?? prepared.sockets.get(key)! });
    }
    this.#sockets = sockets;
    this.#listeners = [...sockets.values()].map(({ listener, pool, bound: { address } }) => ({
      listener,
      pool,
      address,
    }));
    this.#options.onListening();
    // Of all pools: what may be a target depends on where we listen.
    for (const [name, { targets }] of next.pools) this.#options.onTargets(name, targets);
    // Last: clients find the targets of a pool that is new to them.
    const given = [...sockets].filter(([key, { pool }]) => former.get(key)?.pool !== pool);
    const moving = given.map(([, { pool, bound }]) => bound.serve(this.#pools.get(pool)!));
    const gone = [...former].filter(([key]) => !wanted.has(key));
    return { gone: gone.map(([, { bound }]) => bound), moving };
  }

  #changed(name: string, before: PoolSettings, after: PoolSettings): void {
    if (isDeepStrictEqual(before, after)) return;
    const { engine } = this.#options;
    const pool = this.#pools.get(name)!;
    engine.changePool(served(pool, after));
    engine.poolChanged(pool);
  }

  #add(name: string, pool: Pool, settings: PoolSettings): void {
    const { engine } = this.#options;
    this.#pools.set(name, pool);
    if (settings.startHold > 0) this.#hold(pool, settings.startHold);
    engine.addPool(served(pool, settings));
  }

  /** Clients that wait for the first target are told that there is none, once its time has passed. */
  #hold(pool: Pool, ms: number): void {
    pool.hold();
    const end = this.#clock.after(ms, () => {
      this.#holds.delete(pool);
      pool.endHold();
      this.#options.engine.poolChanged(pool);
    });
    this.#holds.set(pool, end);
  }

  #removePools(next: ServiceState, drainTimeout: number): void {
    const { engine, onPoolGone, onWarning } = this.#options;
    for (const [name, pool] of this.#pools) {
      if (next.pools.has(name)) continue;
      onPoolGone(name);
      this.#pools.delete(name);
      this.#holds.get(pool)?.();
      this.#holds.delete(pool);
      this.#leaving.add(pool);
      engine
        .removePool(pool, drainTimeout)
        .catch((error: unknown) => onWarning(`pool ${name} was not removed as a whole`, error))
        .finally(() => this.#leaving.delete(pool));
    }
  }
}

/** What a pool decides itself. The rest is the engine's. */
const OF_POOL = Object.keys({
  algorithm: true,
  persistent: true,
  concurrency: true,
  queue: true,
  maxTargets: true,
  maxBindings: true,
} satisfies Record<keyof PoolChanges, true>) as (keyof PoolChanges)[];

/** What differs alone: what somebody has ordered while the pool ran (setConcurrency) stays otherwise. */
function poolChange(before: PoolSettings, after: PoolSettings): PoolChanges {
  return Object.fromEntries(OF_POOL.filter((name) => before[name] !== after[name]).map((name) => [name, after[name]]));
}

function served(pool: Pool, settings: PoolSettings): ServedPool {
  return { ...settings, pool };
}

function closeAll(listeners: Iterable<EngineListener>): Promise<unknown> {
  return Promise.all([...listeners].map((listener) => listener.close()));
}

export function noPool(name: string, pools: Iterable<string>): HarmonyError {
  const message = `there is no pool "${name}", only ${[...pools].join(", ")}`;
  return new HarmonyError("UNKNOWN_POOL", message, { fault: "config" });
}

export function closed(): HarmonyError {
  return new HarmonyError("CLOSED", "the balancer has been closed", { fault: "config" });
}
