/**
 * Seam 2: the data plane. An engine accepts, admits, picks, connects, requeues, relays, and reports each end, for any number of
 * pools and listeners, which come and go while it runs; what it shares with the control plane is the pools alone. All engines pass
 * one conformance suite (test/engines/).
 */

import type { Address, ListenAddress } from "../net/runtime.ts";
import type { Pool } from "../pool/pool.ts";
import type { LifecycleOptions } from "../proxy/options.ts";
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
}

export interface BindOptions {
  /** As ServedPool.keepalive, of connections from clients. */
  readonly keepalive: number;
  /** ms for which an address may be in use, by a predecessor that stops; left out: as long as one takes. See predecessor.ts. */
  readonly patience?: number | undefined;
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
  /** The pool has changed (a target came, left, changed, a limit moved): waiters in the queue look again. */
  poolChanged(pool: Pool): void;
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
   * What is accepted from now on belongs to that pool; the first call begins to accept. The socket stays the same. Resolves once nothing
   * is accepted for the former pool any more, which can take a moment where other threads accept.
   */
  serve(pool: Pool): Promise<void>;
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

/** A kind of engine, as `--engine` names it. */
export interface EngineFactory {
  readonly name: EngineName;
  /** null where it can run and listen at all of these, otherwise the reason it cannot. Cheap enough to run at every start. */
  test(wanted: { readonly listen: readonly ListenAddress[] }): Promise<string | null>;
  create(options: EngineOptions): Engine;
}
