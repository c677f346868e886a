/** The environment and the configuration file as sources of options. */
import { readFileSync } from "node:fs";
import { parse, TomlError } from "smol-toml";
import { messageOf } from "../util/errors.ts";
import { namesIn, unknownName } from "./names.ts";
import type { OptionTable } from "./option.ts";
import type { Given, Source } from "./values.ts";

/** If there is a Service called "harmony", Kubernetes puts this into HARMONY_PORT, and sets variables that are no option's. */
const SERVICE_LINK = /^(tcp|udp|sctp):\/\//;

/**
 * `HARMONY_<NAME>`. An empty variable counts as none, as container tools write "unset". Unknown names are no problem,
 * because both programs share one environment. A former name is: what was set under it would silently be lost.
 */
export function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  table: OptionTable,
  problems: string[],
): Source {
  const source = new Map<string, Given>();
  const names = namesIn(table, "env");
  for (const [variable, name] of names.options) {
    const text = environment[variable];
    if (!text || (variable === "HARMONY_PORT" && SERVICE_LINK.test(text))) continue;
    source.set(name, { from: variable, text });
  }
  for (const variable of names.former.keys()) {
    if (environment[variable]) problems.push(unknownName(variable, names));
  }
  return source;
}

/** The TOML file at `path`, whose keys are option names. */
export function readConfigFile(path: string, table: OptionTable, problems: string[]): Source {
  const source = new Map<string, Given>();
  const names = namesIn(table, "file");
  for (const [key, value] of Object.entries(readToml(path, problems))) {
    const name = names.options.get(key);
    const from = `${key} in ${path}`;
    if (name === undefined) {
      problems.push(unknownName(key, names, { from, what: "option here" }));
      continue;
    }
    const { kind } = table[name]!;
    const text = textOf(value, kind.list === true);
    if (text === undefined) problems.push(`${from}: give ${kind.allowed}`);
    else source.set(name, { from, text });
  }
  return source;
}

function readToml(path: string, problems: string[]): Record<string, unknown> {
  try {
    return parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof TomlError) {
      problems.push(`${path}:${error.line}:${error.column}: this is not TOML: ${error.message.split("\n")[0]}`);
    } else {
      problems.push(`config: the file cannot be read: ${messageOf(error)}`);
    }
    return {};
  }
}

/** A scalar, or a list of them where the option is a list, in text form. */
export function textOf(value: unknown, list: boolean): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (typeof value === "boolean") return value ? "on" : "off";
  if (!list || !Array.isArray(value) || value.length === 0) return undefined;
  const texts = value.map((item) => textOf(item, false));
  return texts.includes(undefined) ? undefined : texts.join(",");
}
