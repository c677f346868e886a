/** What the lifecycle needs to know of each connection, wherever an engine keeps it. */
import type { ClientKey, SharedPool } from "../pool/pool.ts";
import type { OpenStore } from "./open.ts";

/**
 * What is known of each connection. `C` is an object in the portable engine and a slot number in the linux engine; `F` is what
 * a failed connect is reported as. Times are in ms on the engine's clock.
 */
export interface Store<C, F> extends OpenStore<C> {
  setState(c: C, state: number): void;
  setPhase(c: C, phase: number): void;
  /** How it will end is decided, though it goes on for its answer. */
  setOutcome(c: C, outcome: number): void;
  /** Over: ENDED, with this outcome unless there is one already. */
  end(c: C, outcome: number, now: number): void;
  addHold(c: C, what: number): void;
  dropHold(c: C, what: number): void;
  /** Names it in the pool's queue. */
  ticket(c: C): number;
  /** The client's address as the pool's key; good until the next call. */
  clientKey(c: C): ClientKey;
  acceptedAt(c: C): number;
  setSince(c: C, time: number): void;
  /** The pool's name for its place in the queue. */
  waiter(c: C): number;
  setWaiter(c: C, waiter: number): void;
  /** Notes that this pass over the queue found no target for it; false: it was noted before. */
  passOver(c: C, pass: number): boolean;
  addQueuedMs(c: C, ms: number): void;
  setConnectMs(c: C, ms: number): void;
  /** The target's row, and SharedPool.incarnation() of it. */
  setRow(c: C, row: number, incarnation: number): void;
  addTried(c: C, row: number, incarnation: number, failure: F): void;
  /** Its relay begins, which counts as a byte's move. */
  setMovedAt(c: C, time: number): void;
  /** The connection that has this ticket; null: it is over. */
  find(ticket: number): C | null;
  /** When its target last gave a byte, or took one that had waited for it, as far as the engine knows; 0: it has not. */
  heardAt(c: C): number;
  /** When its client last gave a byte, up to the target's first one; before the client's first, when the relay began. */
  askedAt(c: C): number;
  /** Bytes read from that end which the pool has not been told of. */
  unreported(c: C, from: number): number;
  setReported(c: C): void;
  /** Calls `visit` with each of the pool's connections that is not over; it may end the one at hand. */
  each(visit: (c: C) => void, pool: SharedPool): void;
}
