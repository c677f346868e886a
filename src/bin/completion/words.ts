/** What a shell can complete of a program: its commands, and their options with what these may be. */
import { flagsOf } from "../../config/flags.ts";
import { type AnyOption, isIn, type OptionTable } from "../../config/option.ts";
import type { Command } from "../command.ts";

/** What a word may be: one of these, what the shell finds by itself, or anything, of which a shell knows nothing. */
export type Possible = readonly string[] | "target" | "pool" | "file" | "anything";

export interface CompletedFlag {
  readonly flag: string;
  readonly short: string | null;
  readonly help: string;
  /** null: it stands alone. */
  readonly value: Possible | null;
}

export interface CompletedCommand {
  /** "" for the program itself. */
  readonly name: string;
  readonly help: string;
  readonly flags: readonly CompletedFlag[];
  /** Of its words that are no options; null: it takes none. */
  readonly words: Possible | null;
}

export interface CompletedProgram {
  readonly name: string;
  /** The first is the program itself. */
  readonly commands: readonly CompletedCommand[];
}

const BUILT_IN: readonly CompletedFlag[] = [{ flag: "--help", short: "-h", help: "Print the help", value: null }];

export function completedProgram(name: string, options: OptionTable, commands: readonly Command[]): CompletedProgram {
  const version = { flag: "--version", short: "-V", help: "Print the version and the runtime", value: null };
  const itself: CompletedCommand = { name: "", help: "", flags: [...flagsIn(options), version], words: null };
  return { name, commands: [itself, ...commands.map(completedCommand)] };
}

function completedCommand({ name, summary, table, passes = {}, operands }: Command): CompletedCommand {
  const [first = null] = operands;
  const words = first === null ? null : (first.choices ?? first.names ?? "anything");
  return { name, help: headline(summary), flags: flagsIn({ ...table, ...passes }), words };
}

function flagsIn(table: OptionTable): CompletedFlag[] {
  const own = Object.entries(table)
    .filter(([, spec]) => isIn(spec, "flag"))
    .map(([name, spec]) => ({
      flag: flagsOf(name, spec)[0]!,
      short: spec.short === undefined ? null : `-${spec.short}`,
      help: headline(spec.doc),
      value: possibleIn(spec),
    }));
  return [...own, ...BUILT_IN];
}

function possibleIn({ kind, default: value }: AnyOption): Possible | null {
  const { placeholder, bare, schema } = kind;
  if (bare !== undefined && kind.format(value) !== bare) return null;
  if (bare !== undefined) return ["on", "off"];
  const { enum: choices } = schema ?? {};
  if (Array.isArray(choices) && choices.every((choice) => typeof choice === "string")) return choices;
  if (placeholder === "TARGET") return "target";
  if (placeholder === "POOL") return "pool";
  return /PATH|FILE/.test(placeholder) ? "file" : "anything";
}

/** Whether a script has to ask the program for what may come. */
export function asksFor(asked: "target" | "pool", { commands }: CompletedProgram): boolean {
  return commands.some(({ words, flags }) => words === asked || flags.some(({ value }) => value === asked));
}

/** The first sentence, in one line, as far as it needs no more than a line. */
function headline(text: string): string {
  const [first = ""] = text.split(/[.:;](?:\s|$)|\n/);
  return first.length > MOST ? `${first.slice(0, MOST - 1).trimEnd()}…` : first;
}

const MOST = 70;
