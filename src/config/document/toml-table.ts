/** A TOML file as tables that know where everything in them stands. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parse, TomlError } from "smol-toml";
import { messageOf } from "../../util/errors.ts";
import { type Path, pathKey, type Spot, type Spots, spotsOf } from "./toml-spots.ts";

type Values = Readonly<Record<string, unknown>>;

/** A table of a file: the whole file, `[pool.db]`, an entry of `[[target]]`, or `{ address = … }`. */
export class TomlTable {
  readonly values: Values;
  readonly #file: string;
  readonly #path: Path;
  readonly #spots: ReadonlyMap<string, Spots>;

  constructor(file: string, path: Path, values: Values, spots: ReadonlyMap<string, Spots>) {
    this.values = values;
    this.#file = file;
    this.#path = path;
    this.#spots = spots;
  }

  /** `file:line:column` where the table is opened. */
  get at(): string {
    return this.#text(this.#spots.get(pathKey(this.#path))?.value);
  }

  /** `file:line:column` of a key. */
  keyAt(key: string): string {
    return this.#text(this.#spotsOf([key])?.key);
  }

  /** `file:line:column` of a value, or of an entry of a list. */
  valueAt(key: string, entry?: number): string {
    return this.#text(this.#spotsOf(entry === undefined ? [key] : [key, entry])?.value);
  }

  /** The table that is the value of `key`, or the entry of it; undefined if that is no table. */
  table(key: string, entry?: number): TomlTable | undefined {
    const whole = this.values[key];
    const value = entry === undefined ? whole : (whole as readonly unknown[])[entry];
    const path = entry === undefined ? [key] : [key, entry];
    return isTable(value) ? new TomlTable(this.#file, [...this.#path, ...path], value, this.#spots) : undefined;
  }

  #spotsOf(path: Path): Spots | undefined {
    return this.#spots.get(pathKey([...this.#path, ...path]));
  }

  #text({ line, column }: Spot = { line: 1, column: 1 }): string {
    return `${this.#file}:${line}:${column}`;
  }
}

export function isTable(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** null: it cannot be read or is not TOML, which `problems` say. `named`: where it was asked for. */
export function readTomlFile(path: string, named: string, problems: string[]): TomlTable | null {
  let text: string;
  try {
    text = readFileSync(resolve(path), "utf8");
  } catch (error) {
    problems.push(`${named}: the file cannot be read: ${messageOf(error)}`);
    return null;
  }
  return tomlTable(text, path, problems);
}

/** null: it is not TOML, which `problems` say. `name`: of what the text is, as messages say it. */
export function tomlTable(text: string, name: string, problems: string[]): TomlTable | null {
  try {
    return new TomlTable(name, [], parse(text), spotsOf(text));
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    problems.push(`${name}:${error.line}:${error.column}: this is not TOML: ${error.message.split("\n")[0]}`);
    return null;
  }
}
