/** For zsh: a function that its completion system finds by its first line. */
import { asksFor, type CompletedCommand, type CompletedFlag, type CompletedProgram, type Possible } from "./words.ts";

export function zshScript(program: CompletedProgram): string {
  const { name, commands } = program;
  const [itself, ...others] = commands;
  const id = `_${name.replaceAll("-", "_")}`;
  return `#compdef ${name}
# Completion of ${name} for zsh: source <(${name} completion zsh), or this text as the file _${name} in a folder of $fpath.
${helpers(id, program)}${id}_commands() {
  local -a commands
  commands=(
${others.map((command) => `    ${quoted(`${command.name}:${command.help}`)}\n`).join("")}  )
  _describe -t commands command commands
}
${id}() {
  local curcontext=$curcontext state line
  if (( CURRENT > 2 )); then
    case $words[2] in
${others.map((command) => `      ${command.name})\n        shift words; (( CURRENT-- ))\n${argumentsOf(command, id, "        ")}        return ;;\n`).join("")}    esac
  fi
  [[ $words[CURRENT] != -* && CURRENT -eq 2 ]] && ${id}_commands
${argumentsOf(itself!, id, "  ")}}
if [[ $funcstack[1] == (_${name}|${id}) ]]; then ${id} "$@"; else compdef ${id} ${name}; fi
`;
}

function helpers(id: string, program: CompletedProgram): string {
  if (!asksFor("target", program)) return "";
  const { name } = program;
  return `${id}_targets() { local -a names; names=(\${(f)"$(${name} targets --names 2>/dev/null)"}); compadd -a names; }
${id}_pools() { local -a names; names=(\${(uf)"$(${name} targets --names 2>/dev/null | cut -d/ -f1)"}); compadd -a names; }
`;
}

function argumentsOf({ flags, words }: CompletedCommand, id: string, indent: string): string {
  const specs = [
    ...flags.map((flag) => flagSpec(flag, id)),
    ...(words === null ? [] : [`'*:word:${action(words, id)}'`]),
  ];
  return `${indent}_arguments -s -S ${specs.map((spec) => `\\\n${indent}  ${spec}`).join(" ")}\n`;
}

function flagSpec({ flag, short, help, value }: CompletedFlag, id: string): string {
  const text = help.replace(/[[\]:\\]/g, "\\$&");
  const rest = value === null ? "" : `:value:${action(value, id)}`;
  const mark = value === null ? "" : "=";
  if (short === null) return quoted(`${flag}${mark}[${text}]${rest}`);
  return `${quoted(`(${flag} ${short})`)}{${short},${flag}${mark}}${quoted(`[${text}]${rest}`)}`;
}

function action(value: Possible, id: string): string {
  if (typeof value !== "string") return `(${value.join(" ")})`;
  if (value === "file") return "_files";
  return value === "anything" ? " " : `${id}_${value}s`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
