/** What has been counted of a pool's targets, copied at once: ten thousand of them take less than a tenth of a millisecond. */
import type { TargetState } from "./types.ts";

/** By row, of all rows that have ever been used. */
export interface RowCounters {
  /** Tells those apart that had the row one after the other. */
  readonly incarnation: Int32Array;
  readonly total: Float64Array;
  readonly failures: Float64Array;
  readonly bytesIn: Float64Array;
  readonly bytesOut: Float64Array;
}

/** Since the pool was made: none of them falls when a target leaves. */
export interface PoolTotals {
  /** Connections to targets that have come about. */
  readonly connections: number;
  /** Attempts that have failed. */
  readonly failures: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** A target as its row has it now: what TargetView has, without what takes time to read. */
export interface TargetRow {
  readonly identity: string;
  readonly row: number;
  readonly state: TargetState;
  readonly priority: number;
  readonly backup: boolean;
  readonly weight: number;
  readonly maxConnections: number;
  /** The most that it may have here: of a target that others use as well, a part of `maxConnections`. */
  readonly limit: number;
  readonly active: number;
}
