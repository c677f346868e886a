/** `completion bash|zsh|fish`: what makes a shell complete a program's words. */
import type { OptionTable } from "../../config/option.ts";
import { HarmonyError } from "../../util/errors.ts";
import { type Command, command } from "../command.ts";
import { bashScript } from "../completion/bash.ts";
import { fishScript } from "../completion/fish.ts";
import { completedProgram } from "../completion/words.ts";
import { zshScript } from "../completion/zsh.ts";
import { write } from "../output.ts";

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;
const SHELLS = Object.keys(SCRIPTS);

export function completion(program: string, options: OptionTable, others: readonly Command[]): Command {
  const own: Command = command({
    name: "completion",
    usage: SHELLS.join("|"),
    summary: "Prints what makes a shell complete the words of this program: commands, options, pools and targets.",
    operands: [{ name: "SHELL", help: `one of ${SHELLS.join(", ")}`, choices: SHELLS }],
    table: {},
    footer: [
      `\nbash: source <(${program} completion bash), in ~/.bashrc. zsh: source <(${program} completion zsh), in ~/.zshrc after compinit. ` +
        `fish: ${program} completion fish > ~/.config/fish/completions/${program}.fish`,
      "\nExit codes: 0 it is printed, 2 there is no such shell.\n",
    ].join("\n"),
    run(_values, [shell = ""]) {
      const script = Object.entries(SCRIPTS).find(([name]) => name === shell)?.[1];
      if (script === undefined)
        throw new HarmonyError("NO_SHELL", `${JSON.stringify(shell)}: give one of ${SHELLS.join(", ")}`, {
          fault: "config",
        });
      write(process.stdout, script(completedProgram(program, options, [...others, own])));
      return Promise.resolve(0);
    },
  });
  return own;
}
