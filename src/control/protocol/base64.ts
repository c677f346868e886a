/** Bytes within lines: base64 with the standard alphabet and padding, in the one spelling that each has. */
import * as z from "zod/mini";

/** The bytes, or null for a text that is not how they are written. */
export function parseBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : null;
}

/** A text of at most `max` characters that fromBase64() takes. */
export function base64(max: number) {
  const isCanonical = z.refine<string>((text) => parseBase64(text) !== null, "must be base64");
  return z.string().check(z.maxLength(max), isCanonical);
}

export function fromBase64(text: string): Uint8Array {
  return Buffer.from(text, "base64");
}
