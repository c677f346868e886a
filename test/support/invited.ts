/** Balancers that invite, and hosts that join them, as processes, each with a folder of its own. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { portsOf } from "./cluster.ts";
import { temporaryFolder } from "./folder.ts";
import { type Program, type StartOptions, start } from "./program.ts";

const LOG = ["--log-format", "json", "--log-level", "debug"];
const LISTEN = ["--listen", "127.0.0.1:0", "--persistent", "off", "--start-hold", "0", ...LOG];

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(program: Program): Promise<Ran> {
  const { code } = await program.ended();
  return { code, stdout: program.stdout, stderr: program.stderr };
}

/** Where a balancer keeps what belongs to invitations; several may share it. */
export class Office {
  readonly folder = temporaryFolder("office");
  readonly reportersFile = join(this.folder, "reporters");
  readonly #place = ["--reporters", this.reportersFile];

  /** No other place has a key, and none is made there. */
  readonly #options: StartOptions = { env: { XDG_CONFIG_HOME: this.folder, APPDATA: this.folder } };

  command(...args: readonly string[]): Promise<Ran> {
    return run(start("harmony-balancer", [...args, ...this.#place], this.#options));
  }

  /** The code of a new invitation. */
  async invite(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.command("invite", ...args);
    assert.equal(code, 0, stderr);
    return stdout.trim();
  }

  async balance(adminPort = 0, ...args: readonly string[]) {
    const admin = ["--admin", `127.0.0.1:${adminPort}`];
    const balancer = start("harmony-balancer", [...LISTEN, ...admin, ...this.#place, ...args], this.#options);
    return { balancer, ...portsOf(await balancer.says(/^listening/)) };
  }

  get reporters(): string {
    return existsSync(this.reportersFile) ? readFileSync(this.reportersFile, "utf8") : "";
  }

  /** As an editor saves it. */
  set reporters(text: string) {
    writeFileSync(`${this.reportersFile}.edited`, text, { mode: 0o600 });
    renameSync(`${this.reportersFile}.edited`, this.reportersFile);
  }

  /** Takes the reporter's line out. */
  revoke(name: string): void {
    this.reporters = this.reporters
      .split("\n")
      .filter((line) => !line.startsWith(`${name} `))
      .join("\n");
  }
}

export class Host {
  readonly folder = temporaryFolder("host");
  readonly identity = join(this.folder, "ours");
  /** Of its programs. */
  readonly env: Record<string, string> = { XDG_CONFIG_HOME: this.folder, APPDATA: this.folder };
  readonly #place = ["--identity", this.identity];
  readonly #options: StartOptions = { env: this.env };

  /** The code goes to standard input, where nobody else sees it. */
  join(adminPort: number, code: string, ...args: readonly string[]): Promise<Ran> {
    const words = ["join", `127.0.0.1:${adminPort}`, "-", ...this.#place, ...args];
    const program = start("harmony-reporter", words, { ...this.#options, stdin: true });
    program.tell(code);
    return run(program);
  }

  /** With nothing on its standard input. */
  command(...words: readonly string[]): Promise<Ran> {
    return run(start("harmony-reporter", words, this.#options));
  }

  rotate(...args: readonly string[]): Promise<Ran> {
    return run(start("harmony-reporter", ["rotate", ...this.#place, ...args], this.#options));
  }

  report(adminPorts: readonly number[], port: number, ...args: readonly string[]): Program {
    const hosts = adminPorts.flatMap((each) => ["--host", `127.0.0.1:${each}`]);
    const words = [...hosts, "--port", String(port), ...this.#place, ...LOG, ...args];
    return start("harmony-reporter", words, this.#options);
  }
}
