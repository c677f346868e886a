/** The processes of a run. They end with the run, since they have its process namespace. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";

/** ms */
const READY_DEADLINE = 20_000;
const STOP_DEADLINE = 5_000;

const started = performance.now();

export type Env = Readonly<Record<string, string>>;

export class Process {
  readonly #child: ChildProcess;
  readonly #title: string;
  /** Everything that it has said, of which only the end is kept. */
  #said = "";
  #looks: (() => void)[] = [];

  constructor(command: readonly string[], env: Env = {}) {
    this.#title = command.join(" ");
    // Nothing of the user's own settings decides what is measured.
    const { PATH = "", HOME = "" } = process.env;
    this.#child = spawn(command[0]!, command.slice(1), { env: { PATH, HOME, ...env }, stdio: "pipe" });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      createInterface({ input: stream }).on("line", (line) => this.#note(line));
    }
    this.#child.on("error", (error) => this.#note(error.message));
    this.#child.on("exit", (code, signal) => this.#note(`(ended: ${code ?? signal})`));
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get #ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Resolves once it has said so. */
  says(pattern: RegExp): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (what: string) => reject(new Error(`${this.#title} ${what} ${pattern}; it said:\n${this.#said}`));
      const deadline = setTimeout(() => fail("has not said in time"), READY_DEADLINE);
      const look = () => {
        const found = pattern.test(this.#said);
        if (!found && !this.#ended) return void this.#looks.push(look);
        clearTimeout(deadline);
        found ? resolve() : fail("ended before it said");
      };
      look();
    });
  }

  tell(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.#ended) this.#child.kill(signal);
  }

  /** Ends it, whatever it does. */
  async end(): Promise<void> {
    if (this.#ended) return;
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.signal("SIGCONT");
    this.signal("SIGTERM");
    const force = setTimeout(() => this.signal("SIGKILL"), STOP_DEADLINE);
    await gone;
    clearTimeout(force);
  }

  #note(line: string): void {
    if (process.env.VERBOSE) console.log(`${((performance.now() - started) / 1000).toFixed(2)} ${this.pid}: ${line}`);
    this.#said = `${this.#said}${line}\n`.slice(-4_000);
    const looks = this.#looks;
    this.#looks = [];
    for (const look of looks) look();
  }
}

/** Runs a command to its end, which is to succeed. */
export function must(...command: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command[0]!, command.slice(1), { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command.join(" ")}: ${error?.message ?? stderr}`);
}
