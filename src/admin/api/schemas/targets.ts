/** Targets, what everybody says of them, and what can be ordered. */
import * as z from "zod/mini";
import { ASKED_PROXIES } from "../../../pool/asked-proxy.ts";
import { address, bytes, count, ms, quantiles, rates, said, time } from "./common.ts";

/** It takes new connections only when none of them says no. */
export const verdict = z.strictObject({
  source: said("Who says it.", z.enum(["reported", "declared", "observed", "checked", "ordered"])),
  says: z.enum(["up", "suspect", "draining", "down"]),
  reason: said("One sentence for people.", z.string()),
  since: z.nullable(time()),
});
export type Verdict = z.infer<typeof verdict>;

/** What an operator has ordered. It outlasts reload and restart, until it is taken back. */
export const order = z.strictObject({
  state: said(
    "`drain`: no new connections, sticky clients included. `maintain`: the same, and it counts as down.",
    z.nullable(z.enum(["drain", "maintain"])),
  ),
  factor: said("Its weight is multiplied by this, 0 to 100; null: as it is.", z.nullable(z.number())),
  by: said("The token's name, or `socket`.", z.string()),
  reason: z.nullable(z.string()),
  at: time(),
});
export type Order = z.infer<typeof order>;

/** A check that the balancer makes of a target, or the agent that it asks. */
export const check = z.strictObject({
  kind: z.enum(["check", "agent"]),
  name: said("What is asked: `http:/healthz`, `agent at port 9999`.", z.string()),
  says: said(
    "What it comes to. `unknown`: a check that has neither passed yet nor failed often enough.",
    z.enum(["unknown", "up", "draining", "down"]),
  ),
  since: time(),
  last: said(
    "The last answer; null: there was none yet.",
    z.nullable(z.strictObject({ ok: z.boolean(), reason: z.string(), ms: ms(), at: time() })),
  ),
  lack: said(
    "Why it could not be asked the last time, for a lack of the balancer's own; null: it could.",
    z.nullable(z.string()),
  ),
  passes: count(),
  failures: count(),
});
export type Check = z.infer<typeof check>;

export const target = z.strictObject({
  id: said("Its name: `pool/id`, `pool/host:port` or `pool/unix:path`.", z.string()),
  pool: z.string(),
  address: address(),
  sources: said(
    "Who says that it exists: a reporter, another balancer of the group, the configuration, the DNS.",
    z.array(z.enum(["registered", "shared", "static", "dns"])),
  ),
  state: z.enum(["up", "suspect", "draining", "down"]),
  reason: said("Why it is in this state, in one sentence.", z.string()),
  since: said("When it came into this state.", time()),
  verdicts: z.array(verdict),
  order: z.nullable(order),
  checks: said("Made of it by the balancer. Targets at one address that are checked alike share one.", z.array(check)),
  priority: said("It serves only while no target of a smaller number is up. Backups come after all others.", count()),
  backup: z.boolean(),
  panic: z.boolean(),
  weight: said(
    "In effect: what is reported or declared, times the ordered factor and the part of a slow start.",
    count(),
  ),
  ramp: said(
    "Part of its weight that it has while it starts slowly (slow-start), below 1; null: all.",
    z.nullable(z.number()),
  ),
  ownWeight: said("As reported or declared.", count()),
  weightShare: said("Its part of the pool's weight, 0 to 1, of those that take connections.", z.number()),
  share: said(
    "Its part of the pool's connections of the last minute, 0 to 1; null: there was none.",
    z.nullable(z.number()),
  ),
  maxConnections: said("0: no limit.", count()),
  credits: said(
    "How many of them this balancer may use now, of several that the target's reporter speaks to; null: all.",
    z.nullable(count()),
  ),
  elsewhere: said("Connections that the other balancers have there, as its reporter told last.", count()),
  sendProxy: said(
    "The PROXY header that it asks for in its report; pool: none in particular, so that it gets what its pool's options say.",
    z.enum(ASKED_PROXIES),
  ),
  active: count(),
  connections: said("Since it came.", count()),
  failures: said("Attempts to connect to it that failed.", count()),
  bytesIn: bytes(),
  bytesOut: bytes(),
  rates,
  smoothedConnectMs: z.nullable(ms()),
  connectMs: quantiles,
  firstByteMs: quantiles,
  durationMs: quantiles,
  reporter: z.nullable(
    z.strictObject({
      key: z.string(),
      address: z.nullable(address()),
      lastReport: time(),
      isSilent: said("Its connection is there, and nothing is heard of it, not even a sign of life.", z.boolean()),
    }),
  ),
  leaseUntil: said("Until when the last report counts; null: nobody reports it.", z.nullable(time())),
});
export type Target = z.infer<typeof target>;

export const binding = z.strictObject({
  client: z.string(),
  pool: z.string(),
  target: said("null: it has left.", z.nullable(z.string())),
  active: count(),
  idleMs: ms(),
  source: said(
    "Who writes it down for the group: own, this balancer; shared, another one, which has made it or has it from one that is gone.",
    z.enum(["own", "shared"]),
  ),
});
export type Binding = z.infer<typeof binding>;
