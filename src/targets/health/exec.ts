import { NetError } from "../../net/net-error.ts";
import type { Address } from "../../net/runtime.ts";
import { type ProgramEnd, runProgram } from "../../util/bounded-program.ts";
import { codeOf, messageOf } from "../../util/errors.ts";
import type { Answer, ExecAsk, HealthCheck } from "./check.ts";
import { oneLine } from "./one-line.ts";

/** fork() has failed for a lack of processes or memory: nothing is known of the server then. */
const SCARCE = ["EAGAIN", "ENOMEM", "EMFILE", "ENFILE"];

/** A program ends with exit code 0. It and all that it has started are gone afterwards. */
export const exec: HealthCheck<ExecAsk> = {
  kind: "exec",
  async run({ command }, to, { signal }): Promise<Answer> {
    const environment = variablesOf(to);
    const words = command.map((word) => filledIn(word, environment));
    try {
      return outcome(await runProgram(words, { signal, environment }));
    } catch (error) {
      const code = codeOf(error);
      if (code !== undefined && SCARCE.includes(code)) throw new NetError("ENOBUFS", messageOf(error), error);
      return { ok: false, reason: `cannot start ${words[0]}: ${messageOf(error)}` };
    }
  },
};

/** What arguments may contain as `{host}`, `{port}` and `{path}`, and the program finds in its environment. */
function variablesOf(to: Address): Record<string, string> {
  if ("path" in to) return { TARGET_PATH: to.path };
  return { TARGET_HOST: to.host, TARGET_PORT: String(to.port) };
}

function filledIn(word: string, variables: Readonly<Record<string, string>>): string {
  return word.replace(/\{(host|port|path)\}/g, (all, name: string) => variables[`TARGET_${name.toUpperCase()}`] ?? all);
}

function outcome({ code, by, output }: ProgramEnd): Answer {
  const said = oneLine(output.split(/[\r\n]/).find((each) => each.trim() !== "") ?? "");
  const end = code === null ? `ended by ${by ?? "a signal"}` : `exit code ${code}`;
  return { ok: code === 0, reason: said === "" ? end : `${end}: ${said}` };
}
