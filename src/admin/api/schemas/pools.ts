/** Pools, listeners, and the last hour. */
import * as z from "zod/mini";
import { REFUSALS } from "../../../edge/refusals.ts";
import { address, bytes, count, ms, quantiles, rates, said, time } from "./common.ts";
import { targetCounts } from "./status.ts";

/** Why clients got no target: UnavailableReason of proxy/outcome.ts. */
export const unavailableReason = z.enum(["no-targets", "connect-failed", "queue-full", "queue-timeout", "stopping"]);

export const pool = z.strictObject({
  name: z.string(),
  origin: said("By the configuration, or by a reporter.", z.enum(["defined", "brought"])),
  options: said(
    "Completed, by their names in the library; durations in ms. Its static targets are among its targets.",
    z.record(z.string(), z.unknown()),
  ),
  listeners: z.array(z.strictObject({ name: z.string(), addresses: z.array(address()) })),
  panic: z.boolean(),
  rebalancing: said(
    "While connections are ended to make room for targets that have come; null: none are.",
    z.nullable(
      z.strictObject({
        targets: z.array(z.string()),
        ended: said("Connections so far.", count()),
        ms: said("Since the first of the targets came.", ms()),
      }),
    ),
  ),
  targets: targetCounts,
  asleep: said("Targets that start when somebody waits: they are down, or drain.", count()),
  active: said("Clients that hold a permit.", count()),
  waiting: said("Clients in the queue.", count()),
  concurrency: said(
    "Clients that may be served at once, by all balancers together where they share that; null: no limit.",
    z.nullable(count()),
  ),
  groupConcurrency: said(
    "What counts instead, where another balancer of the group has a smaller one; null: none has.",
    z.nullable(count()),
  ),
  permits: said(
    "How many of them this balancer may serve now, where others have a part of that; null: all.",
    z.nullable(count()),
  ),
  connections: said("That reached a target, since the start.", count()),
  failures: said("Attempts to connect to a target that failed.", count()),
  requeues: count(),
  unavailable: said("Clients that got no target, by reason.", z.record(unavailableReason, count())),
  bytesIn: bytes(),
  bytesOut: bytes(),
  bindings: said("Sticky bindings; null: the pool has none.", z.nullable(count())),
  evictions: count(),
  rates,
  connectMs: quantiles,
  firstByteMs: quantiles,
  durationMs: quantiles,
  queuedMs: quantiles,
});
export type Pool = z.infer<typeof pool>;

export const refusal = z.enum(REFUSALS);

export const route = z.strictObject({
  pool: z.string(),
  names: said("Server names, `*.` at the start for any labels; none: any name, and none.", z.array(z.string())),
  alpn: said("Of these protocols the client has to offer one; none: any, and none.", z.array(z.string())),
  tls: said("Whether the client's TLS ends here, or is passed on.", z.enum(["terminate", "pass"])),
});

export const listenerTls = z.strictObject({
  handshakes: said("That were agreed on, at this address.", count()),
  resumed: said("Of those, by clients that came back with a ticket.", count()),
  failed: count(),
  certificates: z.array(z.strictObject({ file: z.string(), names: z.array(z.string()), notAfter: time() })),
});

export const listener = z.strictObject({
  name: z.string(),
  address: address(),
  pool: said("Where those go whom no other route takes, or else the first of its pools.", z.string()),
  pools: said("All to which its routes lead.", z.array(z.string())),
  routes: z.array(route),
  keepaliveMs: ms(),
  options: said(
    "Completed, by their names in the library; durations in ms. What is off is among them.",
    z.record(z.string(), z.unknown()),
  ),
  refusals: said(
    "Clients that were turned away before they were served, by reason, at all addresses of the listener together; null: it asks nothing of them.",
    z.nullable(z.record(refusal, count())),
  ),
  tls: said("null: its clients speak none with the balancer.", z.nullable(listenerTls)),
  edgeBytes: said("Memory for its lists and for the limits of its clients.", bytes()),
});
export type Listener = z.infer<typeof listener>;

/** Of one pool, in steps of `stepMs`, the oldest first; a list is as long as every other. null: nothing is known of that step. */
const series = z.array(z.nullable(z.number()));
export const history = z.strictObject({
  pool: z.string(),
  stepMs: ms(),
  until: said("When the last step ended.", time()),
  active: series,
  waiting: series,
  connections: said("In that step.", series),
  failures: series,
  unavailable: series,
  bytesIn: series,
  bytesOut: series,
  connectP50: series,
  connectP99: series,
  targetsUp: series,
});
export type History = z.infer<typeof history>;
