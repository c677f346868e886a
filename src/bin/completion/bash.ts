/** For bash, with or without its package of completions. */
import { asksFor, type CompletedCommand, type CompletedProgram, type Possible } from "./words.ts";

export function bashScript(program: CompletedProgram): string {
  const { name, commands } = program;
  const [itself, ...others] = commands;
  const id = `_${name.replaceAll("-", "_")}`;
  const names = others.map((command) => command.name).join(" ");
  return `# Completion of ${name} for bash: source <(${name} completion bash)
${helpers(id, program)}${id}() {
  local line=\${COMP_LINE:0:COMP_POINT} words word quoted cur prev command flags= values= kind=
  read -ra words <<<"$line"
  cur=\${line##*[[:space:]]}
  [[ -n $cur ]] && unset 'words[-1]'
  prev=\${words[-1]}
  command=\${words[1]-}
  [[ $cur == --*=* ]] && prev=\${cur%%=*} cur=\${cur#*=}
  COMPREPLY=()
  case $command in
${others.map((command) => commandCase(command)).join("")}    *)
${commandBody(itself!)}      values='${names}'
      ;;
  esac
  case $kind in
    file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
${asksFor("target", program) ? `    target) values=$(${id}_targets) ;;\n    pool) values=$(${id}_pools) ;;\n` : ""}  esac
  [[ $cur == -* && -z $kind ]] && values=$flags
  # Not by compgen -W, which expands words as the shell would: a name from the network must not run as a command.
  read -rd '' -a words <<<"$values"
  for word in "\${words[@]}"; do
    printf -v quoted %q "$word"
    [[ $word == "$cur"* || $quoted == "$cur"* ]] && COMPREPLY+=("$quoted")
  done
  # bash takes what follows the last colon for the word.
  [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]] && COMPREPLY=("\${COMPREPLY[@]#"\${cur%"\${cur##*:}"}"}")
}
complete -F ${id} ${name}
`;
}

function helpers(id: string, program: CompletedProgram): string {
  if (!asksFor("target", program)) return "";
  return `${id}_targets() { ${program.name} targets --names 2>/dev/null; }
${id}_pools() { ${id}_targets | cut -d/ -f1 | sort -u; }
`;
}

function commandCase(command: CompletedCommand): string {
  return `    ${command.name})\n${commandBody(command)}      ;;\n`;
}

/** Sets what may come: all flags, and the values of the flag before, or of the command's words. */
function commandBody({ flags, words }: CompletedCommand): string {
  const names = flags.flatMap(({ flag, short }) => (short === null ? [flag] : [flag, short])).join(" ");
  const valued = flags.filter(({ value }) => value !== null);
  const cases = valued.map(({ flag, short, value }) => {
    return `        ${short === null ? flag : `${flag}|${short}`}) ${possible(value!)} ;;\n`;
  });
  return `      flags='${names}'
      case $prev in
${cases.join("")}        *) ${words === null ? ":" : possible(words, "")} ;;
      esac
`;
}

/** \`kind\` that is not empty keeps a value that begins with a dash from being taken for a flag. */
function possible(value: Possible, kind = "value"): string {
  if (typeof value !== "string") return `values='${value.join(" ")}'${kind === "" ? "" : ` kind=${kind}`}`;
  if (kind === "") return value === "anything" ? ":" : `[[ $cur == -* ]] || kind=${value}`;
  return `kind=${value}`;
}
