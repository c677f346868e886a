/**
 * What a key that was revoked is known by, among balancers and in their files. Its fingerprint tells it from another one of its name, and nothing of
 * its secret that a recorded handshake would not tell.
 */
import { createHmac } from "node:crypto";

/** Of more, the oldest go: some hundred kilobytes of a file that is read at one go. */
export const MOST_REVOKED = 4_000;
/** Characters of who has revoked it: USER@HOST. */
export const MAX_WHO = 100;
/** Bytes of a fingerprint: nobody finds another key that has it. */
const BYTES = 16;
/** So many bytes in base64url, of which the last character has only two bits. */
const FINGERPRINT = /^[\w-]{21}[AQgw]$/;

export interface Revocation {
  readonly fingerprint: string;
  /** What the key was called. */
  readonly name: string;
  /** ms since 1970. */
  readonly at: number;
  readonly by: string;
}

interface Secret {
  readonly id: string;
  readonly secret: string;
}

/** The same name with another secret is another key. */
export function fingerprintOfKey({ id, secret }: Secret): string {
  return createHmac("sha256", secret).update(`harmony key ${id}`).digest().subarray(0, BYTES).toString("base64url");
}

export function isFingerprint(text: string): boolean {
  return FINGERPRINT.test(text);
}

export function revocationOf(key: Secret, by: string, at: number): Revocation {
  return { fingerprint: fingerprintOfKey(key), name: key.id, at, by: oneWord(by) };
}

/** As a line of a file can have it. */
export function oneWord(by: string): string {
  return by.replaceAll(/[^\p{L}\p{N}._@:-]+/gu, "-").slice(0, MAX_WHO) || "-";
}
