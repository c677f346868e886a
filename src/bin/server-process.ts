/** The server that `harmony-reporter … -- COMMAND` runs. */
import { type ChildProcess, spawn } from "node:child_process";
import { constants, networkInterfaces } from "node:os";
import { runtime } from "#runtime";
import { childEnvironment } from "../util/child-environment.ts";
import { codeOf, HarmonyError, messageOf } from "../util/errors.ts";

/** ms between attempts to connect to the server while it starts: nobody notices the delay, and it costs next to nothing. */
const RETRY_MS = 100;
/** ms that one attempt may take. */
const ATTEMPT_TIMEOUT_MS = 1_000;

/** The exit code of a process that signal n ended is 128 + n, as in shells. */
const SIGNAL_EXIT = 128;

/** `7`, or `137 (SIGKILL)`. A shell's code for a signal that ended its command reads alike. */
export function exitText(code: number): string {
  const signals: Record<string, number> = constants.signals;
  const signal = Object.keys(signals).find((name) => signals[name] === code - SIGNAL_EXIT);
  return signal === undefined ? String(code) : `${code} (${signal})`;
}

export class ServerProcess {
  /** Its exit code, 128 + n for signal n. Rejects with HarmonyError if it cannot be started. */
  readonly ended: Promise<number>;
  /** null if it could not be started. */
  readonly #child: ChildProcess | null;
  #over = false;

  constructor(command: readonly string[], port: number) {
    const [file, ...args] = command;
    // A process group of its own: Ctrl-C then reaches only the reporter, which drains before it passes a signal on.
    const detached = process.platform !== "win32";
    let child: ChildProcess | null = null;
    this.ended = new Promise((resolve, reject) => {
      const failed = (error: unknown) => {
        this.#over = true;
        reject(noCommand(file!, error));
      };
      try {
        // PORT is where many servers look for the port to listen on.
        child = spawn(file!, args, { stdio: "inherit", detached, env: childEnvironment({ PORT: String(port) }) });
      } catch (error) {
        return failed(error); // Bun throws some failures, such as a file that is no program
      }
      child.once("error", failed);
      child.once("exit", (code, signal) => {
        this.#over = true;
        resolve(code ?? SIGNAL_EXIT + (signal === null ? 0 : constants.signals[signal]));
      });
    });
    this.#child = child;
  }

  /** Does nothing once it has ended. Not by `child.kill()`: after that, Deno takes any exit for one by that signal. */
  kill(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (this.#over || pid === undefined) return;
    try {
      process.kill(pid, signal);
    } catch (error) {
      if (codeOf(error) !== "ESRCH") throw error; // it has ended; the event is on its way
    }
  }

  /**
   * Resolves to true when something accepts connections on `port`, to false if the process ends before that. `onSlow` is called
   * once, if neither has happened within `patience` ms.
   */
  async accepting(port: number, patience: number, onSlow: () => void): Promise<boolean> {
    const slow = setTimeout(() => this.#over || onSlow(), patience);
    try {
      while (!this.#over) {
        if (await isServed(port)) return !this.#over;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
      return false;
    } finally {
      clearTimeout(slow);
    }
  }
}

function noCommand(file: string, cause: unknown): HarmonyError {
  return new HarmonyError("NO_COMMAND", `cannot start "${file}": ${messageOf(cause)}`, { fault: "config", cause });
}

/** Loopback first, because most servers listen on every interface. */
function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const outer = all.filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address }) => address);
  return ["127.0.0.1", "::1", ...outer];
}

/** Whether anything on this machine accepts connections on the port. */
export async function isServed(port: number): Promise<boolean> {
  for (const host of ownAddresses()) if (await accepts(host, port)) return true;
  return false;
}

async function accepts(host: string, port: number): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(ATTEMPT_TIMEOUT_MS);
    await (await runtime.connect({ to: { host, port }, signal })).close();
    return true;
  } catch {
    return false; // not yet
  }
}
