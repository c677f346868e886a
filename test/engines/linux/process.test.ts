import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { runtime } from "#runtime";
import { linux } from "../../../src/engines/linux/main/factory.ts";
import type { Connection } from "../../../src/net/runtime.ts";
import { scriptCommand } from "../../support/form.ts";
import { echo } from "../../support/peers.ts";
import { ANY_PORT } from "../../support/ports.ts";
import { Program } from "../../support/program.ts";
import { readText } from "../../support/stream.ts";
import { until } from "../../support/wait.ts";

const skip = (await linux.test({ listen: [] })) ?? false;

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
  readonly #program: Program;
  #asked = 0;

  constructor(target: number, descriptors: number) {
    const command = scriptCommand("test/engines/linux/child.ts");
    this.#program = new Program([...command, String(descriptors), String(target)], { stdin: true });
    this.started = this.#program.prints(0) as Promise<{ port: number }>;
  }

  ask(): Promise<Status> {
    this.#program.tell("status");
    return this.#program.prints(++this.#asked) as Promise<Status>;
  }

  async until(what: string, condition: (status: Status) => boolean): Promise<void> {
    await until(what, async () => condition(await this.ask()));
  }

  /** Has it call process.exit(); the code that it exits with. */
  async exit(): Promise<number | null> {
    this.#program.tell("exit");
    return (await this.#program.ended()).code;
  }

  /** Ends it, if it has not ended by itself. */
  async stop(): Promise<void> {
    if (this.#program.exit) return;
    this.#program.tell("stop");
    await this.#program.ended().finally(() => this.#program.kill());
  }
}
