/** How a connection ends: who ended it, in which phase, why, and the record that says so. */
import type { TcpAddress } from "../net/runtime.ts";

/** Why a client got no target. */
export type UnavailableReason =
  | "no-targets" // none is registered, up, and below its limit
  | "connect-failed" // every attempt that `requeue` allows has failed
  | "queue-full"
  | "queue-timeout"
  | "stopping"; // the balancer is closing

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
