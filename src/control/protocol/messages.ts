/** The bodies that travel sealed, and how anything from the network is read. Unknown fields are ignored: later versions may add some. */
import * as z from "zod/mini";
import en from "zod/v4/locales/en.js";
import { HarmonyError } from "../../util/errors.ts";
import { matching, name, text } from "./text.ts";

/** Top of the scale of weights, as the pool has it. */
export const MAX_WEIGHT = 1_000_000;
export const DEFAULT_POOL = "default";

// No colon: an id can then never be taken for the address:port that names a target without an id.
const targetId = matching(
  /^[A-Za-z0-9._@-]{1,128}$/,
  "must be 1 to 128 letters, digits, dots, dashes, underscores or at signs",
);
const host = matching(/^[A-Za-z0-9._:%-]{1,253}$/, "must be an IP address or a host name");
const code = matching(/^[A-Z_]{1,40}$/, "must be a code in capitals");

const whole = (min: number, max: number) => z.int().check(z.minimum(min), z.maximum(max));

/** The full state of one target: whoever hears one report knows everything. */
const Report = z.object({
  t: z.literal("report"),
  id: z.optional(targetId),
  pool: name,
  /** Where the target listens. */
  port: whole(1, 65_535),
  weight: whole(0, MAX_WEIGHT),
  health: z.enum(["up", "down"]),
  drain: z.boolean(),
  /** Host to dial instead of the address the balancer sees the reporter at. */
  advertise: z.optional(host),
  /** Connections at once; 0 or absent is no limit. */
  maxConnections: z.optional(whole(0, 0x7fff_ffff)),
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

/** A refusal before there are session keys goes out unsealed; it proves nothing and is only good for a log line. */
export const UnsealedReject = Reject;

/** Throws `BAD_MESSAGE` that names the field. */
export const readFromReporter = (body: object): FromReporter => read(FromReporter, body, "message");
/** Throws `BAD_MESSAGE` that names the field. */
export const readFromBalancer = (body: object): FromBalancer => read(FromBalancer, body, "message");

// zod/mini has no words of its own for what is wrong. Not z.locales: that would bundle every language.
const english = en().localeError;

export function read<T>(schema: z.ZodMiniType<T>, value: object, what: string): T {
  const result = schema.safeParse(value, { error: english });
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue?.path.length ? `"${issue.path.join(".")}"` : "it";
  throw new HarmonyError("BAD_MESSAGE", `a ${what} was refused: ${field}: ${issue?.message}`, { fault: "target" });
}

/** One line or body as a JSON object. Throws `NOT_JSON`. */
export function parseObject(bytes: Uint8Array): object {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new HarmonyError("NOT_JSON", "a line is not JSON in UTF-8", { fault: "target", cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new HarmonyError("NOT_JSON", "a line is not a JSON object", { fault: "target" });
}
