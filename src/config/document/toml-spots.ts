/**
 * Where everything in a TOML text stands. smol-toml says what a text means, and this, which relies on its having taken the text,
 * in which line and column, which the parser does not tell. Only what a value consists of is skipped here, and never judged.
 */
import { parse } from "smol-toml";

/** From 1, as editors count. Columns are UTF-16 units. */
export interface Spot {
  readonly line: number;
  readonly column: number;
}

/** Keys of tables, and numbers of entries of lists. */
export type Path = readonly (string | number)[];

export interface Spots {
  readonly key: Spot;
  readonly value: Spot;
}

export function pathKey(path: Path): string {
  return JSON.stringify(path);
}

/** By pathKey(). A table that is opened several times stands where it is named first. */
export function spotsOf(text: string): ReadonlyMap<string, Spots> {
  return new Scanner(text).scan();
}

const BARE_KEY = /[A-Za-z0-9_-]/;
const END_OF_BARE_VALUE = /[,\]}\n\r#]/;

interface KeyPart {
  readonly name: string;
  readonly at: number;
}

class Scanner {
  readonly #text: string;
  readonly #lineStarts: number[] = [0];
  readonly #spots = new Map<string, Spots>();
  /** How many entries each list of tables has so far, by its pathKey(). */
  readonly #entries = new Map<string, number>();
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    for (const { index } of text.matchAll(/\n/g)) this.#lineStarts.push(index + 1);
  }

  scan(): ReadonlyMap<string, Spots> {
    let table: Path = [];
    for (;;) {
      this.#skipBlank();
      if (this.#at >= this.#text.length) return this.#spots;
      if (this.#char === "[") table = this.#header();
      else this.#pair(table);
    }
  }

  get #char(): string {
    return this.#text[this.#at] ?? "";
  }

  /** `[a.b]` or `[[a.b]]`: the path of what follows. */
  #header(): Path {
    const isList = this.#text.startsWith("[[", this.#at);
    this.#at += isList ? 2 : 1;
    const parts = this.#key();
    this.#at += isList ? 2 : 1;
    let path: Path = [];
    for (const [index, part] of parts.entries()) {
      path = [...path, part.name];
      this.#note(path, part.at, part.at);
      const isLast = index === parts.length - 1;
      const entries = this.#entries.get(pathKey(path));
      if (isList && isLast) {
        this.#entries.set(pathKey(path), (entries ?? 0) + 1);
        path = [...path, entries ?? 0];
        this.#note(path, part.at, part.at);
      } else if (entries !== undefined) path = [...path, entries - 1]; // a table of the latest entry
    }
    return path;
  }

  /** `a.b = value` */
  #pair(table: Path): void {
    const parts = this.#key();
    this.#at++; // the equals sign
    this.#skipBlank();
    const path = [...table, ...parts.map(({ name }) => name)];
    for (const [index, { at }] of parts.entries()) {
      const length = table.length + index + 1;
      this.#note(path.slice(0, length), at, length === path.length ? this.#at : at);
    }
    this.#value(path);
  }

  /** The parts of a key, and the blanks behind it. */
  #key(): KeyPart[] {
    const parts: KeyPart[] = [];
    do {
      if (this.#char === ".") this.#at++;
      this.#skipBlank();
      const at = this.#at;
      if (this.#char === '"' || this.#char === "'") this.#skipString();
      else while (BARE_KEY.test(this.#char)) this.#at++;
      if (this.#at === at) this.#at++; // nothing that a parser takes: go on at any rate
      parts.push({ name: keyName(this.#text.slice(at, this.#at)), at });
      this.#skipBlank();
    } while (this.#char === ".");
    return parts;
  }

  #value(path: Path): void {
    if (this.#char === '"' || this.#char === "'") this.#skipString();
    else if (this.#char === "[") this.#list(path);
    else if (this.#char === "{") this.#table(path);
    else while (this.#at < this.#text.length && !END_OF_BARE_VALUE.test(this.#char)) this.#at++;
  }

  #list(path: Path): void {
    this.#eachUntil("]", (index) => {
      const entry = [...path, index];
      this.#note(entry, this.#at, this.#at);
      this.#value(entry);
    });
  }

  #table(path: Path): void {
    this.#eachUntil("}", () => this.#pair(path));
  }

  /** Entries with commas between them, of a list or a table in one. */
  #eachUntil(end: string, entry: (index: number) => void): void {
    this.#at++;
    for (let index = 0; this.#at < this.#text.length; index++) {
      this.#skipBlank();
      if (this.#char !== end) entry(index);
      this.#skipBlank();
      if (this.#char === end) break;
      this.#at++; // the comma
    }
    this.#at++;
  }

  #skipString(): void {
    const quote = this.#char;
    const isLong = this.#text.startsWith(quote.repeat(3), this.#at);
    const end = isLong ? quote.repeat(3) : quote;
    this.#at += end.length;
    while (this.#at < this.#text.length && !this.#text.startsWith(end, this.#at)) {
      this.#at += quote === '"' && this.#char === "\\" ? 2 : 1;
    }
    this.#at += end.length;
    // A long string may end with quotes of its own before the three that close it.
    while (isLong && this.#char === quote) this.#at++;
  }

  /** Blanks, ends of lines, comments. */
  #skipBlank(): void {
    for (;;) {
      while (/\s|\ufeff/.test(this.#char)) this.#at++;
      if (this.#char !== "#") return;
      const end = this.#text.indexOf("\n", this.#at);
      this.#at = end === -1 ? this.#text.length : end;
    }
  }

  #note(path: Path, key: number, value: number): void {
    const name = pathKey(path);
    if (!this.#spots.has(name)) this.#spots.set(name, { key: this.#spot(key), value: this.#spot(value) });
  }

  #spot(at: number): Spot {
    let [low, high] = [0, this.#lineStarts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#lineStarts[middle]! <= at) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: at - this.#lineStarts[low]! + 1 };
  }
}

/** A quoted key as the parser reads it. */
function keyName(written: string): string {
  return /^["']/.test(written) ? String(parse(`key = ${written}`).key) : written;
}
