import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { runtime } from "#runtime";
import { linux } from "../../../src/engines/linux/main/engine.ts";
import type { Connection } from "../../../src/net/runtime.ts";
import { echo } from "../../support/peers.ts";
import { ANY_PORT } from "../../support/ports.ts";
import { readText } from "../../support/stream.ts";

const skip = (await linux.test()) ?? false;

interface Status {
  readonly active: number;
  readonly warnings: string[];
  readonly cpuMs: number;
}

describe("linux engine, descriptors", () => {
  it("stops accepting when they run out, says so once, does not spin, and goes on when there is room", {
    skip,
  }, async () => {
    const target = await runtime.listen(ANY_PORT, (connection) => {
      echo(connection).catch(() => connection.abort());
    });
    const child = new Child(target.address.port, 128);
    const clients: Connection[] = [];
    try {
      const { port } = await child.started;
      // Far more than 128 descriptors allow, two each; those left over wait in the kernel.
      for (let i = 0; i < 100; i++) clients.push(await runtime.connect({ to: { host: "127.0.0.1", port } }));
      await child.until("the limit", ({ warnings }) => warnings.length > 0);
      const before = await child.ask();
      assert.ok(before.active >= 20 && before.active < 64, `${before.active} of 100 were accepted`);
      await sleep(1_000); // time for it to spin or to repeat itself, not for anything to happen
      const after = await child.ask();
      assert.equal(after.active, before.active);
      assert.equal(after.warnings.length, 1, after.warnings.join("\n"));
      assert.match(after.warnings[0]!, /descriptors/);
      assert.ok(after.cpuMs - before.cpuMs < 300, `${after.cpuMs - before.cpuMs} ms of processor time while stuck`);
      // One after the other leaves, so each of the others has its turn.
      for (const client of clients) {
        await client.write(Buffer.from("x"));
        assert.equal(await readText(client, 1), "x");
        await client.closeWrite();
      }
      await child.until("the end of all", ({ active }) => active === 0);
      const { warnings } = await child.ask();
      assert.equal(warnings.length, 1, warnings.join("\n"));
    } finally {
      for (const client of clients) client.abort();
      await child.stop();
      await target.close();
    }
  });
});

describe("linux engine, the process's end", () => {
  it("does not hold up process.exit() with a worker that sleeps in the kernel", { skip }, async () => {
    const child = new Child(9, 1024);
    try {
      await child.started;
      assert.equal(await child.exit(), 7);
    } finally {
      await child.stop();
    }
  });
});

/** The child program under a limit of descriptors. */
class Child {
  readonly started: Promise<{ port: number }>;
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #exited: Promise<number | null>;
  readonly #lines: AsyncIterator<string>;
  #errors = "";

  constructor(target: number, descriptors: number) {
    const file = fileURLToPath(new URL("./child.ts", import.meta.url));
    this.#process = spawn(process.execPath, [...runArguments(), file, String(descriptors), String(target)]);
    this.#exited = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.stderr.on("data", (chunk: Buffer) => {
      this.#errors += chunk.toString();
    });
    this.#lines = lines(this.#process.stdout);
    this.started = this.#line() as Promise<{ port: number }>;
  }

  ask(): Promise<Status> {
    this.#process.stdin.write("status\n");
    return this.#line() as Promise<Status>;
  }

  async until(what: string, condition: (status: Status) => boolean): Promise<void> {
    const deadline = performance.now() + 10_000;
    while (!condition(await this.ask())) {
      if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
      await sleep(10);
    }
  }

  /** Has it call process.exit(); returns the code, or null when it had to be killed. */
  exit(): Promise<number | null> {
    return this.#end("exit\n");
  }

  async stop(): Promise<void> {
    await this.#end("stop\n");
  }

  async #end(command: string): Promise<number | null> {
    if (this.#process.exitCode === null) this.#process.stdin.end(command);
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), 5_000);
    const code = await this.#exited;
    clearTimeout(timer);
    return code;
  }

  async #line(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`the engine's process has ended: ${this.#errors}`);
    return JSON.parse(value);
  }
}

/** How this runtime runs a file. */
function runArguments(): string[] {
  if (runtime.name === "deno") return ["run", "-A", "--no-check"];
  return runtime.name === "bun" ? [] : process.execArgv.filter((argument) => !argument.startsWith("--test"));
}

async function* lines(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + chunk.toString()).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}
