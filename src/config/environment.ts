/** The environment as a source of options. */
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
