/** The options of the library: the old names and units of its README, and every newer option under its flag's name in camelCase. */
import { type BalancerValues, balancerOptions } from "./balancer-options.ts";
import type { AnyOption, OptionTable, Values } from "./option.ts";
import { type ReporterValues, reporterOptions } from "./reporter-options.ts";
import { type Given, namesIn, OptionError, resolve, type Source } from "./resolve.ts";
import { type BalancerSettings, balancerSettings, type ReporterSettings, reporterSettings } from "./settings.ts";
import { textOf } from "./sources.ts";
import { suggestion } from "./suggest.ts";

const MS_PER_MINUTE = 60_000;

/** Throws OptionError with every problem there is. A function as `unavailable` is the caller's own affair. */
export function serverSettings(options: object): BalancerSettings {
  // A text of the library is a text: "@" has no meaning here, since a program can read its files itself.
  const { unavailable, ...others } = { unavailable: undefined, ...options } as { unavailable?: unknown };
  const problems: string[] = [];
  const values = readLibrary(others, balancerOptions, problems);
  const text = typeof unavailable === "string" ? unavailable : null;
  if (unavailable !== undefined && unavailable !== null && text === null && typeof unavailable !== "function") {
    problems.push("unavailable: give a string, or a function (error, socket)");
  }
  const merged = { ...values, ...placesOf(values, others, problems), unavailable: text === null ? null : { text } };
  return settled(balancerSettings(merged, problems), problems);
}

/** Throws OptionError with every problem there is. */
export function clientSettings(options: object): ReporterSettings {
  const problems: string[] = [];
  const values: ReporterValues = readLibrary(options, reporterOptions, problems);
  return settled(reporterSettings(values, problems), problems);
}

function settled<S>(settings: S, problems: readonly string[]): S {
  if (problems.length > 0) throw new OptionError(problems);
  return settings;
}

/** Where to listen: `listen` and `admin`, or else the old `host` with `listenport` and `adminport`. */
function placesOf(values: BalancerValues, given: object, problems: string[]): Pick<BalancerValues, "listen" | "admin"> {
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
  const names = namesIn(table, "library", (name) => name);
  const source = new Map<string, Given>();
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined || value === null) continue;
    const name = names.get(key);
    if (name === undefined) {
      problems.push(`${key}: there is no such option${suggestion(key, names.keys())}`);
      continue;
    }
    const spec: AnyOption = table[name]!;
    const text = libraryText(spec, value);
    if (text === undefined) problems.push(`${key}: give ${spec.kind.allowed}`);
    else source.set(name, { from: key, text, shown: String(value) });
  }
  return resolve(table, [source, keyOfEnvironment(source)], problems);
}

/** HARMONY_KEY stands in for a key where the program that embeds us says nothing of its own about keys. */
function keyOfEnvironment(given: Source): Source {
  const text = process.env.HARMONY_KEY;
  const isSaid = ["key", "keyFile", "insecure"].some((name) => given.has(name));
  return new Map(text && !isSaid ? [["key", { from: "HARMONY_KEY", text }]] : []);
}

/** A value in text form: numbers get their unit, and the old `{ }` means "on". */
function libraryText(spec: AnyOption, value: unknown): string | undefined {
  if (typeof value === "number" && spec.kind.numbers === "ms") {
    return `${spec.libraryNumber === "minutes" ? value * MS_PER_MINUTE : value}ms`;
  }
  if (spec.libraryObject !== undefined && typeof value === "object") return spec.libraryObject;
  return textOf(value, spec.repeat === true);
}
