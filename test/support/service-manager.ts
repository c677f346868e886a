/** A service manager as far as the programs speak to it: the socket that NOTIFY_SOCKET names, and what has come there. */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { openLibc } from "#ffi";
import { temporaryFolder } from "./folder.ts";
import { compiled } from "./form.ts";
import { Program } from "./program.ts";
import { until } from "./wait.ts";

/** No runtime receives such datagrams by itself. */
const RECEIVER = `
import json, socket, sys
path = sys.argv[1]
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind("\\0" + path[1:] if path[0] == "@" else path)
print(json.dumps("bound"), flush=True)
while True: print(json.dumps([receiver.recv(8192).decode()]), flush=True)
`;

/** Why there is none here, or false. */
export const noManager: string | false =
  process.platform !== "linux"
    ? "service managers of this kind are Linux's"
    : spawnSync("python3", ["--version"]).status !== 0 && "there is no python3 here";

/** Whether the programs can speak to it, in the form that is being tested. */
export const canNotify: boolean = process.platform === "linux" && (compiled || openLibc() !== null);

const libc = process.platform === "linux" ? openLibc() : null;

/** Microseconds of the clock that it goes by: Node's own is that one, other runtimes' are not. */
export function managersTime(): number {
  return libc === null ? Number(process.hrtime.bigint() / 1_000n) : 1_000 * libc.now();
}

export class FakeManager {
  readonly path: string;
  readonly #program: Program;

  private constructor(path: string) {
    this.path = path;
    this.#program = new Program(["python3", "-c", RECEIVER, path]);
  }

  static async open(path: string = join(temporaryFolder("manager"), "notify")): Promise<FakeManager> {
    rmSync(path, { force: true }); // an earlier one's
    const manager = new FakeManager(path);
    await until("the manager's socket", () => manager.#program.stdout.includes("bound"));
    return manager;
  }

  /** Everything it was told, a datagram each. */
  get told(): string[] {
    return (this.#program.printed as string[][]).map(([text]) => text!);
  }

  hears(pattern: RegExp, after = 0): Promise<string> {
    return until(`${pattern} among what the service manager was told`, () =>
      this.told.slice(after).find((text) => pattern.test(text)),
    );
  }

  close(): Promise<unknown> {
    return this.#program.stop();
  }
}
