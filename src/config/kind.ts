import * as z from "zod/mini";

/** A text ↔ value codec: decoding validates, encoding gives the text that decodes to the same value. */
type TextCodec<T> = z.ZodMiniType<T, string>;

/** A part of a JSON Schema. */
export type Schema = Readonly<Record<string, unknown>>;

/** How a value is written in the library's options, where it has the TypeScript type `L`. */
export interface LibraryForm<L> {
  /** The type in words, for the reference. */
  readonly words: string;
  /** The unit of a plain number. Where it is missing, numbers are written as in the other places. */
  readonly unit?: "ms" | "minutes";
  /** The text that an object stands for. */
  readonly object?: string;
  /** The value, where nothing that is given goes by the text form; undefined where it is wrong. */
  readonly asItIs?: (given: unknown) => unknown;
  /** Completes the sentence "give …" where that is another one than the kind's. */
  readonly allowed?: string;
  /** Carries the type, and is never present. */
  readonly type?: L;
}

/** What help, error messages and the reference say of a kind of value, and how it is given. */
export interface KindDescription<L> {
  /** What stands for the value in `--help`: `PORT`, `DURATION` … */
  readonly placeholder: string;
  /** Completes the sentence "give …". */
  readonly allowed: string;
  /** What is wrong with a text, and what to give instead, where that is more than `allowed` says; null: nothing is. */
  readonly why?: (text: string) => string | null;
  readonly library: LibraryForm<L>;
  /** The text that a flag without a value stands for. Where it is missing, the flag needs a value. */
  readonly bare?: string;
  /** How a text is quoted where it is wrong; for what may hold a secret. Missing: as it is. */
  readonly quoted?: (text: string) => string;
  /** JSON Schema of a value in the file, of one entry where it is a list. Any text where it is missing. */
  readonly schema?: Schema;
  /** The value is a list: the flag may be repeated, and the file and the library take arrays. */
  readonly list?: true;
}

/**
 * How one kind of option value is written as text. Flags, environment, file and library all go through the text form, so
 * a value is judged by the same rule and refused in the same words wherever it comes from.
 */
export interface Kind<T, L = T> extends KindDescription<L> {
  /** The value, or null if the text stands for none. (No kind has null as a value of its text.) */
  parse(text: string): { readonly value: T } | null;
  /** The shortest text that `parse` reads back as the same value. */
  format(value: T): string;
}

export function kindOf<T, L>(description: KindDescription<L>, codec: TextCodec<T>): Kind<T, L> {
  return {
    ...description,
    parse(text) {
      const result = z.safeDecode(codec, text);
      return result.success ? { value: result.data } : null;
    },
    format: (value) => z.encode(codec, value),
  };
}

/** A codec from a pair of plain functions; `decode` returns undefined for a text that it does not take. */
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
