/** The environment and the configuration file as sources of options. */
import { parse, TomlError } from "smol-toml";
import { messageOf } from "../util/errors.ts";
import { envName, kebab, type OptionTable } from "./option.ts";
import { type Given, namesIn, type Source } from "./resolve.ts";
import { suggestion } from "./suggest.ts";

/** What Kubernetes puts into HARMONY_PORT, next to names that are no option's, where there is a Service called "harmony". */
const SERVICE_LINK = /^(tcp|udp|sctp):\/\//;

/**
 * `HARMONY_<NAME>`. An empty variable counts as none, as container tools write "unset". Unknown names are no problem:
 * both programs share one environment.
 */
export function readEnvironment(environment: Readonly<Record<string, string | undefined>>, table: OptionTable): Source {
  const source = new Map<string, Given>();
  for (const [variable, name] of namesIn(table, "env", envName)) {
    const text = environment[variable];
    if (text === undefined || text === "" || (variable === "HARMONY_PORT" && SERVICE_LINK.test(text))) continue;
    source.set(name, { from: variable, text });
  }
  return source;
}

/** TOML text whose keys are option names. `path` is for the reader of a problem. */
export function readConfigText(toml: string, path: string, table: OptionTable, problems: string[]): Source {
  const source = new Map<string, Given>();
  let content: Record<string, unknown>;
  try {
    content = parse(toml);
  } catch (error) {
    const place = error instanceof TomlError ? `${path}:${error.line}:${error.column}` : path;
    problems.push(`${place}: this is not TOML: ${messageOf(error).split("\n")[0]}`);
    return source;
  }
  const names = namesIn(table, "file", kebab);
  for (const [key, value] of Object.entries(content)) {
    const name = names.get(key);
    const from = `${key} in ${path}`;
    if (name === undefined) {
      problems.push(`${from}: there is no such option here${suggestion(key, names.keys())}`);
      continue;
    }
    const text = textOf(value, table[name]!.repeat === true);
    if (text === undefined) problems.push(`${from}: give ${table[name]!.kind.allowed}`);
    else source.set(name, { from, text });
  }
  return source;
}

/** A TOML scalar, or a list of them where a list is meant, in text form. */
export function textOf(value: unknown, list: boolean): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (typeof value === "boolean") return value ? "on" : "off";
  if (!list || !Array.isArray(value) || value.length === 0) return undefined;
  const texts = value.map((item) => textOf(item, false));
  return texts.includes(undefined) ? undefined : texts.join(",");
}
