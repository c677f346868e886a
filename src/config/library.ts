/** The options of the library: every option under its flag's name in camelCase, and the names and units of the first Harmony. */
import { NAME } from "../control/protocol/schema.ts";
import type { TcpAddress } from "../net/runtime.ts";
import { balancerOptions } from "./balancer-options.ts";
import { type Completed, complete } from "./document/complete.ts";
import { listenerSection, poolSection } from "./document/section-options.ts";
import type { ListenerSection } from "./document/written.ts";
import { writtenRoute } from "./document/written-routes.ts";
import { formatListen, type WrittenListen } from "./listen-kind.ts";
import { namesIn, unknownName } from "./names.ts";
import { type AnyOption, mayBeEmpty, type OptionTable } from "./option.ts";
import { reporterOptions } from "./reporter-options.ts";
import { routeOptions } from "./route-options.ts";
import { type BalancerSettings, type ReporterSettings, reporterSettings } from "./settings.ts";
import { targetOptions } from "./target-options.ts";
import { type Given, OptionError, problemWith, type Source, textOf, valuesFrom } from "./values.ts";

const MS_PER_MINUTE = 60_000;

/** Throws OptionError with every problem there is. */
export function serverSettings(options: object): BalancerSettings {
  const problems: string[] = [];
  const { settings } = completeServer(options, problems);
  if (problems.length > 0) throw new OptionError(problems);
  return settings;
}

function completeServer(options: object, problems: string[]): Completed {
  const { pools, listeners, ...others } = options as { readonly pools?: unknown; readonly listeners?: unknown };
  const given = readLibrary(others, balancerOptions, problems);
  const { top, listen } = withOwnDefaults(given, problems);
  const written = {
    top,
    pools: sections("pools", pools, problems, (at, options) => {
      return { at, source: readLibrary(options, poolSection, problems, `${at}.`), listens: "listen" in options };
    }),
    listeners: sections(
      "listeners",
      listeners,
      problems,
      (at, { routes, ...options }: { readonly routes?: unknown }) => {
        const source = readLibrary(options, listenerSection, problems, `${at}.`);
        if (!source.has("listen"))
          problems.push(`${at}.listen is missing: give ${listenerSection.listen.kind.allowed}`);
        return { at, source, listens: source.has("listen"), routes: routesOf(routes, `${at}.routes`, problems) };
      },
    ),
  };
  const outer = { flags: new Map(), environment: keyOfEnvironment(given) };
  return complete(written, outer, { place: "library", listen }, problems);
}

/**
 * Where to listen: `listen` and `admin`, or else `host` with `listenport` and `adminport`, as in the first Harmony. A host alone says
 * where the pool `default` listens, but not that there is one.
 */
function withOwnDefaults(given: Source, problems: string[]): { top: Source; listen: readonly WrittenListen[] } {
  for (const [whole, port] of [
    ["listen", "listenport"],
    ["admin", "adminport"],
  ] as const) {
    if (given.has(whole) && given.has(port)) problems.push(`${whole} and ${port} say the same: give one of them`);
  }
  const { host, listenport, adminport } = valuesFrom(balancerOptions, [given], []);
  const top = new Map(given);
  const [listen, admin] = [listenport, adminport].map((port) => ({ host, port })) as [TcpAddress, TcpAddress];
  if (!top.has("listen") && top.has("listenport"))
    top.set("listen", { from: "listenport", text: formatListen(listen) });
  if (!top.has("admin")) top.set("admin", { from: "adminport", text: formatListen(admin) });
  // Commands and files are for programs: whoever embeds a balancer has its methods.
  for (const name of ["api", "state"]) if (!top.has(name)) top.set(name, { from: name, text: "off" });
  return { top, listen: [listen] };
}

function sections<S>(
  what: string,
  given: unknown,
  problems: string[],
  read: (at: string, options: object) => S,
): ReadonlyMap<string, S> {
  const found = new Map<string, S>();
  if (given === undefined || given === null) return found;
  if (!isObject(given)) {
    problems.push(`${what}: give an object with one for each, by their names`);
    return found;
  }
  for (const [name, options] of Object.entries(given)) {
    const at = `${what}.${name}`;
    if (!NAME.test(name)) problems.push(`${at}: give a name of 1 to 64 letters, digits or . _ -`);
    else if (isObject(options)) found.set(name, read(at, options));
    else problems.push(`${at}: give an object of options`);
  }
  return found;
}

function routesOf(routes: unknown, at: string, problems: string[]): ListenerSection["routes"] {
  if (!Array.isArray(routes) || routes.length === 0 || !routes.every(isObject)) {
    problems.push(`${at}: give the pools that serve this listener, as [{ pool: "web" }]`);
    return [];
  }
  return routes.map((route, index) => {
    const before = problems.length;
    const each = `${at}[${index}]`;
    const source = readLibrary(route, routeOptions, problems, `${each}.`);
    if (!source.has("pool")) problems.push(`${each}.pool: give ${routeOptions.pool.kind.allowed}`);
    return problems.length > before ? null : writtenRoute(source, each);
  });
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Throws OptionError with every problem there is. */
export function clientSettings(options: object): ReporterSettings {
  const problems: string[] = [];
  const { targets, ...others } = options as { readonly targets?: unknown };
  const source = readLibrary(others, reporterOptions, problems);
  const values = valuesFrom(reporterOptions, [source, keyOfEnvironment(source)], problems);
  const settings = reporterSettings(values, targetsOf(targets, problems), "library", problems);
  if (problems.length > 0) throw new OptionError(problems);
  return settings;
}

/** null: the options beside them describe the only one. */
function targetsOf(targets: unknown, problems: string[]): Source[] | null {
  if (targets === undefined || targets === null) return null;
  if (Array.isArray(targets) && targets.every(isObject)) {
    return targets.map((each, index) => readLibrary(each, targetOptions, problems, `targets[${index}].`));
  }
  problems.push("targets: give a list of objects");
  return null;
}

/** `prefix` begins what messages call an option. */
function readLibrary(options: object, table: OptionTable, problems: string[], prefix = ""): Source {
  const names = namesIn(table, "library");
  const source = new Map<string, Given>();
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined || value === null) continue;
    const from = prefix + key;
    const name = names.options.get(key);
    if (name === undefined) {
      problems.push(unknownName(key, names, { from }));
      continue;
    }
    const given = libraryValue(from, table[name]!, value, problems);
    if (given !== undefined) source.set(name, given);
  }
  return source;
}

/** undefined: it is wrong, which `problems` say. */
function libraryValue(from: string, spec: AnyOption, value: unknown, problems: string[]): Given | undefined {
  const { kind, library, entry } = spec;
  const asItIs = library.asItIs?.(value);
  if (asItIs !== undefined) return { from, text: "", value: asItIs };
  if (mayBeEmpty(spec) && Array.isArray(value) && value.length === 0) return { from, text: "", value: [] };
  if (entry !== undefined && kind.list && Array.isArray(value)) return entries(from, spec, value, problems);
  if (entry !== undefined && !kind.list && isObject(value)) return entryOf(from, spec, value, problems);
  const text = library.asItIs === undefined ? libraryText(spec, value) : undefined;
  const given = { from, text: text ?? "", shown: String(value) };
  if (text !== undefined && kind.parse(text) !== null) return given;
  problems.push(text === undefined ? `${from}: give ${library.allowed ?? kind.allowed}` : problemWith(given, spec));
  return undefined;
}

/** A list whose entries may be objects. */
function entries(from: string, spec: AnyOption, items: readonly unknown[], problems: string[]): Given | undefined {
  const { kind } = spec;
  const before = problems.length;
  const texts = items.map((item, index) => {
    if (!isObject(item)) {
      const given = { from: `${from}[${index}]`, text: textOf(item, false) ?? String(item) };
      if (kind.parse(given.text) === null) problems.push(problemWith(given, spec));
      return given.text;
    }
    return entryOf(`${from}[${index}]`, spec, item, problems)?.text ?? "";
  });
  return problems.length > before ? undefined : { from, text: texts.join(",") };
}

/** An object that stands for a text. undefined: it is wrong, which `problems` say. */
function entryOf(from: string, spec: AnyOption, item: object, problems: string[]): Given | undefined {
  const { options, required, text } = spec.entry!;
  const before = problems.length;
  const source = readLibrary(item, options, problems, `${from}.`);
  for (const name of required)
    if (!source.has(name)) problems.push(`${from}.${name}: give ${options[name]!.kind.allowed}`);
  const values = valuesFrom(options, [source], problems);
  if (problems.length > before) return undefined;
  const given = { from, text: text(values) };
  if (spec.kind.parse(given.text) !== null) return given;
  problems.push(problemWith(given, spec));
  return undefined;
}

/** HARMONY_KEY is used where the program that embeds us gives nothing about keys itself. */
function keyOfEnvironment(given: Source): Source {
  const text = process.env.HARMONY_KEY;
  const isGiven = ["key", "keyFile", "identity", "insecure"].some((name) => given.has(name));
  return new Map(text && !isGiven ? [["key", { from: "HARMONY_KEY", text }]] : []);
}

/** A value in text form. */
function libraryText({ kind, library }: AnyOption, value: unknown): string | undefined {
  if (typeof value === "number" && library.unit !== undefined) {
    return `${library.unit === "minutes" ? value * MS_PER_MINUTE : value}ms`;
  }
  if (typeof value === "object" && library.object !== undefined) return library.object;
  return textOf(value, kind.list === true);
}
