/**
 * What a document asks to be run: its code blocks, and comments before them that its readers do not see.
 *
 *     <!-- run -->                       the block below has to exit with 0
 *     <!-- run: prints /PATTERN/ -->     … and to print this
 *     <!-- run: starts /PATTERN/ -->     the block is one command, which prints this and goes on running
 *     <!-- run: no, REASON -->           the block cannot be run
 *     <!-- file: PATH -->                the block is a file
 *     <!-- copy: FILE to PATH -->        a file of the repository is put there
 *     <!-- start: COMMAND -->            as `starts`, unseen
 *     <!-- check: COMMAND -->            has to exit with 0 before long, unseen
 *     <!-- stop -->                      ends what was started, the last first; a shown one has to exit with 0
 */
export type Step = Part & { readonly line: number };

type Part =
  | { readonly kind: "run"; readonly text: string; readonly prints: string | null }
  /** `prints` null: an unseen one, which need not say anything, nor end well. */
  | { readonly kind: "start"; readonly text: string; readonly prints: string | null }
  | { readonly kind: "check"; readonly text: string }
  | { readonly kind: "file"; readonly path: string; readonly text: string }
  | { readonly kind: "copy"; readonly path: string; readonly from: string }
  | { readonly kind: "skip"; readonly reason: string }
  | { readonly kind: "stop" }
  | { readonly kind: "problem"; readonly text: string };

/** Blocks in these languages are something to run or to keep; others are something to read. */
const TO_RUN = ["sh", "js", "ts", "toml", "ini", "dockerfile"];
const PART = /^<!-- (run|file|copy|start|check|stop)(?:: (.*))? -->$|^```(\S*)[^\n]*\n([\s\S]*?)^```$/gm;

export function readScript(markdown: string): Step[] {
  const steps: Step[] = [];
  let marker: { verb: string; words: string } | null = null;
  for (const match of markdown.matchAll(PART)) {
    const [, verb, words = "", language, text] = match;
    const line = markdown.slice(0, match.index).split("\n").length;
    if (verb === "run" || verb === "file") {
      marker = { verb, words };
    } else if (verb !== undefined) {
      steps.push({ line, ...unseen(verb, words) });
    } else {
      if (marker !== null) steps.push({ line, ...block(marker, text!) });
      else if (TO_RUN.includes(language!)) {
        steps.push({ line, kind: "problem", text: `nothing says whether this ${language} block can be run` });
      }
      marker = null;
    }
  }
  return steps;
}

function unseen(verb: string, words: string): Part {
  if (verb === "stop") return { kind: "stop" };
  if (verb === "check") return { kind: "check", text: words };
  if (verb === "start") return { kind: "start", text: words, prints: null };
  const [from, path] = words.split(" to ");
  return { kind: "copy", from: from!, path: path! };
}

function block({ verb, words }: { verb: string; words: string }, text: string): Part {
  if (verb === "file") return { kind: "file", path: words, text };
  if (words.startsWith("no, ")) return { kind: "skip", reason: words.slice("no, ".length) };
  if (words === "") return { kind: "run", text, prints: null };
  const [, how, prints] = /^(prints|starts) \/(.*)\/$/.exec(words) ?? [];
  if (how === "prints") return { kind: "run", text, prints: prints! };
  if (how === "starts") return { kind: "start", text, prints: prints! };
  return { kind: "problem", text: `"run: ${words}" means nothing` };
}
