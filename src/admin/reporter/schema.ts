/** What a reporter tells of itself at its own socket. As in the API: times are RFC 3339 texts, a field without a value is null. */
import * as z from "zod/mini";
import { ASKED_PROXIES } from "../../pool/asked-proxy.ts";
import { count, ms, said, time } from "../api/schemas/common.ts";

const trouble = z.nullable(z.strictObject({ code: z.string(), reason: z.string() }));

/** Of a weight that follows what is left. */
const followed = z.strictObject({
  headroom: said("What is left, 0 to 1, smoothed; null: it is not known yet.", z.nullable(z.number())),
  floor: count(),
  ceiling: count(),
  trouble: said("Why it cannot be told now.", z.nullable(z.string())),
});

const announced = z.strictObject({
  pool: z.string(),
  port: count(),
  id: said("null: it is named by its address and port.", z.nullable(z.string())),
  weight: count(),
  auto: said("What the weight follows; null: it is a number.", z.nullable(followed)),
  maxConnections: said("0: no limit.", count()),
  priority: count(),
  sendProxy: z.enum(ASKED_PROXIES),
  says: z.enum(["up", "draining", "down", "asleep"]),
  reason: said("Why it says that it is down; null: it does not.", z.nullable(z.string())),
  check: said("What its check has come to, in words; null: it has none.", z.nullable(z.string())),
});

/** A target, as one balancer has it. */
const registration = z.strictObject({
  target: said("As that balancer calls it; null: it has not registered it yet.", z.nullable(z.string())),
  port: count(),
  isRegistered: z.boolean(),
  since: said("Since when it is, or is not.", time()),
  active: said("Connections that it counted last.", z.nullable(count())),
  credits: said(
    "How many of maxConnections it may have now; null: all, as it has no limit or there is no other balancer.",
    z.nullable(count()),
  ),
  answeredAt: said("When it took a report last.", z.nullable(time())),
  trouble: said("Why it is not registered.", trouble),
});
export type Registration = z.infer<typeof registration>;

const balancer = z.strictObject({
  address: z.string(),
  isConnected: z.boolean(),
  since: said("Since when it is, or is not.", time()),
  software: said("As it calls itself.", z.nullable(z.string())),
  trouble,
  targets: z.array(registration),
});
export type ReportedBalancer = z.infer<typeof balancer>;

export const reporterStatus = z.strictObject({
  name: z.string(),
  version: z.string(),
  runtime: z.strictObject({ name: z.string(), version: z.string() }),
  pid: count(),
  startedAt: time(),
  uptimeMs: ms(),
  targets: z.array(announced),
  balancers: z.array(balancer),
});
export type ReporterStatus = z.infer<typeof reporterStatus>;
