/**
 * The manual pages of the programs, from the tables and texts that make their `--help`: `make docs` writes them to docs/man/. In the
 * macros of man(7), which every reader of manual pages knows.
 */
import { balancerCommands } from "../src/bin/balancer-commands.ts";
import type { Command } from "../src/bin/command.ts";
import { balancerText, type ManualText, reporterText } from "../src/bin/program-texts.ts";
import { reporterCommands } from "../src/bin/reporter-commands.ts";
import { balancerOptions } from "../src/config/balancer-options.ts";
import { flagsOf, flagWithValue, meaning } from "../src/config/flags.ts";
import { defaultText, isIn, type OptionTable } from "../src/config/option.ts";
import { reporterOptions } from "../src/config/reporter-options.ts";
import { DURATION_EXAMPLES } from "../src/util/durations.ts";
import { VERSION } from "../src/util/version.ts";

const FILES: Readonly<Record<string, string>> = {
  "/etc/harmony/key, ~/.config/harmony/key, $STATE_DIRECTORY/key, /var/lib/harmony/key":
    "Where keys are looked for, in this order. What a balancer or a reporter keeps lies beside it.",
  "$RUNTIME_DIRECTORY, /run/harmony, $XDG_RUNTIME_DIR/harmony":
    "Where the sockets lie through which commands reach a program that runs; otherwise beside the key.",
};

/** By page. */
export const manualPages: Readonly<Record<string, string>> = {
  "docs/man/harmony-balancer.1": page(balancerText, balancerOptions, balancerCommands, "harmony-reporter(1)"),
  "docs/man/harmony-reporter.1": page(reporterText, reporterOptions, reporterCommands, "harmony-balancer(1)"),
};

function page(text: ManualText, options: OptionTable, commands: readonly Command[], other: string): string {
  const { name, title, usage, summary, sections } = text;
  const lines = [
    '.\\" Made from the tables of options and commands by "make docs".',
    `.TH ${quoted(name.toUpperCase())} 1 "" ${quoted(`Harmony ${VERSION}`)} "Harmony"`,
    ".SH NAME",
    escaped(`${name} - ${title}`),
    ".SH SYNOPSIS",
    `.B ${escaped(name)}`,
    escaped(usage),
    ".SH DESCRIPTION",
    escaped(summary),
    ".PP",
    escaped(`DURATION is a number and a unit, such as ${DURATION_EXAMPLES}. 0 needs no unit.`),
    ".SH OPTIONS",
    ...optionLines(options),
    ".SH COMMANDS",
    ...commands.flatMap((command) => commandLines(name, command)),
    ...Object.entries(sections).flatMap(([heading, paragraph]) => [`.SH ${heading}`, escaped(paragraph)]),
    ".SH FILES",
    ...Object.entries(FILES).flatMap(([files, what]) => [".TP", `.I ${escaped(files)}`, escaped(what)]),
    ".SH SEE ALSO",
    `.BR ${escaped(other).replace("(", " (")}`,
  ];
  return `${lines.join("\n")}\n`;
}

function commandLines(program: string, { name, usage, summary, table, footer }: Command): string[] {
  const paragraphs = footer.split("\n").filter((paragraph) => paragraph.trim() !== "");
  return [
    `.SS ${quoted(`${program} ${name} ${usage}`)}`,
    escaped(summary),
    ...optionLines(table),
    ...paragraphs.flatMap((paragraph) => [".PP", escaped(paragraph)]),
  ];
}

function optionLines(options: OptionTable): string[] {
  return Object.entries(options)
    .filter(([, spec]) => isIn(spec, "flag"))
    .flatMap(([name, spec]) => {
      const flags = flagsOf(name, spec).map((flag) => flagWithValue(flag, spec));
      return [".TP", `.B ${escaped(flags.join(", "))}`, escaped(`${meaning(spec)} Default: ${defaultText(spec)}.`)];
    });
}

/** An argument of a macro. */
function quoted(text: string): string {
  return `"${escaped(text).replaceAll('"', "\\(dq")}"`;
}

/** A line of text: nothing in it is taken for a request, and a dash is one that can be copied. */
function escaped(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, " ");
  return line
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^(?=[.'])/, "\\&");
}
