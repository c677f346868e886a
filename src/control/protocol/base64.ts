/** Bytes within lines: base64 with the standard alphabet and padding, in the one spelling that each has. */
import * as z from "zod/mini";

/** A text of at most `max` characters that fromBase64() takes. */
export function base64(max: number) {
  const isCanonical = z.refine<string>(
    (text) => Buffer.from(text, "base64").toString("base64") === text,
    "must be base64",
  );
  return z.string().check(z.maxLength(max), isCanonical);
}

export function fromBase64(text: string): Uint8Array {
  return Buffer.from(text, "base64");
}
