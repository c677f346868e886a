/** The options of the library: every option under its flag's name in camelCase, and the names and units of the first Harmony. */
import type { UnavailableHandler } from "../proxy/unavailable.ts";
import { type BalancerValues, balancerOptions } from "./balancer-options.ts";
import { namesIn, unknownName } from "./names.ts";
import type { AnyOption, OptionTable, Values } from "./option.ts";
import { reporterOptions } from "./reporter-options.ts";
import { type BalancerSettings, balancerSettings, type ReporterSettings, reporterSettings } from "./settings.ts";
import { textOf } from "./sources.ts";
import { type Given, OptionError, type Source, valuesFrom } from "./values.ts";

const MS_PER_MINUTE = 60_000;

/** Throws OptionError with every problem there is. */
export function serverSettings(options: object): BalancerSettings {
  const { unavailable, ...others } = options as { readonly unavailable?: unknown };
  const problems: string[] = [];
  const values = readLibrary(others, balancerOptions, problems);
  const text = typeof unavailable === "string" ? { text: unavailable } : null;
  const handler = typeof unavailable === "function" ? (unavailable as UnavailableHandler) : null;
  if (unavailable != null && !text && !handler)
    problems.push("unavailable: give a string, or a function (error, socket)");
  // Commands are for programs: whoever embeds a balancer has its methods.
  const api = "api" in others ? values.api : "off";
  const given = { ...values, ...listenersOf(values, others, problems), api, unavailable: text };
  return settled(balancerSettings(given, "library", problems, handler), problems);
}

/** Throws OptionError with every problem there is. */
export function clientSettings(options: object): ReporterSettings {
  const problems: string[] = [];
  const values = readLibrary(options, reporterOptions, problems);
  return settled(reporterSettings(values, "library", problems), problems);
}

function settled<S>(settings: S, problems: readonly string[]): S {
  if (problems.length > 0) throw new OptionError(problems);
  return settings;
}

/** Where to listen: `listen` and `admin`, or else `host` with `listenport` and `adminport`, as in the first Harmony. */
function listenersOf(
  values: BalancerValues,
  given: object,
  problems: string[],
): Pick<BalancerValues, "listen" | "admin"> {
  const has = (name: string) => (given as Record<string, unknown>)[name] !== undefined;
  for (const [whole, port] of [
    ["listen", "listenport"],
    ["admin", "adminport"],
  ] as const) {
    if (has(whole) && has(port)) problems.push(`${whole} and ${port} say the same: give one of them`);
  }
  const { host, listenport, adminport } = values;
  return {
    listen: has("listen") ? values.listen : [{ host, port: listenport }],
    admin: has("admin") ? values.admin : [{ host, port: adminport }],
  };
}

function readLibrary<T extends OptionTable>(options: object, table: T, problems: string[]): Values<T> {
  const names = namesIn(table, "library");
  const source = new Map<string, Given>();
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined || value === null) continue;
    const name = names.options.get(key);
    if (name === undefined) {
      problems.push(unknownName(key, names));
      continue;
    }
    const spec = table[name]!;
    const text = libraryText(spec, value);
    if (text === undefined) problems.push(`${key}: give ${spec.kind.allowed}`);
    else source.set(name, { from: key, text, shown: String(value) });
  }
  return valuesFrom(table, [source, keyOfEnvironment(source)], problems);
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
