/**
 * How a connection ends: who ended it, in which phase, and why. Both engines keep these as small numbers, which fit a slot of
 * shared memory; the names are what records and logs show. The order of the lists is fixed by the numbers below.
 */

/** How far a connection had come when it ended. */
export const PHASES = ["queue", "connect", "relay", "unavailable"] as const;
export type Phase = (typeof PHASES)[number];

export const IN_QUEUE = 0;
export const IN_CONNECT = 1;
export const IN_RELAY = 2;
export const IN_UNAVAILABLE = 3;

/** Who ended it first. */
const ENDERS = ["client", "target", "balancer"] as const;
export type EndedBy = (typeof ENDERS)[number];

export const BY_CLIENT = 0;
export const BY_TARGET = 1;
export const BY_BALANCER = 2;

export const CAUSES = [
  "fin", // both sides have finished
  "reset",
  "idle", // the idle time-out
  "shutdown", // the drain time-out of a balancer that stops
  "no-targets", // none is registered, up, and below its limit
  "connect-failed", // every attempt that `requeue` allows has failed
  "queue-full",
  "queue-timeout",
  "stopping", // the balancer is closing
  "killed", // an operator has ordered it
  "target-gone", // its target takes no connections any more, and the pool keeps none there
  "rebalanced", // its target had more than its share
] as const;
export type EndCause = (typeof CAUSES)[number];
/** Why the balancer takes connections off their targets. */
export const REMOVAL_CAUSES = ["killed", "target-gone", "rebalanced"] as const satisfies readonly EndCause[];
export type RemovalCause = (typeof REMOVAL_CAUSES)[number];
/** Why a client got no target. */
export type UnavailableReason = Exclude<EndCause, "fin" | "reset" | "idle" | "shutdown" | RemovalCause>;

export const FIN = 0;
export const RESET = 1;
export const IDLE = 2;
export const SHUTDOWN = 3;
export const NO_TARGETS = 4;
export const CONNECT_FAILED = 5;
export const QUEUE_FULL = 6;
export const QUEUE_TIMEOUT = 7;
export const STOPPING = 8;
export const KILLED = 9;
export const TARGET_GONE = 10;
export const REBALANCED = 11;

/** No outcome yet. */
export const UNDECIDED = 0;

/** Who ended a connection and why, as one number that is never UNDECIDED. */
export function outcome(by: number, cause: number): number {
  return 0x100 | (by << 4) | cause;
}

export const enderNumber = (packed: number): number => (packed >> 4) & 0xf;
export const endedBy = (packed: number): EndedBy => ENDERS[(packed >> 4) & 0xf]!;
/** An index into CAUSES. */
export const causeNumber = (packed: number): number => packed & 0xf;
export const causeOf = (packed: number): EndCause => CAUSES[causeNumber(packed)]!;
