/** What an option is, and the types that follow from a table of options. */
import type { Kind, LibraryForm } from "./kind.ts";

/** Where an option can be given. */
export type Place = "flag" | "env" | "file" | "library";

const EVERYWHERE: readonly Place[] = ["flag", "env", "file", "library"];

/**
 * How an option is declared. Its name is its key in the table, in camelCase. The type parameters, all inferred: `T` the
 * value, `K` what its kind takes in the library, `L` what the option takes there, `P` its places, `A` its aliases.
 */
export interface Declaration<T, K, L, P extends Place, A extends string> {
  readonly kind: Kind<T, K>;
  readonly default: NoInfer<T>;
  /** Whole sentences: what it does, the unit of a number, and what 0 means if it is not zero of something. */
  readonly doc: string;
  /** Further names. */
  readonly aliases?: readonly A[];
  /** A letter that stands for the flag, as `f` in `-f`. */
  readonly short?: string;
  /** Names that it had in earlier versions. Using one is a problem that gives the new name. */
  readonly formerly?: readonly string[];
  /** Default: everywhere. */
  readonly places?: readonly P[];
  /** Where the library takes something else than the kind says: an old unit, a function. */
  readonly library?: LibraryForm<L>;
  /** Of a list: entries may also be tables of options of their own. */
  readonly entry?: EntryForm;
  /** Shown as the default where the value alone would not say it. */
  readonly shownDefault?: string;
  /** Shown as the default of the library where that differs. */
  readonly libraryDefault?: string;
}

/** Entries of a list that are written as tables. */
export interface EntryForm {
  readonly options: OptionTable;
  /** Options that every entry has to give. */
  readonly required: readonly string[];
  /** The text that stands for the same entry. */
  text(values: Values<OptionTable>): string;
}

/** A declaration, completed: everything there is to know about an option. */
export interface Option<T, L = T, P extends Place = Place, A extends string = string>
  extends Declaration<T, unknown, L, P, A> {
  readonly default: T;
  readonly aliases: readonly A[];
  readonly formerly: readonly string[];
  readonly places: readonly P[];
  readonly library: LibraryForm<L>;
}

// biome-ignore lint/suspicious/noExplicitAny: options of any value type stand side by side in one table, and Option<T> is invariant in T
export type AnyOption = Option<any, unknown>;
export type OptionTable = Readonly<Record<string, AnyOption>>;

/** The validated values of a table. */
export type Values<T extends OptionTable> = { readonly [K in keyof T]: T[K]["default"] };

/** What the library takes for the options of a table, all of them optional, and under their aliases as well. */
export type LibraryOptions<T extends OptionTable> = { [K in LibraryNames<T>]?: LibraryType<T[K]> } & {
  [K in LibraryNames<T> as T[K]["aliases"][number]]?: LibraryType<T[K]>;
};

type LibraryNames<T extends OptionTable> = {
  [K in keyof T]: "library" extends T[K]["places"][number] ? K : never;
}[keyof T];

type LibraryType<O extends AnyOption> = O["library"] extends LibraryForm<infer L> ? L : never;

export function option<T, K, L = K, P extends Place = Place, A extends string = never>(
  spec: Declaration<T, K, L, P, A>,
): Option<T, L, P, A> {
  const { aliases = [], formerly = [], kind } = spec;
  // What the caller leaves out has the default of its type parameter: `Place` for P, `K` for L.
  const places = spec.places ?? (EVERYWHERE as readonly P[]);
  const library = spec.library ?? (kind.library as LibraryForm<unknown> as LibraryForm<L>);
  return { ...spec, aliases, formerly, places, library };
}

/** An option without a default: its value is null where it is not given. */
export function optional<T, K, L = K, P extends Place = Place, A extends string = never>(
  spec: Omit<Declaration<T, K, L, P, A>, "default">,
): Option<T | null, L, P, A> {
  const { format } = spec.kind;
  const kind: Kind<T | null, K> = { ...spec.kind, format: (value) => (value === null ? "" : format(value)) };
  return option<T | null, K, L, P, A>({ ...spec, kind, default: null });
}

export function isIn(spec: AnyOption, place: Place): boolean {
  return spec.places.includes(place);
}

/** Whether a list with nothing in it is a value of the option: it is where that is the default. */
export function mayBeEmpty({ default: value }: AnyOption): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** The default as a reader sees it. */
export function defaultText(spec: AnyOption): string {
  if (spec.shownDefault !== undefined) return spec.shownDefault;
  return spec.default === null ? "none" : spec.kind.format(spec.default);
}

/** The default as a reader of the library's options sees it. */
export function libraryDefaultText(spec: AnyOption): string {
  if (spec.libraryDefault !== undefined) return spec.libraryDefault;
  return typeof spec.default === "boolean" ? String(spec.default) : defaultText(spec);
}
