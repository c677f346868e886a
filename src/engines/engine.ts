/**
 * Seam 2: the data plane. An engine accepts, admits, picks, connects, requeues, relays, and reports each end, for any number of
 * pools and listeners, which come and go while it runs; what it shares with the control plane is the pools alone. All engines pass
 * one conformance suite (test/engines/).
 */

import type { SendProxy } from "../edge/proxy-header/send.ts";
import type { EdgeRules } from "../edge/rules.ts";
import type { Address, ListenAddress } from "../net/runtime.ts";
import type { ListenSocketOptions, TargetSocketOptions, WantedSockets } from "../net/socket-options.ts";
import type { Pool } from "../pool/pool.ts";
import type { OpenConnection } from "../proxy/open.ts";
import type { LifecycleOptions } from "../proxy/options.ts";
import type { RemovalCause } from "../proxy/outcome.ts";
import type { CloseRecord } from "../proxy/record.ts";
import type { UnavailableHandler } from "../proxy/unavailable.ts";

export const ENGINE_NAMES = ["portable", "linux"] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

export interface EngineOptions {
  /** Threads that move bytes, if the engine has any of its own. 0 or left out: as many as there are processors. */
  readonly threads?: number;
  /** Descriptors that the rest of the process wants for itself, which clients are not to take: see reserve.ts. */
  readonly reserve?: number;
  readonly onClose: (record: CloseRecord) => void;
  /** Something an operator should know (descriptor exhaustion, a dead worker, an accept error, a throwing handler). */
  readonly onWarning: (message: string, cause?: unknown) => void;
}

/** A pool, and what an engine does for its connections beside what the pool decides. All but the pool may change while it is served. */
export interface ServedPool extends LifecycleOptions {
  /** `pool.options.name` is its name in close records. */
  readonly pool: Pool;
  /** Bytes to send, a handler, or null: then the client is just closed. */
  readonly unavailable: Uint8Array | UnavailableHandler | null;
  /** Of connections to targets: ms after which a peer is given up of which nothing is heard, not even an answer to TCP keepalive; 0: it is not asked. See net/keepalive.ts. */
  readonly keepalive: number;
  /** What its targets are told of each client before its first byte; left out: nothing. A target may ask for something else itself. */
  readonly sendProxy?: SendProxy | undefined;
  /** How targets are spoken to through TLS; left out: they are not. */
  readonly targetTls?: TargetTlsBridge | undefined;
  readonly sockets?: TargetSocketOptions | undefined;
}

/** Where connections to targets are made TLS of (tls/), a port of loopback: the engine asks for the target there, and gets it, or an error. */
export interface TargetTlsBridge {
  readonly port: number;
  readonly secret: Uint8Array;
  /** By which the bridge knows how this pool's targets are spoken to. */
  readonly terms: number;
}

export interface BindOptions {
  /** As ServedPool.keepalive, of connections from clients. */
  readonly keepalive: number;
  /** ms for which an address may be in use, by a predecessor that stops; left out: as long as one takes. See predecessor.ts. */
  readonly patience?: number | undefined;
  readonly sockets?: ListenSocketOptions | undefined;
  /** What the address is called in records, where clients know it by another one than the socket's. */
  readonly shownAs?: string | undefined;
}

/** Clients that are asked something before they are served. */
export interface EdgeService {
  readonly rules: EdgeRules;
  /** By the numbers of the routes; null: nobody is served by that one ("no-route"). */
  readonly pools: readonly (Pool | null)[];
}

/** A thread that moves bytes. */
export interface EngineThread {
  readonly name: string;
  /** By which the system knows it (`/proc/self/task/TID`); null where that is not known, or it does not run now. */
  readonly tid: number | null;
}

export interface Engine {
  readonly name: EngineName;
  /** From here on it can bind and serve; nothing listens yet. Rejects with NetError. */
  start(): Promise<void>;
  /** Before a listener serves it. */
  addPool(served: ServedPool): void;
  /** The same Pool with other settings. Time-outs that run already stay as they are; all that begins from here on has the new ones. */
  changePool(served: ServedPool): void;
  /**
   * Its listeners have been closed, or serve others. Waiters are answered with `unavailable` ("stopping"), relays may go on for
   * at most `timeout` ms (0: not at all) and are then aborted. Settles when none of its connections is left, and nothing in the engine
   * holds the pool any more; idempotent, a second call may shorten the time-out.
   */
  removePool(pool: Pool, timeout: number): Promise<void>;
  /** Its address is taken, so that nobody else can bind it; nothing is accepted before `serve()`. Rejects with NetError. */
  bind(where: ListenAddress, options: BindOptions): Promise<EngineListener>;
  /** Throws NetError, which names the option, where connections to targets cannot be made so: to be asked before addPool() and changePool(). */
  checkSockets(wanted: TargetSocketOptions): void;
  /** The time that its pools count in, ms. */
  now(): number;
  /** The pool has changed (a target came, left, changed, a limit moved): waiters in the queue look again. */
  poolChanged(pool: Pool): void;
  /**
   * `pool.lookUps` has come further: those who waited for that go on. Of those who begin to wait and those who have gone on `pool.lookUps.onWanted`
   * and `pool.lookUps.onServed` are told in this thread.
   */
  lookedUp(pool: Pool): void;
  /**
   * Those that are open, in no particular order, each read when it is asked for: whoever goes through many does so in slices. Those that
   * stay open meanwhile come once each; those that come or go may be missing.
   */
  connections(): IterableIterator<OpenConnection>;
  /**
   * Takes connections off their targets, by their ids. One that is relayed is ended: both peers are reset. One that is being connected
   * goes on to another target. What waits or is being answered stays as it is, and so does for "target-gone" what is on a target that is up:
   * it has moved, or the target is back. But "killed" ends them all, whatever they wait for. Gives how many of them were open.
   */
  end(ids: Iterable<string>, cause: RemovalCause): number;
  /** Once it has started; as many as there are, dead ones included that are about to be replaced. */
  threads(): readonly EngineThread[];
  /**
   * Takes what is connected already, stops accepting, answers both this and waiters with `unavailable` ("stopping"), lets relays
   * finish for at most `timeout` ms (0: not at all) and then aborts them, in all pools. Listeners are closed within RELEASE_MS of
   * predecessor.ts. Settles when no connection is left; idempotent, a second call may shorten the time-out.
   */
  close(timeout: number): Promise<void>;
}

/** A socket that listens for one pool. */
export interface EngineListener {
  /** Where it is bound; a port is real. */
  readonly address: Address;
  /**
   * What is accepted from now on belongs to that pool, or to the one that its route leads to; the first call begins to accept. The socket
   * stays the same. Resolves once nothing comes to the former pools any more, which can take a moment where other threads accept.
   */
  serve(service: Pool | EdgeService): Promise<void>;
  /**
   * The same place with other options, for what is accepted from now on; the file of a Unix socket gets its mode and owner. Throws
   * NetError, and then nothing has changed.
   */
  change(where: ListenAddress, options: BindOptions): void;
  /**
   * What is connected already is taken, and belongs to its pool; then nothing listens there any more, within RELEASE_MS of
   * predecessor.ts. Idempotent. One that never served is just closed.
   */
  close(): Promise<void>;
}

/** What an engine has to be able to do. */
export interface EngineWish {
  readonly listen: readonly ListenAddress[];
  /** Left out: all as the kernel does by default. */
  readonly sockets?: WantedSockets | undefined;
}

/** A kind of engine, as `--engine` names it. */
export interface EngineFactory {
  readonly name: EngineName;
  /** null where it can run, listen at all of these, and have sockets that are set so, otherwise the reason it cannot. Cheap enough to run at every start. */
  test(wanted: EngineWish): Promise<string | null>;
  create(options: EngineOptions): Engine;
}
