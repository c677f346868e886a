/** A program whose log is read as it comes and not kept: an hour of it is more than memory should hold. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { KEY } from "../support/cluster.ts";
import { type ProgramName, programCommand } from "../support/form.ts";
import { type LogLine, ownEnvironment } from "../support/program.ts";

const LAST_LINES = 30;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export class LoggedProcess {
  readonly exited: Promise<Exit>;
  exit: Exit | undefined;
  /** The last lines that it logged, for whoever has to find out what happened. */
  readonly last: string[] = [];
  readonly #child: ChildProcess;

  /** `onLine` gets every line of its log; a line that is not JSON as text. */
  constructor(name: ProgramName, args: readonly string[], onLine: (line: LogLine | string) => void) {
    const [command, ...rest] = programCommand(name);
    this.#child = spawn(command, [...rest, ...args, "--log-format", "json", "--log-level", "debug"], {
      env: { ...ownEnvironment(), HARMONY_KEY: KEY },
      stdio: ["ignore", "inherit", "pipe"],
    });
    running.add(this.#child);
    const lines = createInterface({ input: this.#child.stderr! });
    lines.on("line", (text) => {
      this.last.push(text);
      if (this.last.length > LAST_LINES) this.last.shift();
      onLine(parse(text));
    });
    this.exited = new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      this.#child.once("close", (code, signal) => {
        running.delete(this.#child);
        this.exit = { code, signal };
        resolve(this.exit);
      });
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.exit) process.kill(this.pid, signal);
  }

  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.exited;
  }
}

function parse(text: string): LogLine | string {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return text;
  }
}
