/** What the lifecycle has done for it by an engine. Outcomes come back as calls of the Lifecycle. */
import type { NetCode } from "../net/net-error.ts";

export interface Io<C, F> {
  /** Begins to connect to the row's target. Null, or why it failed at once; the outcome is reported by `connected` or `connectFailed`. */
  dial(c: C, row: number): F | null;
  /** Gives up the dial under way, if there is one. */
  undial(c: C): void;
  /** Moves bytes both ways until `ended` is called by either side. */
  relay(c: C): void;
  /**
   * Whether the end that still stands has all that the failed one had sent. Asked now and then while DELIVERING; a progress since
   * the last time is noted as a byte's move.
   */
  delivered(c: C): boolean;
  /** Tells the client that it gets no target, then calls `answered`. `reason` is one of the CAUSES. */
  answer(c: C, reason: number): void;
  /** Closes what is open. `reset`: both peers are sent a reset rather than a FIN. */
  close(c: C, reset: boolean): void;
  /** It has ended; its outcome is in the store. */
  ended(c: C): void;
  /** `Lifecycle.roomFreed` has come to be true: the pool's queue is to be served once the event at hand is over. */
  roomFreed(): void;
  /** `Lifecycle.observer.look()` is to be called LOOK_MS from now, and again and again while that says so. */
  lookSoon(): void;
  /** It waits from now on, in the queue or while it is looked up: calls `clientSilent` once it is, also if that was known before. */
  queued(c: C): void;
  /** Calls `timedOut` at that time, in place of the timer it may have. */
  arm(c: C, due: number): void;
  disarm(c: C): void;
  /** The connect time-out, as a failure. */
  timeoutFailure(): F;
  codeOf(failure: F): NetCode;
  /** The time of the event at hand. */
  now(): number;
  /** Something an operator should know; `kind` groups repetitions. */
  warn(kind: string, message: string, cause: F): void;
}
