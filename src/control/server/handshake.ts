/**
 * The balancer's side of the handshake: who a reporter is, judged by its first line alone. Nothing is remembered of anybody who has not
 * proved a key with it, and nothing is awaited.
 */
import { randomBytes } from "node:crypto";
import type { TcpAddress } from "../../net/runtime.ts";
import { HarmonyError } from "../../util/errors.ts";
import { INSECURE_KEY, isShared, type Key } from "../keys/key.ts";
import type { KeyLimits } from "../keys/limits.ts";
import { formatKeyBytes } from "../keys/public-key.ts";
import {
  answerLine,
  type Claim,
  type Hello,
  type HelloPayload,
  handshakeOf,
  pskOfInvitation,
  pskOfSecret,
  readHello,
  readHelloPayload,
  rejectLine,
} from "../protocol/hello.ts";
import type { HandshakeState } from "../protocol/noise.ts";
import { NoiseError } from "../protocol/noise-error.ts";
import { Seal } from "../protocol/seal.ts";
import type { KeyPair } from "../protocol/x25519.ts";
import { ClockIsWrong, Freshness, type FreshnessOptions } from "./freshness.ts";

/** The keys that are accepted now. */
export interface KeyRing {
  find(id: string): Key | undefined;
  findByPublicKey(publicKey: Uint8Array): Key | undefined;
  /** Whether there was one of that name, which was revoked. */
  isRevoked(id: string): boolean;
}

export interface Invitation {
  readonly id: string;
  /** 16 random bytes. */
  readonly secret: Uint8Array;
  /** What whoever joins with it will be called, as far as that is known, and may do. */
  readonly name: string;
  readonly limits: KeyLimits;
}

export interface Invitations {
  /** Also one that is over: redeem() says so to whoever proves that it has it. */
  find(id: string): Invitation | undefined;
  /** Enters the reporter and counts the use; for one that is entered already it only says its name again. Rejects with HarmonyError. */
  redeem(id: string, publicKey: Uint8Array, host?: string): Promise<string>;
}

/** The lines of invited reporters. Both reject with HarmonyError. */
export interface Reporters {
  /** Enters `next` beside the public key that the reporter has proved. */
  rotate(id: string, current: Uint8Array, next: Uint8Array): Promise<void>;
  /** The reporter has come with this one of its keys: with the new one, the former goes. */
  came(id: string, publicKey: Uint8Array): Promise<void>;
}

export interface DoorkeeperOptions extends FreshnessOptions {
  readonly keys: KeyRing;
  /** The balancer's own; null where it has invited nobody. */
  readonly identity: () => KeyPair | null;
  readonly invitations: Pick<Invitations, "find">;
}

/** Both ends of a connection as the balancer sees them. */
export interface Seen {
  readonly local: TcpAddress;
  readonly remote: TcpAddress;
}

/** What a reporter has proved with its first line. That it is there now, its first sealed line proves. */
export interface Proved {
  readonly claim: Claim;
  /** Of a join: the invitation, whose id here is no key's. */
  readonly key: Key;
  /** The one of an invited reporter, or of one that joins. */
  readonly publicKey: Uint8Array | null;
  readonly hello: HelloPayload;
  /** The second line, and what seals and opens those that follow. Called once. Throws NoiseError for a public key of small order. */
  answer(body: object): { readonly line: string; readonly seal: Seal };
}

export interface Refused {
  /** Its message is for the log. */
  readonly refused: HarmonyError;
  /** What to say before the connection is closed, if anything. */
  readonly line: string | null;
}

/** `named`: for the log, the key that it says it has; "" where it says none. */
export type Judgement = ({ readonly proved: Proved } | Refused) & { readonly named: string };

/** Used for what does not exist, so that it takes as long to refuse as what does. */
const NOBODYS_SECRET = randomBytes(32).toString("hex");
const NOBODYS_INVITATION = randomBytes(16);

/** Codes of what is no hello: the peer is hardly a reporter, and its fault would read as a reporter's. */
const NO_HELLO: ReadonlySet<string> = new Set(["NOT_JSON", "BAD_MESSAGE"]);

export class Doorkeeper {
  readonly #options: DoorkeeperOptions;
  readonly #freshness: Freshness;

  constructor(options: DoorkeeperOptions) {
    this.#options = options;
    this.#freshness = new Freshness(options);
  }

  /** Never throws for what a peer has sent. */
  judge(line: Uint8Array, { remote }: Pick<Seen, "remote">): Judgement {
    let hello: Hello;
    try {
      hello = readHello(line);
    } catch (error) {
      if (!(error instanceof HarmonyError)) throw error;
      // What is no hello is told nothing.
      return NO_HELLO.has(error.code) ? { refused: noHello(error), line: null, named: "" } : refuse(error, "");
    }
    const named = namedBy(hello.claim);
    try {
      return { proved: this.#prove(hello, remote.host), named };
    } catch (error) {
      if (error instanceof ClockIsWrong) return refuse(error, named, error.ticket);
      if (error instanceof HarmonyError) return refuse(error, named);
      throw error;
    }
  }

  #prove({ claim, message }: Hello, host: string): Proved {
    const { handshake, payload, key } = this.#read(claim, message);
    const hello = readHelloPayload(payload);
    this.#freshness.demand(key.id, handshake.remoteEphemeral ?? new Uint8Array(), hello, host);
    return {
      claim,
      key,
      publicKey: handshake.remoteStatic ?? null,
      hello,
      answer: (body) => ({ line: answerLine(handshake, body), seal: new Seal(handshake.split()) }),
    };
  }

  #read(claim: Claim, message: Uint8Array): { handshake: HandshakeState; payload: Uint8Array; key: Key } {
    if (claim.as === "key") return this.#readShared(claim, message);
    const s = this.#options.identity();
    if (s === null)
      throw new NotProved(claim, "this balancer has no identity: it has invited nobody, or has lost the file");
    if (claim.as === "reporter") return this.#readInvited(claim, s, message);
    return this.#readJoin(claim, s, message);
  }

  #readShared(claim: Claim & { as: "key" }, message: Uint8Array) {
    const key = this.#options.keys.find(claim.id);
    const shared = key && isShared(key) ? key : undefined;
    const handshake = handshakeOf(claim, "responder", { psk: pskOfSecret(shared?.secret ?? NOBODYS_SECRET) });
    const payload = opened(handshake, message);
    if (payload && shared) return { handshake, payload, key: shared };
    if (shared) throw new NotProved(claim, `its secret is not the one of key "${claim.id}" here`);
    throw new NotProved(claim, this.#options.keys.isRevoked(claim.id) ? revokedKey(claim.id) : unknownKey(claim.id));
  }

  #readInvited(claim: Claim, s: KeyPair, message: Uint8Array) {
    let key: Key | undefined;
    const handshake = handshakeOf(claim, "responder", { s });
    const payload = opened(handshake, message, (publicKey) => {
      key = this.#options.keys.findByPublicKey(publicKey);
      return key !== undefined;
    });
    if (payload && key) return { handshake, payload, key };
    const stranger = handshake.remoteStatic && formatKeyBytes(handshake.remoteStatic);
    throw new NotProved(
      claim,
      stranger ? `no invited reporter here has the public key ${stranger}` : "it knows another balancer's public key",
    );
  }

  #readJoin(claim: Claim & { as: "join" }, s: KeyPair, message: Uint8Array) {
    const invitation = this.#options.invitations.find(claim.id);
    const handshake = handshakeOf(claim, "responder", {
      s,
      psk: pskOfInvitation(invitation?.secret ?? NOBODYS_INVITATION),
    });
    const payload = opened(handshake, message);
    if (!(payload && invitation)) throw new NotProved(claim, `its invitation "${claim.id}" is none here`);
    const publicKey = handshake.remoteStatic ?? new Uint8Array();
    // Not that of the reporter with the invitation's name: whoever finds a used one must not take up that one's places.
    return { handshake, payload, key: { id: `invitation ${claim.id}`, publicKey, limits: {} } };
  }
}

/** The payload, or null where the message does not prove what it should. */
function opened(handshake: HandshakeState, message: Uint8Array, accepts?: (publicKey: Uint8Array) => boolean) {
  try {
    return handshake.read(message, accepts);
  } catch (error) {
    if (error instanceof NoiseError) return null;
    throw error;
  }
}

/** Its message is for the balancer's log alone: the peer does not learn what exists here. */
class NotProved extends HarmonyError {
  readonly public: string;

  constructor({ as }: Claim, why: string) {
    super(as === "join" ? "BAD_INVITATION" : "BAD_KEY", why, { fault: "target" });
    this.public =
      as === "join"
        ? "the invitation is not accepted here: it is another balancer's, or was withdrawn; harmony-balancer invite makes another"
        : "the key is not accepted here";
  }
}

function refuse(refused: HarmonyError, named: string, ticket?: Buffer): Judgement {
  const { code, message, retry } = refused;
  const reason = refused instanceof NotProved ? refused.public : message;
  return { refused, named, line: rejectLine({ code, reason, retry, ticket: ticket?.toString("base64") }) };
}

export function noHello({ code, message }: HarmonyError): HarmonyError {
  const why = `what it sent is no reporter's hello (${message}): another program that was given the admin port, or a scan`;
  return new HarmonyError(code, why, { fault: "target" });
}

function namedBy(claim: Claim): string {
  if (claim.as === "key") return `key "${claim.id}"`;
  return claim.as === "join" ? `invitation "${claim.id}"` : "an invited reporter's key";
}

function revokedKey(id: string): string {
  return `key "${id}" was revoked: it takes a new one, which may have its name`;
}

function unknownKey(id: string): string {
  if (id === INSECURE_KEY.id) return "it was started without a key (--insecure), and this balancer takes none without";
  return `there is no key "${id}" here`;
}
