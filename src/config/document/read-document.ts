/** The balancer's file, and those that it includes, as one document. */
import { NAME } from "../../control/protocol/schema.ts";
import { signatureOrFailure } from "../../util/file-signature.ts";
import { balancerOptions } from "../balancer-options.ts";
import { namesIn } from "../names.ts";
import { routeOptions } from "../route-options.ts";
import type { Given, Source } from "../values.ts";
import { INCLUDE, includedFiles } from "./include.ts";
import { readOptions } from "./read-options.ts";
import {
  besideListeners,
  besidePools,
  LISTENER,
  listenerSection,
  POOL,
  poolSection,
  ROUTES,
} from "./section-options.ts";
import { isTable, readTomlFile, type TomlTable, tomlTable } from "./toml-table.ts";
import type { ListenerSection, Section, Written } from "./written.ts";
import { writtenRoute } from "./written-routes.ts";

const LISTEN = "listen";
/** What is at the top level beside options. */
const SECTIONS = [POOL, LISTENER, INCLUDE];

/** How messages call a document that is in no file. */
const GIVEN = "the given document";

/** Whether it stands in such a document, which whoever may only act on the balancer has written: it may not have the balancer read files for him. */
export function isInGivenText({ at = "" }: Given): boolean {
  return at.startsWith(`${GIVEN}:`);
}

/** What is wrong goes to `problems`, each with file, line and column. `text`: in place of what the file says. */
export function readDocument(path: string, problems: string[], text?: string): Written {
  const reader = new DocumentReader(problems);
  const main = text === undefined ? readTomlFile(path, "config", problems) : tomlTable(text, GIVEN, problems);
  if (main === null) return reader.written;
  reader.add(main);
  for (const { path: each, at } of includedFiles(main, path, problems)) {
    const file = readTomlFile(each, at, problems);
    if (file === null) continue;
    if (INCLUDE in file.values)
      problems.push(`${file.keyAt(INCLUDE)}: ${INCLUDE}: a file that is included includes none itself`);
    reader.add(file);
  }
  return reader.written;
}

/**
 * Gives the file and those that it includes, as of each call. A file that cannot be read includes none. It is parsed when it has
 * changed alone, since a large one takes a tenth of a second.
 */
export function documentFilesOf(path: string): () => string[] {
  let parsed: { readonly signature: string; readonly main: TomlTable | null } | null = null;
  return () => {
    const signature = signatureOrFailure(path);
    if (parsed === null || signature !== parsed.signature)
      parsed = { signature, main: readTomlFile(path, "config", []) };
    const { main } = parsed;
    return [path, ...(main === null ? [] : includedFiles(main, path, []).map((each) => each.path))];
  };
}

class DocumentReader {
  readonly #problems: string[];
  readonly #top = new Map<string, Given>();
  readonly #pools = new Map<string, Section>();
  readonly #listeners = new Map<string, ListenerSection>();

  constructor(problems: string[]) {
    this.#problems = problems;
  }

  get written(): Written {
    return { top: this.#top, pools: this.#pools, listeners: this.#listeners };
  }

  /** A file more: what another one has said already is a problem that names both places. */
  add(file: TomlTable): void {
    const top = readOptions(file, balancerOptions, this.#problems, { sections: SECTIONS });
    this.#addTop(top);
    this.#addSections(file, POOL, this.#pools, (table) => {
      const source = readOptions(table, poolSection, this.#problems, { elsewhere: besidePools });
      return { at: table.at, source, listens: LISTEN in table.values };
    });
    this.#addSections(file, LISTENER, this.#listeners, (table) => this.#listener(table));
  }

  #addTop(top: Source): void {
    for (const [name, given] of top) {
      const before = this.#top.get(name);
      if (before === undefined) this.#top.set(name, given);
      else this.#problems.push(`${given.at}: ${given.from} is given at ${before.at} already`);
    }
  }

  #addSections<S extends Section>(
    file: TomlTable,
    kind: string,
    into: Map<string, S>,
    read: (table: TomlTable) => S,
  ): void {
    const value = file.values[kind];
    if (value === undefined) return;
    const all = file.table(kind);
    if (all === undefined) {
      this.#problems.push(`${file.keyAt(kind)}: ${kind}: give tables such as [${kind}.web]`);
      return;
    }
    for (const name of Object.keys(all.values)) {
      const at = all.keyAt(name);
      const table = all.table(name);
      const before = into.get(name);
      if (!NAME.test(name))
        this.#problems.push(`${at}: ${kind} ${JSON.stringify(name)}: give a name of 1 to 64 letters, digits or . _ -`);
      else if (table === undefined) this.#problems.push(this.#noTable(at, kind, name));
      else if (before !== undefined) this.#problems.push(`${at}: ${kind} ${name} is defined at ${before.at} already`);
      else into.set(name, read(table));
    }
  }

  /** Mostly what was meant for a pool stands in `[pool]`, as if there were one. */
  #noTable(at: string, kind: string, name: string): string {
    const isOption = namesIn(kind === POOL ? poolSection : listenerSection, "file").options.has(name);
    return isOption || name === ROUTES
      ? `${at}: ${name}: give it in a section with a name, such as [${kind}.web]`
      : `${at}: ${name}: give a table such as [${kind}.${name}]`;
  }

  #listener(table: TomlTable): ListenerSection {
    const source = readOptions(table, listenerSection, this.#problems, {
      sections: [ROUTES],
      required: [LISTEN],
      elsewhere: besideListeners,
    });
    return { at: table.at, source, listens: LISTEN in table.values, routes: this.#routes(table) };
  }

  #routes(table: TomlTable): ListenerSection["routes"] {
    const routes = table.values[ROUTES];
    if (!Array.isArray(routes) || routes.length === 0 || !routes.every(isTable)) {
      const at = ROUTES in table.values ? table.valueAt(ROUTES) : table.at;
      this.#problems.push(
        `${at}: ${ROUTES}: give the pools that serve this listener, as routes = [{ pool = "web" }] or routes = [{ name = "a.example", pool = "a" }, { pool = "rest" }]`,
      );
      return [];
    }
    return routes.map((_, index) => {
      const route = table.table(ROUTES, index)!;
      const before = this.#problems.length;
      const source = readOptions(route, routeOptions, this.#problems, { required: [POOL] });
      return this.#problems.length > before ? null : writtenRoute(source, route.at);
    });
  }
}
