/** A line of a terminal in parts, each with its own manner. What a part says its text says: colour only repeats it. */
import { harmless } from "./text.ts";

export type Manner = "plain" | "strong" | "quiet" | "good" | "doubtful" | "bad" | "chosen";

export interface Part {
  readonly text: string;
  readonly manner: Manner;
}

export type Line = readonly Part[];

/** The 16 colours that every terminal has, as its user has set them. */
const CODES: Readonly<Record<Manner, string>> = {
  plain: "",
  strong: "1",
  quiet: "2",
  good: "32",
  doubtful: "33",
  bad: "31",
  chosen: "7",
};

export function part(text: string, manner: Manner = "plain"): Part {
  return { text: harmless(text), manner };
}

export function line(...parts: readonly (string | Part)[]): Line {
  return parts.map((each) => (typeof each === "string" ? part(each) : each));
}

export function painted({ text, manner }: Part, colour: boolean): string {
  const code = CODES[manner];
  return colour && code !== "" && text !== "" ? `\x1b[${code}m${text}\x1b[0m` : text;
}

/** Without blanks at its end. */
export function lineText(parts: Line, colour: boolean): string {
  const last = parts.findLastIndex(({ text }) => text.trimEnd() !== "");
  return parts
    .slice(0, last + 1)
    .map((each, index) => painted(index === last ? { ...each, text: each.text.trimEnd() } : each, colour))
    .join("");
}
