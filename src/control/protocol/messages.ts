/** The bodies of sealed lines. Unknown fields are ignored, so that later versions may add some. */
import * as z from "zod/mini";
import { MAX_CONNECTIONS, MAX_WEIGHT } from "../../pool/types.ts";
import { matching, name, read, text, whole } from "./schema.ts";

/** The id of a target. Without colons, it cannot be mistaken for the address:port that names a target without an id. */
export const TARGET_ID = /^[A-Za-z0-9._@-]{1,128}$/;
const targetId = matching(TARGET_ID, "must be 1 to 128 letters, digits, dots, dashes, underscores or at signs");
const host = matching(/^[A-Za-z0-9._:%-]{1,253}$/, "must be an IP address or a host name");
const code = matching(/^[A-Z_]{1,40}$/, "must be a code in capitals");

/** The full state of one target, as targets/report.ts describes it. */
const Report = z.object({
  t: z.literal("report"),
  id: z.optional(targetId),
  pool: name,
  port: whole(1, 65_535),
  weight: whole(0, MAX_WEIGHT),
  health: z.enum(["up", "down"]),
  drain: z.boolean(),
  advertise: z.optional(host),
  maxConnections: z.optional(whole(0, MAX_CONNECTIONS)),
  instance: z.optional(name),
});
const Leave = z.object({ t: z.literal("leave") });

/** `lease` and `interval` in ms: how long a report counts, and how often the balancer wants one. */
const Welcome = z.object({
  t: z.literal("welcome"),
  lease: z.int().check(z.positive()),
  interval: z.int().check(z.positive()),
  name: text(100),
  version: text(100),
});
/** `active`: connections the target has now. `target`: the name the balancer gave it. */
const Ok = z.object({ t: z.literal("ok"), target: text(300), active: z.int().check(z.minimum(0)) });
/** `retry`: the same report may succeed later, the session stays open. */
const Reject = z.object({ t: z.literal("reject"), code, reason: text(500), retry: z.boolean() });
/** The balancer ends the session. `REPLACED`: another session speaks for the target now. `STOPPING`: no balancer for a while. */
const Goodbye = z.object({ t: z.literal("goodbye"), code, reason: text(500) });

const FromReporter = z.discriminatedUnion("t", [Report, Leave]);
const FromBalancer = z.discriminatedUnion("t", [Welcome, Ok, Reject, Goodbye]);

export type Report = z.infer<typeof Report>;
export type FromReporter = z.infer<typeof FromReporter>;
export type Welcome = z.infer<typeof Welcome>;
export type Ok = z.infer<typeof Ok>;
export type Reject = z.infer<typeof Reject>;
export type FromBalancer = z.infer<typeof FromBalancer>;

/** A refusal before there are session keys is sent unsealed; it proves nothing and is only good for a log line. */
export const UnsealedReject = Reject;

/** Throws `BAD_MESSAGE` that names the field. */
export const readFromReporter = (body: object): FromReporter => read(FromReporter, body, "message");
/** Throws `BAD_MESSAGE` that names the field. */
export const readFromBalancer = (body: object): FromBalancer => read(FromBalancer, body, "message");
