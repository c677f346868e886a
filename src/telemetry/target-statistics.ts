/** What has become of a target's connections, as their close records tell. */
import type { NetCode } from "../net/net-error.ts";
import type { CloseRecord } from "../proxy/record.ts";
import { Measure } from "./measure.ts";
import { LIVES, WAITS } from "./scale.ts";

/** 10 kB once a connection has ended. */
export class TargetStatistics {
  readonly connect = new Measure(WAITS);
  readonly firstByte = new Measure(WAITS);
  readonly duration = new Measure(LIVES);
  /** Attempts to connect that failed, of connections that have ended; null: none has. */
  failures: Map<NetCode, number> | null = null;

  /** A connection that it served has ended. */
  served(slice: number, { connectMs, firstByteMs, durationMs }: CloseRecord): void {
    if (connectMs !== null) this.connect.add(slice, connectMs);
    if (firstByteMs !== null) this.firstByte.add(slice, firstByteMs);
    this.duration.add(slice, durationMs);
  }

  failed(code: NetCode): void {
    this.failures ??= new Map();
    this.failures.set(code, (this.failures.get(code) ?? 0) + 1);
  }
}
