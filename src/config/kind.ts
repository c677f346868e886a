import * as z from "zod/mini";

/** A text ↔ value codec: decoding validates, encoding gives the text that decodes to the same value. */
export type TextCodec<T> = z.ZodMiniType<T, string>;

/**
 * How one kind of option value is written as text. Flags, environment, file and library all go through the text form, so
 * a value is judged by the same rule and refused in the same words wherever it comes from.
 */
export interface Kind<T> {
  /** What stands for the value in `--help`: `PORT`, `DURATION` … */
  readonly placeholder: string;
  /** Completes the sentence "give …". */
  readonly allowed: string;
  /** What a bare number means where numbers can be given (the library); text needs its unit. */
  readonly numbers?: "ms";
  /** The value, or null where the text is none of these. (No kind has null as a value of its text.) */
  parse(text: string): { readonly value: T } | null;
  /** The shortest text that `parse` reads back as the same value. */
  format(value: T): string;
}

export function kindOf<T>(placeholder: string, allowed: string, codec: TextCodec<T>, numbers?: "ms"): Kind<T> {
  return {
    ...(numbers && { numbers }),
    placeholder,
    allowed,
    parse(text) {
      const result = z.safeDecode(codec, text);
      return result.success ? { value: result.data } : null;
    },
    format: (value) => z.encode(codec, value),
  };
}

/** A codec from a pair of plain functions; `decode` returns undefined for a text it does not take. */
export function textCodec<T>(decode: (text: string) => T | undefined, encode: (value: T) => string): TextCodec<T> {
  return z.codec(z.string(), z.custom<T>(), {
    decode(text, context) {
      const value = decode(text);
      if (value !== undefined) return value;
      context.issues.push({ code: "custom", input: text });
      return z.NEVER;
    },
    encode: (value) => encode(value),
  });
}
