/** The server that `harmony-reporter … -- COMMAND` runs. */
import { type ChildProcess, spawn } from "node:child_process";
import { constants, networkInterfaces } from "node:os";
import { runtime } from "#runtime";
import { codeOf, HarmonyError, messageOf } from "../util/errors.ts";

/** ms between looks whether the server accepts yet: too short for anybody to wait for it, too long to be work. */
const LOOK_EVERY_MS = 100;
/** ms one look may take. */
const LOOK_TIMEOUT_MS = 1_000;

/** What a shell says of a process that a signal ended. */
const SIGNAL_EXIT = 128;

export class ServerProcess {
  /** The exit code it left, 128 + n for signal n. Rejects with HarmonyError when it cannot be started. */
  readonly ended: Promise<number>;
  /** null: it could not be started. */
  readonly #child: ChildProcess | null;
  #over = false;

  constructor(command: readonly string[], port: number) {
    const [file, ...args] = command;
    // A group of its own: Ctrl-C then reaches only us, and we drain before we pass it on.
    const detached = process.platform !== "win32";
    let child: ChildProcess | null = null;
    this.ended = new Promise((resolve, reject) => {
      const failed = (error: unknown) => {
        this.#over = true;
        reject(noCommand(file!, error));
      };
      try {
        child = spawn(file!, args, { stdio: "inherit", detached, env: environmentOfServer(port) });
      } catch (error) {
        return failed(error); // some failures Bun throws, such as a file that is no program
      }
      child.once("error", failed);
      child.once("exit", (code, signal) => {
        this.#over = true;
        resolve(code ?? SIGNAL_EXIT + (signal === null ? 0 : constants.signals[signal]));
      });
    });
    this.#child = child;
  }

  /** Nothing happens where it has ended. Not by `child.kill()`: Deno then takes any later exit for one by that signal. */
  kill(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (this.#over || pid === undefined) return;
    try {
      process.kill(pid, signal);
    } catch (error) {
      if (codeOf(error) !== "ESRCH") throw error; // it has ended, and we are about to be told
    }
  }

  /** Resolves true when something accepts connections on `port`, false when the process ends before. */
  async accepting(port: number): Promise<boolean> {
    while (!this.#over) {
      for (const host of ownAddresses()) {
        if (await accepts(host, port)) return !this.#over;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    return false;
  }
}

function noCommand(file: string, cause: unknown): HarmonyError {
  return new HarmonyError("NO_COMMAND", `cannot start "${file}": ${messageOf(cause)}`, { fault: "config", cause });
}

/** The key is ours, not the server's. PORT is where many servers look for the port to listen on, and it is the one we report. */
function environmentOfServer(port: number): NodeJS.ProcessEnv {
  const { HARMONY_KEY: _, ...rest } = process.env;
  return { ...rest, PORT: String(port) };
}

/** Loopback first: most servers listen on every interface. */
function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const outer = all.filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address }) => address);
  return ["127.0.0.1", "::1", ...outer];
}

async function accepts(host: string, port: number): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(LOOK_TIMEOUT_MS);
    await (await runtime.connect({ to: { host, port }, signal })).close();
    return true;
  } catch {
    return false; // not yet: that is the question
  }
}
