/** What can be done: bodies of requests, and what is answered. */
import * as z from "zod/mini";
import { ASKED_PROXIES } from "../../../pool/asked-proxy.ts";
import { count, said } from "./common.ts";
import { target } from "./targets.ts";

const reason = z.optional(said("Shown wherever the order shows.", z.string().check(z.maxLength(200))));

export const orderBody = z.strictObject({ reason });
export const weightBody = z.strictObject({
  factor: said("null takes it back.", z.nullable(z.number().check(z.minimum(0), z.maximum(100)))),
  reason,
});
/** Answered by the target as it is then. */
export const ordered = target;

/** At least one; those count that match all. */
export const killBody = z.strictObject({
  id: z.optional(z.string()),
  target: z.optional(z.string()),
  client: z.optional(said("An address or a CIDR range.", z.string())),
  pool: z.optional(z.string()),
});
export const killed = z.strictObject({ killed: count() });

export const logLevelBody = z.strictObject({
  level: said("As --log-level takes it; null takes the order back.", z.nullable(z.string())),
});

/** Who puts a target is its reporter: it comes back within `lease` ms, or the target is down. */
export const putTargetBody = z.strictObject({
  address: said("HOST:PORT. The host is one that the token may register.", z.string()),
  leaseMs: z.int().check(z.minimum(1000), z.maximum(24 * 3_600_000)),
  weight: z.optional(z.int().check(z.minimum(0), z.maximum(1_000_000))),
  maxConnections: z.optional(count()),
  priority: z.optional(z.int().check(z.minimum(0), z.maximum(255))),
  sendProxy: z.optional(said("As harmony-reporter --send-proxy.", z.enum(ASKED_PROXIES))),
  state: z.optional(z.enum(["up", "draining", "down"])),
});
export type PutTarget = z.infer<typeof putTargetBody>;

export const steps = z.strictObject({
  file: z.nullable(z.string()),
  steps: z.array(z.strictObject({ kind: z.string(), text: z.string() })),
});
export type Steps = z.infer<typeof steps>;
