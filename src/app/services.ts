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
import { type Endpoint, endpointsOf, poolsOf } from "../config/document/endpoints.ts";
import type { ListenerSettings, PoolSettings } from "../config/settings.ts";
import { targetSockets } from "../config/socket-settings.ts";
import type { EdgeService, Engine } from "../engines/engine.ts";
import { refuseOptions } from "../net/plain-sockets.ts";
import type { Address } from "../net/runtime.ts";
import { Pool } from "../pool/pool.ts";
import type { WantedTarget } from "../targets/wanted.ts";
import type { TlsListener, TlsListeners } from "../tls/listeners.ts";
import { type Cancel, type Clock, systemClock } from "../util/clock.ts";
import { HarmonyError } from "../util/errors.ts";
import { Bridges, type PreparedBridges } from "./bridges.ts";
import { targetPlaces } from "./descriptors.ts";
import { Edges, type PreparedEdges } from "./edges.ts";
import type { FollowedLists } from "./followed-lists.ts";
import { poolChange, servedPool } from "./served-pool.ts";
import { type ChangedSockets, type PreparedSockets, Sockets } from "./sockets.ts";

/** What is to run. Every listener routes to a pool that is there. */
export interface ServiceState {
  readonly pools: ReadonlyMap<string, PoolSettings>;
  readonly listeners: ReadonlyMap<string, ListenerSettings>;
}

export interface ServicesOptions {
  readonly engine: Engine;
  readonly tls: Pick<TlsListeners, "bind" | "bridge" | "check" | "forget">;
  /** That there may be at most. */
  readonly tlsThreads: number;
  readonly lists: Pick<FollowedLists, "read" | "retain">;
  readonly clock?: Clock;
  /** How many of a pool's permits are this balancer's, of so many that it and others have together. It is asked while that pool is in `pools`. */
  readonly permits?: (pool: string, concurrency: number) => number;
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
  /** The one that takes those whom no other route takes; the first, where all are asked for a name. */
  readonly pool: string;
  /** All that its routes lead to. */
  readonly pools: readonly string[];
  readonly address: Address;
  /** What it asks of clients before they are served; null: nothing. The counters in it are kept for as long as the listener is there. */
  readonly edge: EdgeService | null;
  /** Where clients speak TLS; null: they do not. */
  readonly tls: TlsListener | null;
}

interface Prepared {
  readonly pools: ReadonlyMap<string, Pool>;
  readonly edges: PreparedEdges;
  readonly bridges: PreparedBridges;
  readonly sockets: PreparedSockets;
}

export class Services {
  /** By name, those that are served. A live map. */
  readonly pools: ReadonlyMap<string, Pool>;
  readonly #pools = new Map<string, Pool>();
  readonly #options: ServicesOptions;
  readonly #clock: Clock;
  readonly #edges: Edges;
  readonly #bridges: Bridges;
  readonly #sockets: Sockets;
  #state: ServiceState = { pools: new Map(), listeners: new Map() };
  #listeners: readonly ServedListener[] = [];
  #isClosed = false;
  /** Gone, with connections that may finish. */
  readonly #leaving = new Set<Pool>();
  /** By pool: ends the time in which clients wait for its first target. */
  readonly #holds = new Map<Pool, Cancel>();
  readonly #drops = new Set<Cancel>();

  constructor(options: ServicesOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#edges = new Edges(options.lists, options.tlsThreads);
    this.#bridges = new Bridges(options.tls);
    this.#sockets = new Sockets(options.engine, options.tls);
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

  /** `permits` gives another number for that pool. */
  permitsChanged(name: string): void {
    const pool = this.#pools.get(name);
    if (pool === undefined) return;
    this.#share(name, pool);
    this.#options.engine.poolChanged(pool);
  }

  #share(name: string, pool: Pool): void {
    const { permits } = this.#options;
    if (permits !== undefined) pool.share((concurrency) => permits(name, concurrency));
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
      this.#sockets.change(wanted, undo);
      this.#changePools(next, undo);
    } catch (error) {
      for (const back of undo.reverse()) back();
      await Promise.all([this.#sockets.drop(prepared.sockets), this.#bridges.drop(prepared.bridges)]);
      throw error;
    }
    const { gone, serve } = this.#commit(next, wanted, prepared);
    await this.#settled([...gone.map((each) => each.close()), ...serve()]);
    this.#removePools(next, drainTimeout); // nobody comes to them any more
  }

  /** A list has changed in its file: from here on clients are asked by what it says now. Not to be called while change() has yet to settle. */
  async listsChanged(): Promise<void> {
    if (this.#isClosed) return;
    const { listeners } = this.#state;
    this.#edges.commit(this.#edges.prepare(listeners), listeners);
    const { serve } = this.#changeSockets(endpointsOf(this.#state), new Map());
    await this.#settled(serve());
  }

  /** `next` runs, and a socket that does not go as it should does not undo that. */
  async #settled(going: readonly Promise<unknown>[]): Promise<void> {
    for (const outcome of await Promise.allSettled(going)) {
      if (outcome.status === "fulfilled") continue;
      this.#options.onWarning("a listener did not close, or did not change over, as it should", outcome.reason);
    }
  }

  /** Nothing changes any more, and no client comes by TLS. The engine is closed by whoever has made it. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const cancel of this.#holds.values()) cancel();
    this.#holds.clear();
    for (const cancel of this.#drops) cancel();
    await this.#sockets.close();
  }

  async #prepare(
    next: ServiceState,
    wanted: ReadonlyMap<string, Endpoint>,
    patience: number | undefined,
  ): Promise<Prepared> {
    const pools = new Map<string, Pool>();
    for (const [name, settings] of next.pools) {
      if (!this.#pools.has(name)) pools.set(name, Pool.create({ ...settings, name }));
      const sockets = targetSockets(settings);
      if (settings.targetTls === "off") this.#options.engine.checkSockets(sockets ?? {});
      else refuseOptions(`pool "${name}" with target-tls`, sockets);
    }
    const edges = this.#edges.prepare(next.listeners);
    const bridges = await this.#bridges.prepare(next.pools);
    try {
      return { pools, edges, bridges, sockets: await this.#sockets.prepare(wanted, patience) };
    } catch (error) {
      await this.#bridges.drop(bridges);
      throw error;
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

  /** Nothing in here fails. Gives the sockets that go, and what begins to serve those that stay or are new. */
  #commit(next: ServiceState, wanted: ReadonlyMap<string, Endpoint>, prepared: Prepared): ChangedSockets {
    const before = this.#state;
    this.#state = next;
    this.#edges.commit(prepared.edges, next.listeners);
    const bridges = this.#bridges.commit(prepared.bridges);
    for (const [name, settings] of next.pools) {
      const pool = prepared.pools.get(name);
      if (pool !== undefined) this.#add(name, pool, settings);
      else this.#changed(name, before.pools.get(name)!, settings);
    }
    if (bridges.size > 0) this.#dropLater(bridges, before);
    const changed = this.#changeSockets(wanted, prepared.sockets);
    this.#options.onListening();
    // Of all pools: what may be a target depends on where we listen.
    for (const [name, { targets }] of next.pools) this.#options.onTargets(name, targets);
    return changed; // whose clients find the targets of a pool that is new to them
  }

  #changeSockets(wanted: ReadonlyMap<string, Endpoint>, prepared: PreparedSockets): ChangedSockets {
    const changed = this.#sockets.commit(wanted, prepared, ({ listener, settings }) => ({
      rules: this.#edges.rulesOf(listener),
      pools: settings.routes.map(({ pool }) => this.#pools.get(pool)!),
    }));
    this.#listeners = this.#sockets.open.map(({ endpoint: { listener, settings }, rules, pools, address, tls }) => ({
      listener,
      pool: restOf(settings),
      pools: poolsOf(settings),
      address,
      edge: rules && { rules, pools },
      tls,
    }));
    return changed;
  }

  #changed(name: string, before: PoolSettings, after: PoolSettings): void {
    if (isDeepStrictEqual(before, after)) return;
    const { engine } = this.#options;
    const pool = this.#pools.get(name)!;
    engine.changePool(servedPool(pool, after, this.#bridges.of(name)));
    engine.poolChanged(pool);
  }

  #add(name: string, pool: Pool, settings: PoolSettings): void {
    const { engine } = this.#options;
    this.#pools.set(name, pool);
    this.#share(name, pool);
    if (settings.startHold > 0) this.#hold(pool, settings.startHold);
    engine.addPool(servedPool(pool, settings, this.#bridges.of(name)));
  }

  /** When nobody connects to targets over them any more. */
  #dropLater(bridges: PreparedBridges, { pools }: ServiceState): void {
    const longest = Math.max(...[...pools.values()].map(({ connectTimeout }) => connectTimeout));
    const cancel = this.#clock.after(longest, () => {
      this.#drops.delete(cancel);
      void this.#settled([this.#bridges.drop(bridges)]);
    });
    this.#drops.add(cancel);
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

/** The pool of those whom no other route takes; where all are asked for something, that of the first one. */
function restOf({ routes }: ListenerSettings): string {
  return (routes.find(({ names, alpn }) => names.length + alpn.length === 0) ?? routes[0]!).pool;
}

export function noPool(name: string, pools: Iterable<string>): HarmonyError {
  const message = `there is no pool "${name}", only ${[...pools].join(", ")}`;
  return new HarmonyError("UNKNOWN_POOL", message, { fault: "config" });
}

export function closed(): HarmonyError {
  return new HarmonyError("CLOSED", "the balancer has been closed", { fault: "config" });
}
