/** Public keys as they stand in files and in what people compare. */
import { createHash } from "node:crypto";
import { KEY_BYTES } from "../protocol/x25519.ts";

/** Of a fingerprint: 96 bits, which nobody finds a second key for, and which a person can still read out. */
const FINGERPRINT_CHARACTERS = 16;

export function formatKeyBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

export function parseKeyBytes(text: string): Uint8Array | null {
  return parseBytes(text, KEY_BYTES);
}

/** So many bytes in base64url; null for any other text, also for one that names the same bytes in another way. */
export function parseBytes(text: string, count: number): Uint8Array | null {
  const bytes = Buffer.from(text, "base64url");
  return bytes.length === count && bytes.toString("base64url") === text ? Uint8Array.from(bytes) : null;
}

export function fingerprintOf(publicKey: Uint8Array): string {
  return createHash("sha256").update(publicKey).digest("base64url").slice(0, FINGERPRINT_CHARACTERS);
}

export function isSameKey(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
