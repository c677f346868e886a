/** Noise's CipherState for AESGCM (sections 5.1 and 12.4): one key, for one direction, whose nonce is how often it was used. */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { NoiseError } from "./noise-error.ts";

/** Bytes that sealing adds. */
export const TAG_BYTES = 16;

const ALGORITHM = "aes-256-gcm";
const NOTHING = new Uint8Array();
const TWO_TO_32 = 2 ** 32;

export class CipherState {
  readonly #key: Uint8Array;
  /** Stays far below 2^53: that many lines take longer than anybody lives. */
  #uses = 0;

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  seal(plain: Uint8Array, associated: Uint8Array = NOTHING): Buffer {
    const cipher = createCipheriv(ALGORITHM, this.#key, this.#nonce(), { authTagLength: TAG_BYTES });
    cipher.setAAD(associated);
    const sealed = [cipher.update(plain), cipher.final(), cipher.getAuthTag()];
    this.#uses += 1;
    return Buffer.concat(sealed);
  }

  /** Throws NoiseError where it was not sealed with this key, as the next one in turn, and for the same associated bytes. */
  open(sealed: Uint8Array, associated: Uint8Array = NOTHING): Buffer {
    const end = sealed.length - TAG_BYTES;
    if (end < 0) throw new NoiseError("what should be sealed is too short to be");
    const decipher = createDecipheriv(ALGORITHM, this.#key, this.#nonce(), { authTagLength: TAG_BYTES });
    decipher.setAAD(associated);
    decipher.setAuthTag(sealed.subarray(end));
    const plain = [decipher.update(sealed.subarray(0, end))];
    try {
      plain.push(decipher.final());
    } catch (cause) {
      throw new NoiseError("what is sealed was changed on the way, or made with another key", cause);
    }
    this.#uses += 1;
    return Buffer.concat(plain);
  }

  /** 32 bits of zeros, then the count in 64 bits, big-endian. */
  #nonce(): Uint8Array {
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32BE(Math.floor(this.#uses / TWO_TO_32), 4);
    nonce.writeUInt32BE(this.#uses % TWO_TO_32, 8);
    return nonce;
  }
}
