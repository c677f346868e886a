/**
 * Seam 2: the data plane. An engine accepts, admits, picks, connects, requeues, relays, and reports each end; what it
 * shares with the control plane is the Pool alone. All engines pass one conformance suite (test/engines/).
 */

import type { TcpAddress } from "../net/runtime.ts";
import type { Pool } from "../pool/pool.ts";
import type { LifecycleOptions } from "../proxy/options.ts";
import type { CloseRecord } from "../proxy/record.ts";
import type { UnavailableHandler } from "../proxy/unavailable.ts";

export const ENGINE_NAMES = ["portable", "linux"] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** The balancer's settings, passed as they are, and what an engine shares with the rest of the balancer. */
export interface EngineOptions extends LifecycleOptions {
  /** host "" is every interface, IPv6 and IPv4. */
  readonly listen: readonly TcpAddress[];
  /** Threads that move bytes, if the engine has any of its own. 0 or left out: as many as there are processors. */
  readonly threads?: number;
  /** ms after which a peer is given up of which nothing is heard, not even an answer to TCP keepalive; 0: it is not asked. See net/keepalive.ts. */
  readonly keepalive: number;
  /** Bytes to send, a handler, or null: then the client is just closed. */
  readonly unavailable: Uint8Array | UnavailableHandler | null;
  /** Descriptors that the rest of the process wants for itself, which clients are not to take: see reserve.ts. */
  readonly reserve?: number;
  readonly pool: Pool;
  readonly onClose: (record: CloseRecord) => void;
  /** Something an operator should know (descriptor exhaustion, a dead worker, an accept error, a throwing handler). */
  readonly onWarning: (message: string, cause?: unknown) => void;
}

export interface Engine {
  readonly name: EngineName;
  /** Bound addresses, in the order of `listen`; ports are real once started. */
  readonly addresses: readonly TcpAddress[];
  /** Binds every listener or none. Rejects with NetError. */
  start(): Promise<void>;
  /** The pool has changed (a target came, left, changed, a limit moved): waiters in the queue look again. */
  poolChanged(): void;
  /**
   * Takes what is connected already, stops accepting, answers both this and waiters with `unavailable` ("stopping"), lets relays
   * finish for at most `timeout` ms (0: not at all) and then aborts them. Listeners are closed within RELEASE_MS of
   * predecessor.ts. Settles when no connection is left; idempotent, a second call may shorten the time-out.
   */
  close(timeout: number): Promise<void>;
}

/** A kind of engine, as `--engine` names it. */
export interface EngineFactory {
  readonly name: EngineName;
  /** null where it can run, otherwise the reason it cannot. Cheap enough to run at every start. */
  test(): Promise<string | null>;
  create(options: EngineOptions): Engine;
}
