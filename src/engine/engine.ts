/**
 * Seam 2: the data plane. An engine accepts, admits, picks, connects, requeues, relays, and reports each end; what it
 * shares with the control plane is the Pool alone. All engines pass one conformance suite (test/engine/).
 */
import type { Duplex } from "node:stream";
import type { Pool } from "../pool/pool.ts";
import type { TcpAddress } from "../runtime/runtime.ts";

/** Why a client got no target. */
export type UnavailableReason =
  | "no-targets" // none is registered, up, and below its limit
  | "connect-failed" // every attempt that `requeue` allows has failed
  | "queue-full"
  | "queue-timeout"
  | "stopping"; // the balancer is closing

/** Passed to the function form of `unavailable`. `code` is the reason; `cause` the last connect failure, if any. */
export class UnavailableError extends Error {
  override readonly name = "UnavailableError";
  readonly code: UnavailableReason;

  constructor(code: UnavailableReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** The client's connection as a stream with a net.Socket's basics. Nagle is off and keepalive on, whatever is asked. */
export interface UnavailableSocket extends Duplex {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** Emits "timeout" after that many ms without a byte either way; ends nothing by itself. 0 switches it off. */
  setTimeout(ms: number, onTimeout?: () => void): this;
  setNoDelay(noDelay?: boolean): this;
  setKeepAlive(enable?: boolean, initialDelay?: number): this;
  /** Destroys it once what was written has been sent. */
  destroySoon(): void;
}
export type UnavailableHandler = (error: UnavailableError, socket: UnavailableSocket) => unknown;

/** How far a connection had come when it ended. */
export type Phase = "queue" | "connect" | "relay" | "unavailable";
/** Who ended it first. */
export type EndedBy = "client" | "target" | "balancer";
/** How: `fin` both sides finished; `reset`; `idle` limit; `shutdown` drain time-out; or why it was unavailable. */
export type EndCause = "fin" | "reset" | "idle" | "shutdown" | UnavailableReason;

/** One per accepted connection, at its end. */
export interface CloseRecord {
  readonly client: TcpAddress;
  /** Identity of the target that served it; null when none did. */
  readonly target: string | null;
  readonly phase: Phase;
  readonly endedBy: EndedBy;
  readonly cause: EndCause;
  /** Bytes client → target and target → client. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Unix time of accept, ms. */
  readonly startedAt: number;
  /** ms from accept: waiting in the queue, until connected (both null when not reached), and until the end. */
  readonly queuedMs: number;
  readonly connectMs: number | null;
  readonly durationMs: number;
  /** Failed connect attempts before this outcome. */
  readonly requeues: number;
}

/** All durations in ms; 0 is "no limit" except where said. */
export interface EngineOptions {
  readonly listen: readonly TcpAddress[]; // host "" = every interface, IPv6 and IPv4
  readonly pool: Pool;
  /** Further targets tried after a failed connect. 0 tries one target only. */
  readonly requeue: number;
  readonly connectTimeout: number; // > 0
  readonly idleTimeout: number; // no byte either way for this long ends a relay
  readonly queueTimeout: number; // > 0
  /** Threads that move bytes, where the engine has any of its own; 0 or left out: as many as there are processors. */
  readonly threads?: number;
  /** Bytes to send, a handler, or null: then the client is just closed. */
  readonly unavailable: Uint8Array | UnavailableHandler | null;
  readonly onClose: (record: CloseRecord) => void;
  /** Something an operator should know (descriptor exhaustion, a dead worker, an accept error, a throwing handler). */
  readonly onWarning: (message: string, cause?: unknown) => void;
}

export interface Engine {
  readonly name: "portable" | "linux";
  /** Bound addresses, in the order of `listen`; ports are real once started. */
  readonly addresses: readonly TcpAddress[];
  /** Binds every listener or none. Rejects with NetError. */
  start(): Promise<void>;
  /** The pool has changed (a target came, left, changed, a limit moved): waiters in the queue look again. */
  poolChanged(): void;
  /**
   * Stops accepting, answers waiters with `unavailable` ("stopping"), lets relays finish for at most `timeout` ms (0: not at
   * all) and then aborts them. Settles when no connection is left; idempotent, a second call may shorten the time-out.
   */
  close(timeout: number): Promise<void>;
}

/** A kind of engine, as `--engine` names it. */
export interface EngineFactory {
  readonly name: Engine["name"];
  /** null where it can run, otherwise the reason it cannot. Cheap enough to run at every start. */
  test(): Promise<string | null>;
  create(options: EngineOptions): Engine;
}
