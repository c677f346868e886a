/**
 * The handshakes of the Noise Protocol Framework, revision 34 (https://noiseprotocol.org/noise.html), in three of its patterns
 * and one suite, 25519_AESGCM_SHA256. No I/O, no policy. The names of the framework are kept, so that the two can be compared.
 */
import { createHash, createHmac } from "node:crypto";
import { CipherState, TAG_BYTES } from "./cipher-state.ts";
import { NoiseError } from "./noise-error.ts";
import { agree, generateKeyPair, KEY_BYTES, type KeyPair } from "./x25519.ts";

type Token = "e" | "s" | "ee" | "es" | "se" | "ss" | "psk";

/** What the two messages of a pattern hold before their payload. In IK and IKpsk1 the initiator knows the responder's static key. */
const PATTERNS = {
  NNpsk0: [
    ["psk", "e"],
    ["e", "ee"],
  ],
  IK: [
    ["e", "es", "s", "ss"],
    ["e", "ee", "se"],
  ],
  IKpsk1: [
    ["e", "es", "s", "ss", "psk"],
    ["e", "ee", "se"],
  ],
} as const satisfies Record<string, readonly [readonly Token[], readonly Token[]]>;

export type Pattern = keyof typeof PATTERNS;

export interface HandshakeOptions {
  readonly pattern: Pattern;
  readonly role: "initiator" | "responder";
  /** Both sides must agree on it; it is not sent. */
  readonly prologue: Uint8Array;
  /** 32 bytes. Of NNpsk0 and IKpsk1. */
  readonly psk?: Uint8Array;
  /** One's own static key. Of IK and IKpsk1. */
  readonly s?: KeyPair;
  /** The responder's static key, of the initiator of IK and IKpsk1. */
  readonly rs?: Uint8Array;
  /** The ephemeral key; a fresh one unless it is given, which only test vectors should. */
  readonly e?: KeyPair;
}

/** The key of each direction after the handshake. */
export interface Transport {
  readonly send: CipherState;
  readonly receive: CipherState;
}

const HASH_BYTES = 32;

/** One side of a handshake: the initiator writes, the responder reads and writes, the initiator reads. Used once. */
export class HandshakeState {
  readonly #options: HandshakeOptions;
  readonly #symmetric: SymmetricState;
  readonly #usesPsk: boolean;
  #e: KeyPair | undefined;
  #re: Uint8Array | undefined;
  #rs: Uint8Array | undefined;

  constructor(options: HandshakeOptions) {
    const { pattern, role, prologue, s, rs, psk } = options;
    this.#options = options;
    this.#e = options.e;
    this.#rs = rs;
    this.#usesPsk = psk !== undefined;
    this.#symmetric = new SymmetricState(`Noise_${pattern}_25519_AESGCM_SHA256`);
    this.#symmetric.mixHash(prologue);
    if (pattern !== "NNpsk0") this.#symmetric.mixHash(needed(role === "initiator" ? rs : s?.publicKey));
  }

  /** The other side's static key, once known. */
  get remoteStatic(): Uint8Array | undefined {
    return this.#rs;
  }

  /** The other side's ephemeral key, once known. */
  get remoteEphemeral(): Uint8Array | undefined {
    return this.#re;
  }

  /** What both sides have said and agreed on so far; after the handshake it is the same on both, and names the session. */
  get hash(): Uint8Array {
    return this.#symmetric.hash;
  }

  /** The next message, which carries `payload`. Throws NoiseError where the other side's keys are none. */
  write(payload: Uint8Array): Buffer {
    const parts: Uint8Array[] = [];
    const { s } = this.#options;
    for (const token of this.#tokens("write")) {
      if (token === "e") {
        this.#e ??= generateKeyPair();
        parts.push(this.#e.publicKey);
        this.#mixEphemeral(this.#e.publicKey);
      } else if (token === "s") parts.push(this.#symmetric.encryptAndHash(needed(s).publicKey));
      else if (token === "psk") this.#symmetric.mixKeyAndHash(needed(this.#options.psk));
      else this.#agree(token);
    }
    return Buffer.concat([...parts, this.#symmetric.encryptAndHash(payload)]);
  }

  /**
   * The payload of the other side's message. Throws NoiseError where that is not what its holder of the keys has sent. `accepts`
   * is asked as soon as the static key is known, before more is computed for somebody who will not be let in.
   */
  read(message: Uint8Array, accepts: (remoteStatic: Uint8Array) => boolean = () => true): Buffer {
    let rest = message;
    const take = (bytes: number) => {
      if (rest.length < bytes) throw new NoiseError("a message of the handshake is too short");
      const taken = rest.subarray(0, bytes);
      rest = rest.subarray(bytes);
      return taken;
    };
    for (const token of this.#tokens("read")) {
      if (token === "e") {
        this.#re = take(KEY_BYTES);
        this.#mixEphemeral(this.#re);
      } else if (token === "s") {
        this.#rs = this.#symmetric.decryptAndHash(take(KEY_BYTES + TAG_BYTES));
        if (!accepts(this.#rs)) throw new NoiseError("the static key is not accepted");
      } else if (token === "psk") this.#symmetric.mixKeyAndHash(needed(this.#options.psk));
      else this.#agree(token);
    }
    return this.#symmetric.decryptAndHash(rest);
  }

  /** After the second message. */
  split(): Transport {
    const [first, second] = this.#symmetric.split();
    const isInitiator = this.#options.role === "initiator";
    return isInitiator ? { send: first, receive: second } : { send: second, receive: first };
  }

  #tokens(act: "write" | "read"): readonly Token[] {
    const isFirst = (this.#options.role === "initiator") === (act === "write");
    return PATTERNS[this.#options.pattern][isFirst ? 0 : 1];
  }

  /** With a psk the ephemeral key is mixed into the key as well (section 9.2): psk0 alone would seal with the same key each time. */
  #mixEphemeral(publicKey: Uint8Array): void {
    this.#symmetric.mixHash(publicKey);
    if (this.#usesPsk) this.#symmetric.mixKey(publicKey);
  }

  /** The first letter is the initiator's key, the second the responder's. */
  #agree(token: Exclude<Token, "e" | "s" | "psk">): void {
    const { s, role } = this.#options;
    const [own, other] = role === "initiator" ? [token[0], token[1]] : [token[1], token[0]];
    const local = own === "e" ? this.#e : s;
    this.#symmetric.mixKey(agree(needed(local), needed(other === "e" ? this.#re : this.#rs)));
  }
}

/** Section 5.2. */
class SymmetricState {
  #chainingKey: Uint8Array;
  #hash: Uint8Array;
  #cipher: CipherState | null = null;

  constructor(protocolName: string) {
    const name = Buffer.from(protocolName);
    this.#hash = name.length <= HASH_BYTES ? Buffer.concat([name], HASH_BYTES) : sha256(name);
    this.#chainingKey = this.#hash;
  }

  get hash(): Uint8Array {
    return this.#hash;
  }

  mixHash(data: Uint8Array): void {
    this.#hash = sha256(this.#hash, data);
  }

  mixKey(input: Uint8Array): void {
    const [chainingKey, key] = hkdf(this.#chainingKey, input, 2);
    this.#chainingKey = needed(chainingKey);
    this.#cipher = new CipherState(needed(key));
  }

  mixKeyAndHash(input: Uint8Array): void {
    const [chainingKey, hash, key] = hkdf(this.#chainingKey, input, 3);
    this.#chainingKey = needed(chainingKey);
    this.mixHash(needed(hash));
    this.#cipher = new CipherState(needed(key));
  }

  /** Every pattern here has a key before anything but an ephemeral key is sent. */
  encryptAndHash(plain: Uint8Array): Buffer {
    const sealed = needed(this.#cipher).seal(plain, this.#hash);
    this.mixHash(sealed);
    return sealed;
  }

  decryptAndHash(sealed: Uint8Array): Buffer {
    const plain = needed(this.#cipher).open(sealed, this.#hash);
    this.mixHash(sealed);
    return plain;
  }

  split(): [CipherState, CipherState] {
    const [first, second] = hkdf(this.#chainingKey, new Uint8Array(), 2);
    return [new CipherState(needed(first)), new CipherState(needed(second))];
  }
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  const mac = createHmac("sha256", key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** Section 4.3. */
function hkdf(chainingKey: Uint8Array, input: Uint8Array, outputs: number): Buffer[] {
  const key = hmac(chainingKey, input);
  const results: Buffer[] = [];
  for (let n = 1; n <= outputs; n++) results.push(hmac(key, results.at(-1) ?? Buffer.alloc(0), Uint8Array.of(n)));
  return results;
}

/** A pattern's caller gives what the pattern needs; where it does not, the program is wrong. */
function needed<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new TypeError("the handshake lacks a key that its pattern needs");
  return value;
}
