import type { Kind } from "./kind.ts";

/** Where an option can be given. */
export type Place = "flag" | "env" | "file" | "library";

/** One option: everything there is to know about it. Its name is its key in the table, in camelCase. */
export interface Option<T> {
  readonly kind: Kind<T>;
  readonly default: T;
  /** One line: what it does. */
  readonly doc: string;
  /** What the value 0 means, where it does not mean zero of something. */
  readonly zero?: string;
  /** Further names, as flags. */
  readonly aliases?: readonly string[];
  /** May be given several times (as a flag) or as a list (in the file and the library). */
  readonly repeat?: boolean;
  /** Default: everywhere. */
  readonly places?: readonly Place[];
  /** What a number means in the library where it is not what the kind says (an old unit). */
  readonly libraryNumber?: "minutes";
  /** The text that an object means in the library (an old form). */
  readonly libraryObject?: string;
  /** What the library takes for it, in words; derived from the kind where it is missing. */
  readonly libraryType?: string;
  /** Shown as the default where the value alone would not say it. */
  readonly shownDefault?: string;
  /** Shown as the default of the library where that differs. */
  readonly libraryDefault?: string;
}

// biome-ignore lint/suspicious/noExplicitAny: options of any value type stand side by side in one table, and Option<T> is invariant in T
export type AnyOption = Option<any>;
export type OptionTable = Readonly<Record<string, AnyOption>>;

/** The validated values of a table. */
export type Values<T extends OptionTable> = { readonly [K in keyof T]: T[K] extends Option<infer V> ? V : never };

/** The kind alone decides the type: a default would widen a choice to any text. */
export function option<T>(spec: Omit<Option<T>, "default"> & { readonly default: NoInfer<T> }): Option<T> {
  return spec;
}

/** An option that need not be there: its value is then null. */
export function optional<T>(spec: Omit<Option<T>, "default">): Option<T | null> {
  const { format } = spec.kind;
  const kind: Kind<T | null> = { ...spec.kind, format: (value) => (value === null ? "" : format(value)) };
  return { ...spec, kind, default: null };
}

const EVERYWHERE: readonly Place[] = ["flag", "env", "file", "library"];

export function isIn(spec: AnyOption, place: Place): boolean {
  return (spec.places ?? EVERYWHERE).includes(place);
}

/** `queueTimeout` → `queue-timeout`: the name in flags and in the file. */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `queueTimeout` → `HARMONY_QUEUE_TIMEOUT`. */
export function envName(name: string): string {
  return `HARMONY_${kebab(name).replaceAll("-", "_").toUpperCase()}`;
}

/** The default as a reader sees it. */
export function defaultText(spec: AnyOption): string {
  if (spec.shownDefault !== undefined) return spec.shownDefault;
  return spec.default === null ? "none" : spec.kind.format(spec.default);
}
