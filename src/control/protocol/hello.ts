/**
 * The two lines of the handshake: which key the reporter claims to hold, and a message of Noise each way, which proves it. README.md
 * beside this file is the specification; test/control/readme.test.ts verifies its worked examples.
 */
import { createHmac } from "node:crypto";
import * as z from "zod/mini";
import type { TcpAddress } from "../../net/runtime.ts";
import { canonicalHost, formatAddress } from "../../util/address.ts";
import { HarmonyError } from "../../util/errors.ts";
import { base64, fromBase64 } from "./base64.ts";
import { HandshakeState, type Pattern } from "./noise.ts";
import { code, matching, name, parseObject, read, text, view } from "./schema.ts";
import type { KeyPair } from "./x25519.ts";

export const VERSION = 2;

/** Bytes of the longest line, its LF included. */
export const MAX_LINE = 8192;
/** The same of the first line, while nothing is proved: more than the longest hello has. */
export const MAX_HELLO_LINE = 1024;

/** What the reporter says in clear: by what it wants to be known. The balancer could not tell by what else to read the rest. */
export type Claim =
  | { readonly as: "key"; readonly id: string }
  | { readonly as: "reporter" }
  | { readonly as: "join"; readonly id: string };

const PATTERN_OF = { key: "NNpsk0", reporter: "IK", join: "IKpsk1" } as const satisfies Record<Claim["as"], Pattern>;

/** The keys of one side, as its claim's pattern needs them. */
export interface HandshakeKeys {
  readonly psk?: Uint8Array;
  /** One's own. */
  readonly s?: KeyPair;
  /** The balancer's. */
  readonly rs?: Uint8Array;
  /** See HandshakeOptions. */
  readonly e?: KeyPair;
}

export function handshakeOf(claim: Claim, role: "initiator" | "responder", keys: HandshakeKeys): HandshakeState {
  const prologue = Buffer.from(`harmony/${VERSION}\n${claim.as}\n${idOf(claim)}`);
  return new HandshakeState({ ...keys, pattern: PATTERN_OF[claim.as], role, prologue });
}

/** The psk of a shared key. */
export function pskOfSecret(secret: string): Uint8Array {
  return createHmac("sha256", "harmony/2 shared key").update(secret, "utf8").digest();
}

/** The psk of an invitation, of its 16 random bytes. */
export function pskOfInvitation(secret: Uint8Array): Uint8Array {
  return createHmac("sha256", "harmony/2 invitation").update(secret).digest();
}

const message = base64(MAX_HELLO_LINE);
const invitation = matching(/^[A-Za-z0-9_-]{1,64}$/, "must be the id of an invitation");
const HelloLine = z.discriminatedUnion("as", [
  z.object({ t: z.literal("hello"), v: z.int(), as: z.literal("key"), id: name, m: message }),
  z.object({ t: z.literal("hello"), v: z.int(), as: z.literal("reporter"), m: message }),
  z.object({ t: z.literal("hello"), v: z.int(), as: z.literal("join"), id: invitation, m: message }),
]);
const AnyHello = z.object({ t: z.literal("hello"), v: z.int() });

/** Within the first message of Noise. */
const HelloPayload = z.object({
  /** ms since 1970 by the reporter's wall clock, which says how old the line is. */
  time: z.int().check(z.minimum(0)),
  /** Program and version, for the log. */
  software: text(100),
  /** The reporter's own view of the connection; see viewOf(). */
  local: view,
  remote: view,
  /** What the balancer has sent with `CLOCK`. */
  ticket: z.optional(base64(100)),
  /** Of a join: what the reporter's host is called. */
  name: z.optional(text(100)),
});
export type HelloPayload = z.infer<typeof HelloPayload>;

export interface Hello {
  readonly claim: Claim;
  readonly message: Uint8Array;
}

/** One end of a connection as both sides write it: without a zone, which only one of the hosts knows. */
export function viewOf({ host, port }: TcpAddress): string {
  return formatAddress({ host: canonicalHost(host.replace(/%.*$/, "")), port });
}

export function helloLine(claim: Claim, handshake: HandshakeState, payload: HelloPayload): string {
  const m = handshake.write(Buffer.from(JSON.stringify(payload))).toString("base64");
  return JSON.stringify({ t: "hello", v: VERSION, ...claim, m });
}

/** Throws `BAD_VERSION` for a hello of another version, `NOT_JSON` or `BAD_MESSAGE` for anything else. */
export function readHello(line: Uint8Array): Hello {
  const object = parseObject(line);
  const { v } = read(AnyHello, object, "hello");
  if (v !== VERSION) throw otherVersion(v);
  const { m, as, ...rest } = read(HelloLine, object, "hello");
  return { claim: "id" in rest ? ({ as, id: rest.id } as Claim) : { as: "reporter" }, message: fromBase64(m) };
}

/** Throws `NOT_JSON` or `BAD_MESSAGE`. */
export function readHelloPayload(payload: Uint8Array): HelloPayload {
  return read(HelloPayload, parseObject(payload), "hello");
}

export function answerLine(handshake: HandshakeState, body: object): string {
  return JSON.stringify({ t: "answer", m: handshake.write(Buffer.from(JSON.stringify(body))).toString("base64") });
}

const AnswerLine = z.discriminatedUnion("t", [
  z.object({ t: z.literal("answer"), m: base64(MAX_LINE) }),
  z.object({ t: z.literal("reject"), code, reason: text(500), retry: z.boolean(), ticket: z.optional(base64(100)) }),
]);

/** A refusal that nobody has sealed: it proves nothing, and is good for a line in the log and for another attempt. */
export interface UnsealedReject {
  readonly code: string;
  readonly reason: string;
  readonly retry: boolean;
  /** With `CLOCK`: the next hello takes it along, and then needs no right time. */
  readonly ticket?: string | undefined;
}

export function rejectLine(reject: UnsealedReject): string {
  return JSON.stringify({ t: "reject", ...reject });
}

/** The balancer's message of Noise, or why there is none. Throws `NOT_JSON` or `BAD_MESSAGE`. */
export function readAnswer(line: Uint8Array): Uint8Array | UnsealedReject {
  const answer = read(AnswerLine, parseObject(line), "answer");
  return answer.t === "answer" ? fromBase64(answer.m) : answer;
}

function idOf(claim: Claim): string {
  return "id" in claim ? claim.id : "";
}

function otherVersion(version: number): HarmonyError {
  const older = version < VERSION ? "reporter" : "balancer";
  const message =
    `this balancer speaks version ${VERSION} of the control channel, the reporter version ${version}: update the ${older}, ` +
    "so that both are of one release";
  return new HarmonyError("BAD_VERSION", message, { fault: "target" });
}
