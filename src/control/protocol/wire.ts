/**
 * The security of the control channel, without I/O: who proves what with which bytes, and how later lines are sealed.
 * README.md beside this file is the specification; test/control/readme.test.ts verifies its worked example.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import * as z from "zod/mini";
import { HarmonyError } from "../../util/errors.ts";
import { matching, name, parseObject, read, text } from "./schema.ts";

export const VERSION = 1;
/** Bytes of a nonce. Each side draws its own, so neither can make the other repeat a session. */
export const NONCE_BYTES = 32;

/** Bytes of the longest line, its LF included. */
export const MAX_LINE = 8192;
/** The same before the other side has proved its key: four times the longest hello, so that such a peer costs little memory. */
export const MAX_HANDSHAKE_LINE = 1024;

export type Side = "reporter" | "balancer";

const Hex32 = matching(/^[0-9a-f]{64}$/, "must be 64 lower-case hexadecimal digits");

const HelloLine = z.object({
  t: z.literal("hello"),
  v: z.int(),
  key: name,
  nonce: Hex32,
  software: text(100),
});
const ChallengeLine = z.object({ t: z.literal("challenge"), v: z.literal(VERSION), nonce: Hex32 });
const ProofLine = z.object({ t: z.literal("proof"), proof: Hex32 });
const SealedLine = z.object({ s: z.int().check(z.positive()), b: z.string(), m: Hex32 });

export type Hello = z.infer<typeof HelloLine>;

/** The exact bytes of the two unsealed lines that open a session, without their LF. Proofs and keys cover all of them. */
export interface Transcript {
  readonly hello: Uint8Array;
  readonly challenge: Uint8Array;
}

export function helloLine(keyId: string, nonce: string, software: string): string {
  return JSON.stringify({ t: "hello", v: VERSION, key: keyId, nonce, software });
}

export function challengeLine(nonce: string): string {
  return JSON.stringify({ t: "challenge", v: VERSION, nonce });
}

export function proofLine(secret: string, transcript: Transcript): string {
  return JSON.stringify({ t: "proof", proof: derive(secret, "harmony/1 reporter", transcript).toString("hex") });
}

/** Throws `BAD_VERSION` for a hello of another version, `BAD_MESSAGE` for anything else. */
export function readHello(line: Uint8Array): Hello {
  const hello = read(HelloLine, parseObject(line), "hello");
  if (hello.v !== VERSION) {
    throw refused("BAD_VERSION", `version ${hello.v} of the control channel is not spoken here, only ${VERSION}`);
  }
  return hello;
}

export function readChallenge(line: Uint8Array): void {
  read(ChallengeLine, parseObject(line), "challenge");
}

/** Whether the line proves that its sender holds the secret. Takes the same time whichever byte differs. */
export function provesKey(line: Uint8Array, secret: string, transcript: Transcript): boolean {
  const { proof } = read(ProofLine, parseObject(line), "proof");
  return timingSafeEqual(Buffer.from(proof, "hex"), derive(secret, "harmony/1 reporter", transcript));
}

function derive(secret: string, label: string, { hello, challenge }: Transcript): Buffer {
  const mac = createHmac("sha256", Buffer.from(secret, "utf8"));
  return mac.update(`${label}\n`).update(hello).update("\n").update(challenge).update("\n").digest();
}

/**
 * Seals and opens the lines after the handshake, in both directions of one session. Each direction has its own key and its
 * own sequence, so that a line cannot be replayed, reordered, dropped or sent back to its sender.
 */
export class Seal {
  readonly #sendKey: Buffer;
  readonly #openKey: Buffer;
  #sent = 0;
  #opened = 0;

  constructor(side: Side, secret: string, transcript: Transcript) {
    const reporter = derive(secret, "harmony/1 seal reporter", transcript);
    const balancer = derive(secret, "harmony/1 seal balancer", transcript);
    this.#sendKey = side === "reporter" ? reporter : balancer;
    this.#openKey = side === "reporter" ? balancer : reporter;
  }

  seal(body: object): string {
    const b = JSON.stringify(body);
    this.#sent += 1;
    return JSON.stringify({ s: this.#sent, b, m: sealMac(this.#sendKey, this.#sent, b).toString("hex") });
  }

  /** The body, a JSON object still to be validated. What it throws ends the session: `NOT_JSON`, `NOT_SEALED`, `BAD_SEAL` or `BAD_SEQUENCE`. */
  open(line: Uint8Array): object {
    const parsed = SealedLine.safeParse(parseObject(line));
    if (!parsed.success) throw refused("NOT_SEALED", "a line is not sealed");
    const { s, b, m } = parsed.data;
    if (!timingSafeEqual(Buffer.from(m, "hex"), sealMac(this.#openKey, s, b))) {
      const message = "the seal of a line does not match: it was changed on the way, or made for another session";
      throw refused("BAD_SEAL", message);
    }
    if (s !== this.#opened + 1) {
      throw refused("BAD_SEQUENCE", `line ${s} came where ${this.#opened + 1} was due: replayed, reordered or lost`);
    }
    this.#opened = s;
    return parseObject(Buffer.from(b, "utf8"));
  }
}

function sealMac(key: Buffer, sequence: number, body: string): Buffer {
  return createHmac("sha256", key).update(`${sequence}\n`).update(body, "utf8").digest();
}

function refused(code: string, message: string): HarmonyError {
  return new HarmonyError(code, message, { fault: "target" });
}
