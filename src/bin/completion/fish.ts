/** For fish. */
import { asksFor, type CompletedCommand, type CompletedFlag, type CompletedProgram, type Possible } from "./words.ts";

export function fishScript(program: CompletedProgram): string {
  const { name, commands } = program;
  const [itself, ...others] = commands;
  const id = `__${name.replaceAll("-", "_")}`;
  const names = others.map((command) => command.name).join(" ");
  const none = `not __fish_seen_subcommand_from ${names}`;
  const lines = [
    `# Completion of ${name} for fish: ${name} completion fish | source`,
    ...helpers(id, program),
    `complete -c ${name} -f`,
    ...others.map((command) => `complete -c ${name} -n ${quoted(none)} -a ${command.name} -d ${quoted(command.help)}`),
    ...flagLines(name, none, itself!, id),
    ...others.flatMap((command) => commandLines(name, command, id)),
  ];
  return `${lines.join("\n")}\n`;
}

function helpers(id: string, program: CompletedProgram): string[] {
  if (!asksFor("target", program)) return [];
  return [
    `function ${id}_targets; ${program.name} targets --names 2>/dev/null; end`,
    `function ${id}_pools; ${id}_targets | string replace -r '/.*' '' | sort -u; end`,
  ];
}

function commandLines(program: string, command: CompletedCommand, id: string): string[] {
  const here = `__fish_seen_subcommand_from ${command.name}`;
  const { words } = command;
  const of = words === null ? null : possible(words, id);
  const operands = of === null ? [] : [`complete -c ${program} -n ${quoted(here)} ${of}`];
  return [...operands, ...flagLines(program, here, command, id)];
}

function flagLines(program: string, when: string, { flags }: CompletedCommand, id: string): string[] {
  return flags.map(({ flag, short, help, value }: CompletedFlag) => {
    const letter = short === null ? "" : ` -s ${short.slice(1)}`;
    const takes = value === null ? "" : ` -r ${possible(value, id) ?? "-f"}`;
    return `complete -c ${program} -n ${quoted(when)} -l ${flag.slice(2)}${letter}${takes} -d ${quoted(help)}`;
  });
}

/** null: the shell knows nothing of it. */
function possible(value: Possible, id: string): string | null {
  if (typeof value !== "string") return `-f -a ${quoted(value.join(" "))}`;
  if (value === "file") return "-F";
  return value === "anything" ? null : `-f -a ${quoted(`(${id}_${value}s)`)}`;
}

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}
