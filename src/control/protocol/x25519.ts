/** X25519 (RFC 7748) on node:crypto, with keys as their 32 bytes, which is how they travel and lie in files. */
import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from "node:crypto";
import { NoiseError } from "./noise-error.ts";

/** Bytes of a public key, of a private key, and of what two of them agree on. */
export const KEY_BYTES = 32;

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: Uint8Array;
}

// What precedes the 32 bytes in the only forms that all runtimes import and export (RFC 8410).
const PKCS8 = Buffer.from("302e020100300506032b656e04220420", "hex");
const SPKI = Buffer.from("302a300506032b656e032100", "hex");

export function generateKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("x25519");
  return { privateKey, publicKey: rawPublicKey(publicKey) };
}

/** The key pair of a private key, as its 32 bytes. */
export function keyPairOf(bytes: Uint8Array): KeyPair {
  if (bytes.length !== KEY_BYTES) throw new RangeError(`a private key has ${KEY_BYTES} bytes, not ${bytes.length}`);
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8, bytes]), format: "der", type: "pkcs8" });
  return { privateKey, publicKey: rawPublicKey(createPublicKey(privateKey)) };
}

/** The 32 bytes of a private key, to be written into a file that only its owner may read. */
export function privateKeyBytes({ privateKey }: KeyPair): Uint8Array {
  return Uint8Array.from(privateKey.export({ format: "der", type: "pkcs8" }).subarray(PKCS8.length));
}

/**
 * What both sides agree on. Throws NoiseError for a public key of small order: everybody knows what it agrees on with any other,
 * namely zeros. The runtimes refuse it in words of their own; the comparison is for one that does not.
 */
export function agree({ privateKey }: KeyPair, publicKey: Uint8Array): Uint8Array {
  let shared: Uint8Array;
  try {
    const other = createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: "der", type: "spki" });
    shared = diffieHellman({ privateKey, publicKey: other });
  } catch (cause) {
    throw new NoiseError("the other side's public key is none", cause);
  }
  if (shared.every((byte) => byte === 0)) throw new NoiseError("the other side's public key is of small order");
  return shared;
}

function rawPublicKey(key: KeyObject): Uint8Array {
  return Uint8Array.from(key.export({ format: "der", type: "spki" }).subarray(SPKI.length));
}
