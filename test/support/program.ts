/** Starts programs as processes, waits for what they log, and ends them by their process id. */
import { type ChildProcess, spawn } from "node:child_process";
import { type ProgramName, programCommand, scriptCommand } from "./form.ts";
import { JsonLines } from "./json-lines.ts";
import { until, within } from "./wait.ts";

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A line of `--log-format json`. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly level: string; readonly message: string };

export interface StartOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Whether the test writes to its standard input, which otherwise is empty. */
  readonly stdin?: boolean;
  /** How many descriptors it may have open. Linux alone. */
  readonly descriptors?: number;
}

const started = new Set<Program>();

/** Ends every program that is still running. For `after()`. */
export async function endPrograms(): Promise<void> {
  // A reporter that runs a server has to end it: SIGKILL would leave the server behind. While its balancer is still there.
  const parents = [...started].filter((program) => program.hasServer);
  await Promise.all(parents.map((program) => program.stop()));
  await Promise.all([...started].map((program) => program.kill()));
}

export class Program {
  readonly exited: Promise<Exit>;
  exit: Exit | undefined;
  stdout = "";
  stderr = "";
  /** It is a reporter that runs a server of its own. */
  readonly hasServer: boolean;
  /** What it has logged so far, as JSON lines. */
  readonly log: readonly LogLine[];
  /** The JSON lines that it has printed so far. */
  readonly printed: readonly unknown[];
  readonly #child: ChildProcess;
  readonly #title: string;

  constructor(command: readonly string[], options: StartOptions = {}) {
    this.#title = command.join(" ");
    this.hasServer = command.includes("--");
    this.#child = spawn(command[0]!, command.slice(1), {
      env: { ...ownEnvironment(), ...options.env } as NodeJS.ProcessEnv,
      cwd: options.cwd,
      stdio: [options.stdin ? "pipe" : "ignore", "pipe", "pipe"],
    });
    const [out, err] = [new JsonLines<unknown>(), new JsonLines<LogLine>()];
    [this.printed, this.log] = [out.values, err.values];
    this.#child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      out.add(text);
    });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      err.add(text);
    });
    this.exited = new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      // "close" comes when all output has been read, too.
      this.#child.once("close", (code, signal) => {
        this.exit = { code, signal };
        started.delete(this);
        resolve(this.exit);
      });
    });
    this.exited.catch(() => started.delete(this));
    started.add(this);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** The `index`-th of the JSON lines that it prints, now or later. Throws if the program ends without it. */
  prints(index: number): Promise<unknown> {
    return this.#attend(`line ${index + 1} of its output`, () => this.printed[index]);
  }

  /** Sends it a line of standard input. */
  tell(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  /** The first log line that fits, now or later. Throws if the program ends without it. */
  logged(what: string, fits: (line: LogLine) => boolean): Promise<LogLine> {
    return this.#attend(what, () => this.log.find(fits));
  }

  /** The first log line whose message matches. */
  says(pattern: RegExp): Promise<LogLine> {
    return this.logged(String(pattern), (line) => pattern.test(line.message));
  }

  async #attend<T>(what: string, look: () => T | undefined): Promise<T> {
    try {
      return await until(what, () => {
        const found = look();
        if (found === undefined && this.exit)
          throw new Error(`it ended with ${JSON.stringify(this.exit)} before ${what}`);
        return found;
      });
    } catch (error) {
      throw new Error(`${this.#title}: ${(error as Error).message}; it said:\n${this.stderr}${this.stdout}`);
    }
  }

  signal(signal: NodeJS.Signals): void {
    // Not child.kill(): under Deno a child that it signalled counts as killed by the signal, whatever code it exits with.
    if (!this.exit) process.kill(this.pid, signal);
  }

  ended(patience?: number): Promise<Exit> {
    return within(`the end of ${this.#title}`, this.exited, patience);
  }

  /** SIGTERM and its exit. */
  stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Exit> {
    this.signal(signal);
    return this.ended();
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended().catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error; // it never started: then there is nothing to end
    });
  }
}

/** Starts one of Harmony's programs, in the form that is being tested. */
export function start(name: ProgramName, args: readonly string[], options?: StartOptions): Program {
  const command = [...programCommand(name), ...args];
  const { descriptors } = options ?? {};
  return new Program(descriptors === undefined ? command : withDescriptors(descriptors, command), options);
}

/** The command line that runs `command` with so many descriptors at most. */
export function withDescriptors(most: number, command: readonly string[]): [string, ...string[]] {
  return ["sh", "-c", `ulimit -n ${most} && exec "$@"`, "sh", ...command];
}

/** Starts a TypeScript file of the tests on the runtime at hand. */
export function startScript(file: string, args: readonly string[] = []): Program {
  return new Program([...scriptCommand(file), ...args]);
}

/**
 * HARMONY_… in the environment of the tests must not decide what they see, nor what their user has ordered; and sockets are not to lie
 * where users' do.
 */
export function ownEnvironment(): NodeJS.ProcessEnv {
  return { ...withoutHarmony(process.env), HARMONY_API: "off", HARMONY_STATUS_SOCKET: "off", HARMONY_STATE: "off" };
}

export function withoutHarmony(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("HARMONY_")));
}
