/** For commands that show something: once or again and again, for people or as JSON. */

import type { Kind } from "../config/kind.ts";
import { duration, onOff } from "../config/kinds.ts";
import { option, optional, type Values } from "../config/option.ts";
import { print } from "./command.ts";
import { type Line, lineText } from "./terminal/line.ts";
import { live } from "./terminal/live.ts";
import { type Paper, paper } from "./terminal/paper.ts";

/** Often enough to see a change happen, and a small part of a per cent of the balancer's time. */
const EVERY = "2s";

export const every: Kind<number, number | string> = { ...duration(1), bare: EVERY };

export const json = option({
  kind: onOff,
  default: false,
  doc: "JSON as the API has it, for programs.",
  places: ["flag"],
});

export const showOptions = {
  json,
  watch: optional({
    kind: every,
    doc: `Again and again, every ${EVERY} or as often as it says (--watch 10s): in place on a terminal, one below the other elsewhere, with --json one line each.`,
    places: ["flag"],
  }),
} as const;

/** What is looked at, and how it reads. Returns the exit code. */
export async function show<T>(
  { json, watch }: Values<typeof showOptions>,
  look: () => Promise<T>,
  linesOf: (seen: T, paper: Paper, now: number) => Line[],
): Promise<number> {
  if (watch !== null && !json && paper().isTerminal) {
    let seen: T;
    const refresh = async () => {
      seen = await look();
    };
    await live({ refresh, lines: (on) => linesOf(seen, on, Date.now()), pressed: () => "nothing", help: "" }, watch);
    return 0;
  }
  for (;;) {
    const seen = await look();
    if (json) print(JSON.stringify(seen, null, watch === null ? 2 : 0));
    else printLines(linesOf(seen, paper(), Date.now()));
    if (watch === null) return 0;
    await new Promise((resolve) => setTimeout(resolve, watch));
    if (!json) print("");
  }
}

export function printLines(lines: readonly Line[]): void {
  const { colour } = paper();
  if (lines.length > 0) print(lines.map((line) => lineText(line, colour)).join("\n"));
}
