/**
 * What an algorithm is to the pool. Algorithms learn by events, so that a choice looks at next to nothing. All calls are
 * made with the lock held except `prepare`.
 */
import type { ClientKey } from "../types.ts";

export interface Picker {
  /** Another identity has got the row; its weight is set, it is not open yet. */
  joined(row: number): void;
  /** The weight was `before` and is now another one. `changed` follows. */
  reweighted(row: number, before: number): void;
  /** The row's standing, weight, state or active count changed. */
  changed(row: number): void;
  /** The row gets a connection, chosen here or not. `changed` follows. */
  took(row: number): void;
  /** The best OPEN row that is not in `tried`, or -1. */
  choose(client: ClientKey, tried: readonly number[]): number;
  /** From the rows up: SPAN has grown, or a thread died in the middle of a change. */
  rebuild(): void;
  /** Work too long for the lock; the creator's thread calls it before it picks. */
  prepare(): void;
}
