/** Programs that are run to their end, which is bounded in time and in what they say. */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { childEnvironment } from "./child-environment.ts";
import { codeOf } from "./errors.ts";

/** Characters of what a program says that are kept. */
const MOST_OUTPUT = 1_024;
/** ms for what it has written and is still on its way. A descendant in a group of its own may hold the pipe for longer. */
const LINGER_MS = 50;

export interface ProgramEnd {
  /** null: a signal ended it. */
  readonly code: number | null;
  readonly by: NodeJS.Signals | null;
  /** The beginning of its standard output, and of all that it has said. */
  readonly stdout: string;
  readonly output: string;
}

export interface ProgramOptions {
  /** Ends it, and all that it has started. */
  readonly signal: AbortSignal;
  readonly environment?: Readonly<Record<string, string>>;
}

/** It and all that it has started are gone afterwards. Rejects with the system's error where it cannot be started. */
export function runProgram(command: readonly string[], options: ProgramOptions): Promise<ProgramEnd> {
  const { signal, environment = {} } = options;
  return new Promise((resolve, reject) => {
    const [file, ...args] = command;
    // A process group of its own, so that what the program has started ends with it.
    const detached = process.platform !== "win32";
    const env = childEnvironment(environment);
    // Bun throws some failures, such as a file that is no program.
    const child = spawn(file!, args, { stdio: ["ignore", "pipe", "pipe"], detached, env });
    const said = outputOf(child);
    const end = () => endGroup(child);
    if (signal.aborted) end();
    signal.addEventListener("abort", end, { once: true });
    child.once("error", (error) => {
      signal.removeEventListener("abort", end);
      reject(error);
    });
    child.once("exit", (code, by) => {
      signal.removeEventListener("abort", end);
      endGroup(child);
      const done = () => {
        clearTimeout(lingers);
        for (const stream of [child.stdout, child.stderr]) stream?.destroy();
        resolve({ code, by, ...said() });
      };
      const lingers = setTimeout(done, LINGER_MS);
      child.once("close", done);
    });
  });
}

/** Reads all, so that the program is never held up, and keeps the beginning. */
function outputOf({ stdout, stderr }: ChildProcess): () => Pick<ProgramEnd, "stdout" | "output"> {
  const kept = { stdout: "", output: "" };
  const keep = (chunk: string, where: keyof typeof kept) => {
    if (kept[where].length < MOST_OUTPUT) kept[where] += chunk.slice(0, MOST_OUTPUT - kept[where].length);
  };
  for (const stream of [stdout, stderr]) {
    stream?.setEncoding("utf8");
    stream?.on("data", (chunk: string) => {
      keep(chunk, "output");
      if (stream === stdout) keep(chunk, "stdout");
    });
    stream?.on("error", () => undefined); // it has been read as far as it could be
  }
  return () => kept;
}

/** Not by `child.kill()`: after that, Deno takes any exit for one by that signal. */
function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === "win32" ? pid : -pid, constants.signals.SIGKILL);
  } catch (error) {
    if (codeOf(error) !== "ESRCH" && codeOf(error) !== "EPERM") throw error; // nobody is left of it
  }
}
