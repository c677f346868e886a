/** Close records for tests of what is counted. */
import type { CloseRecord } from "../../src/proxy/record.ts";

/** A connection that a target has served well, with what is special about it. */
export function record(also: Partial<CloseRecord> = {}): CloseRecord {
  return {
    client: { host: "192.0.2.1", port: 5000 },
    listener: "*:3000",
    pool: "web",
    target: "web/a",
    phase: "relay",
    endedBy: "client",
    cause: "fin",
    bytesIn: 10,
    bytesOut: 100,
    startedAt: Date.UTC(2026, 10, 30),
    queuedMs: 0,
    connectMs: 1,
    firstByteMs: 2,
    durationMs: 5,
    tried: [],
    requeues: 0,
    ...also,
  };
}

/** Of a client that got no target. */
export function turnedAway(): CloseRecord {
  return record({
    target: null,
    phase: "unavailable",
    cause: "queue-full",
    endedBy: "balancer",
    connectMs: null,
    firstByteMs: null,
  });
}
