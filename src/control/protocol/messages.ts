/** The bodies of sealed lines. Unknown fields are ignored, so that later versions may add some. */
import * as z from "zod/mini";
import { MAX_CONNECTIONS, MAX_PRIORITY, MAX_WEIGHT } from "../../pool/types.ts";
import { base64 } from "./base64.ts";
import { code, isPrintable, matching, name, read, text, view, whole } from "./schema.ts";

/** The id of a target. Without colons, it cannot be mistaken for the address:port that names a target without an id. */
export const TARGET_ID = /^[A-Za-z0-9._@-]{1,128}$/;
const targetId = matching(TARGET_ID, "must be 1 to 128 letters, digits, dots, dashes, underscores or at signs");
const host = matching(/^[A-Za-z0-9._:%-]{1,253}$/, "must be an IP address or a host name");
const port = whole(1, 65_535);

/** More than a pool has options, with room for later ones. */
const MAX_OPTIONS = 64;
/** Characters of all of them, names and values: a report with so many fits in a line. */
const MAX_OPTIONS_LENGTH = 4_096;
/** The name of an option of a pool, as it is written in a file. */
export const OPTION_NAME = /^[a-z][a-z-]{0,39}$/;
/** Options of a pool as text. Values may reach a log. */
const options = z
  .record(
    matching(OPTION_NAME, "must be the name of an option: small letters and dashes"),
    z.string().check(z.maxLength(200), z.refine(isPrintable, "must have no control characters")),
  )
  .check(
    z.refine((given) => Object.keys(given).length <= MAX_OPTIONS, `must name at most ${MAX_OPTIONS} options`),
    z.refine(
      (given) => Object.entries(given).flat().join("").length <= MAX_OPTIONS_LENGTH,
      `must have at most ${MAX_OPTIONS_LENGTH} characters`,
    ),
  );

/** As many as a reporter speaks to. */
export const MAX_BALANCERS = 100;

/** Characters: one line for people. */
export const MAX_HEALTH_REASON = 200;

/** Drawn by the reporter for each of its messages: the answer bears the same. */
const n = whole(0, Number.MAX_SAFE_INTEGER);
/** What the reporter calls one of its targets in this session. Absent: 0. */
const ref = z._default(whole(0, 999), 0);
/** ms since the welcome. */
const sinceWelcome = whole(0, Number.MAX_SAFE_INTEGER);

/** The full state of one target, as targets/report.ts describes it. */
const state = {
  id: z.optional(targetId),
  pool: name,
  port,
  weight: whole(0, MAX_WEIGHT),
  health: z.enum(["up", "down"]),
  /** Why it is down, for people. */
  reason: z.optional(text(MAX_HEALTH_REASON)),
  drain: z.boolean(),
  /** It does not run, and is started when the balancer says that somebody waits (`wake`). */
  asleep: z.optional(z.boolean()),
  advertise: z.optional(host),
  maxConnections: z.optional(whole(0, MAX_CONNECTIONS)),
  /** How many of `maxConnections` this balancer may use, as long as the report counts; absent: all. */
  credits: z.optional(whole(0, MAX_CONNECTIONS)),
  /** Connections that other balancers have there, as the reporter knows. Where it is, `usage` is understood. */
  elsewhere: z.optional(whole(0, MAX_CONNECTIONS)),
  /** How many balancers the reporter speaks to, and which of them this is, from 0 on: they divide what a pool's limit lets all of them have. */
  balancers: z.optional(whole(1, MAX_BALANCERS)),
  place: z.optional(whole(0, MAX_BALANCERS - 1)),
  priority: z.optional(whole(0, MAX_PRIORITY)),
  /** The PROXY header that it gets before each client's first byte; absent: as the pool's options say. */
  sendProxy: z.optional(z.enum(["off", "v1", "v2"])),
  instance: z.optional(name),
  /** The balancer is to open this port for the pool … */
  listen: z.optional(port),
  /** … which has these options, where it is made for that. */
  options: z.optional(options),
};
const Report = z.object({
  t: z.literal("report"),
  n,
  ref,
  /** When it was made, by the balancer's clock as the reporter knows it: `at` of the latest answer and the time since. */
  made: sinceWelcome,
  ...state,
});
/** The same as balancers pass it on to each other. */
const PassedOn = z.object(state);
const Leave = z.object({ t: z.literal("leave"), n, ref });
/** Of an invited reporter: it will come with this public key in future. */
const Rotate = z.object({ t: z.literal("rotate"), n, key: base64(44) });
/** Of one that has shown an invitation: it is entered now. */
const Join = z.object({ t: z.literal("join"), n });

/**
 * Within the balancer's message of the handshake, all times in ms. `lease`: how long a report counts; `interval`: how often the balancer
 * wants one; `heartbeat`: after how long without a line it wants an empty one, absent where it wants none. `local` and `remote`: the connection as the balancer sees it.
 */
const Welcome = z.object({
  t: z.literal("welcome"),
  lease: z.int().check(z.positive()),
  interval: z.int().check(z.positive()),
  heartbeat: z.optional(z.int().check(z.positive())),
  name: text(100),
  version: text(100),
  /** Drawn at the balancer's start. Where it is, `credits` are understood. */
  instance: z.optional(name),
  local: view,
  remote: view,
});
/**
 * To a report or a leave, `target` is the name that the balancer gave it and `active` the connections that it has now; `listen` the
 * port that is open for its pool, if the report has asked for one. To a join, `name` is what the reporter is called from now on.
 */
const Ok = z.object({
  t: z.literal("ok"),
  n,
  at: sinceWelcome,
  target: z.optional(text(300)),
  active: z.optional(z.int().check(z.minimum(0))),
  /** Connections that it has had, with those: whether there were any since the last answer. */
  total: z.optional(z.int().check(z.minimum(0))),
  /** To a report with credits, of another reporter than the one before: what that had issued, and counted still. */
  before: z.optional(whole(0, MAX_CONNECTIONS)),
  listen: z.optional(port),
  name: z.optional(name),
});
const MAX_REASON = 500;
const reason = text(MAX_REASON);

/** As much of a reason as a message takes: it may list what a key allows. */
export function reasonOf(why: string): string {
  return why.length <= MAX_REASON ? why : `${why.slice(0, MAX_REASON - 1)}…`;
}

/** `retry`: the same message may succeed later. */
const Reject = z.object({ t: z.literal("reject"), n, at: sinceWelcome, code, reason, retry: z.boolean() });
/** Instead of a welcome: the reporter has proved its key, and is not let in. */
const Refusal = z.object({ t: z.literal("reject"), code, reason, retry: z.boolean() });
/** The balancer ends the session. `REPLACED`: another session speaks for the target now. `STOPPING`: no balancer for a while. */
const Goodbye = z.object({ t: z.literal("goodbye"), code, reason });

/** Somebody waits for a target that is asleep: it is to be started. It may be said again. */
const Wake = z.object({ t: z.literal("wake"), ref });

/** How many connections the target has here, and how many clients wait that it has no credit for. */
const Usage = z.object({
  t: z.literal("usage"),
  ref,
  active: whole(0, MAX_CONNECTIONS),
  waiting: whole(0, MAX_CONNECTIONS),
});

const FromReporter = z.discriminatedUnion("t", [Report, Leave, Rotate, Join]);
const FromBalancer = z.discriminatedUnion("t", [Ok, Reject, Goodbye, Wake, Usage]);
const FirstFromBalancer = z.discriminatedUnion("t", [Welcome, Refusal]);

export type Report = z.infer<typeof Report>;
export type PassedOn = z.infer<typeof PassedOn>;
export type Leave = z.infer<typeof Leave>;
export type Rotate = z.infer<typeof Rotate>;
export type FromReporter = z.infer<typeof FromReporter>;
export type Welcome = z.infer<typeof Welcome>;
export type Ok = z.infer<typeof Ok>;
export type Reject = z.infer<typeof Reject>;
export type Usage = z.infer<typeof Usage>;
export type Refusal = z.infer<typeof Refusal>;
export type FromBalancer = z.infer<typeof FromBalancer>;

/** Throws `BAD_MESSAGE` that names the field. */
export const readPassedOn = (body: object): PassedOn => read(PassedOn, body, "target");
/** Throws `BAD_MESSAGE` that names the field. */
export const readFromReporter = (body: object): FromReporter => read(FromReporter, body, "message");
/** Throws `BAD_MESSAGE` that names the field. */
export const readFromBalancer = (body: object): FromBalancer => read(FromBalancer, body, "message");
/** Throws `BAD_MESSAGE` that names the field. */
export const readWelcome = (body: object): Welcome | Refusal => read(FirstFromBalancer, body, "welcome");
