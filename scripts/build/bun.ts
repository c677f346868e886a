/** The Bun form: one executable, made by `bun build --compile`. */
import { mkdirSync, mkdtempSync, renameSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { bun } from "../runtimes.ts";
import { run } from "../test/process.ts";
import { type Program, removeFolder } from "./programs.ts";

const TIMEOUT_MS = 300_000;

export interface BunTarget {
  /** As `bun build --target` names it: `bun-linux-arm64-musl`. */
  readonly name: string;
  /** The Bun executable of that system, to put the program behind. */
  readonly base: string;
}

/** Writes `outfile`, or throws with what Bun said. Without a target it is for this system. */
export async function compileWithBun(program: Program, outfile: string, target?: BunTarget): Promise<null> {
  mkdirSync(dirname(outfile), { recursive: true });
  // In a folder of its own, since the source map is also written beside the executable. Same file system: it is renamed.
  const folder = mkdtempSync(join(dirname(outfile), ".build-"));
  try {
    const made = join(folder, basename(outfile));
    const command = [
      bun,
      "build",
      "--compile",
      ...program.entries,
      "--outfile",
      made,
      ...OPTIONS,
      ...forTarget(target),
    ];
    const { code, output } = await run(command, { timeout: TIMEOUT_MS });
    if (code !== 0) throw new Error(`bun build ${program.name} failed:\n${output.trim()}`);
    renameSync(made, outfile);
    return null;
  } finally {
    removeFolder(folder);
  }
}

const OPTIONS = [
  // A program that someone starts in any folder must not take settings from files that happen to lie there.
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
  "--no-compile-autoload-tsconfig",
  "--no-compile-autoload-package-json",
  // Traces in bug reports name source lines.
  "--sourcemap=inline",
  "--keep-names",
];

function forTarget(target: BunTarget | undefined): string[] {
  // Bytecode halves the time to start, and belongs to the very build and processor that made it.
  if (target === undefined) return ["--bytecode"];
  return [`--target=${target.name}`, `--compile-executable-path=${target.base}`];
}
