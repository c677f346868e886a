/** What the balancer's program logs, at which level, and how the journal gets it. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, constants, existsSync, fstatSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { runtime } from "#runtime";
import { KEY, startBalancer, startReporter } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { form, programCommand } from "../support/form.ts";
import { echoServer, endServers, exchange } from "../support/peers.ts";
import { endPrograms } from "../support/program.ts";
import { readText, send } from "../support/stream.ts";
import { until, within } from "../support/wait.ts";

after(async () => {
  await endPrograms();
  await endServers();
  removeFolders();
});

const noJournal = process.platform !== "linux" && "there is no journal here";

const noPipe =
  (process.platform !== "linux" && "a pipe cannot be opened anew here") ||
  (form === "deno" && "a program compiled by Deno may not open its standard error anew");

describe("the log", () => {
  it("holds nobody up who is served when nobody reads it", { skip: noPipe }, async () => {
    const folder = temporaryFolder("log");
    const [pipe, ready] = [join(folder, "pipe"), join(folder, "ready.sock")];
    execFileSync("mkfifo", [pipe]);
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(pipe, "w");
    const config = join(folder, "harmony.toml");
    writeFileSync(config, `targets = ["127.0.0.1:${(await echoServer()).port}"]\n`);
    const args = ["--listen", `unix:${ready}`, "--admin", "127.0.0.1:0", "--api", "off", "--engine", "portable"];
    const [command, ...rest] = programCommand("harmony-balancer");
    const child = spawn(command!, [...rest, ...args, "--config", config, "--log-level", "debug"], {
      stdio: ["ignore", "ignore", writer],
      env: { ...process.env, HARMONY_KEY: KEY },
    });
    closeSync(writer);
    try {
      await until("the balancer", () => existsSync(ready));
      for (let i = 0; i < 1_000; i++) assert.equal(await ask(ready), "hello\n");
      let text = "";
      await until("its last line", () => {
        text += readAll(reader);
        return text.split("connection a Unix socket").length === 1_001;
      });
    } finally {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      if (child.exitCode === null) process.kill(child.pid!, "SIGTERM");
      await within("its end", ended);
      closeSync(reader);
    }
  });

  it("has a level for each part, and names the part", async () => {
    const balancer = await startBalancer(["--log-level", "info,targets=error,connections=debug"]);
    await startReporter(balancer, (await echoServer()).port);
    await exchange(balancer.port, "hello\n");
    const { program } = balancer;
    const line = await program.says(/^connection 127\.0\.0\.1:\d+ → /);
    assert.deepEqual([line.level, line.logger], ["DEBUG", "harmony.connections"]);
    assert.deepEqual(
      program.log.filter(({ message }) => /^target .* is up/.test(message)),
      [],
    );
    assert.equal((await program.says(/^listening/)).logger, "harmony");
    await program.stop();
  });
});

async function ask(path: string): Promise<string> {
  const connection = await runtime.connect({ to: { path } });
  await send(connection, "hello\n");
  await connection.closeWrite();
  const answer = await readText(connection);
  await connection.close();
  return answer;
}

/** What is in the pipe now. */
function readAll(fd: number): string {
  const buffer = Buffer.alloc(65_536);
  let text = "";
  for (;;) {
    try {
      const bytes = readSync(fd, buffer);
      if (bytes === 0) return text;
      text += buffer.toString("latin1", 0, bytes);
    } catch (error) {
      if ((error as { code?: string }).code !== "EAGAIN") throw error;
      return text;
    }
  }
}

/** A balancer whose standard error is a file. */
class Watched {
  readonly #path = join(temporaryFolder("log"), "stderr");
  readonly #child: ChildProcess;

  /** `stream`: what JOURNAL_STREAM says, of the file's own name. */
  constructor(args: readonly string[], stream: (own: string) => string) {
    const fd = openSync(this.#path, "a");
    const { dev, ino } = fstatSync(fd, { bigint: true });
    const [command, ...rest] = programCommand("harmony-balancer");
    this.#child = spawn(
      command!,
      [...rest, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--api", "off", ...args],
      {
        stdio: ["ignore", "ignore", fd],
        env: { ...process.env, HARMONY_KEY: KEY, JOURNAL_STREAM: stream(`${dev}:${ino}`) },
      },
    );
    closeSync(fd);
  }

  get lines(): string[] {
    return readFileSync(this.#path, "utf8").split("\n").slice(0, -1);
  }

  says(what: RegExp): Promise<string> {
    return until(`a line with ${what}`, () => this.lines.find((line) => what.test(line)));
  }

  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.signal(signal);
    await within("its end", ended);
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.#child.pid!, signal); // after a kill() of its own, Deno waits for no exit
  }
}

describe("the log in the journal", { skip: noJournal }, () => {
  it("has a priority before each line, and leaves time and level to the journal", async () => {
    const balancer = new Watched(["--insecure", "--access-log", "stderr"], (own) => own);
    try {
      await balancer.says(/^<6>listening for clients/);
      await balancer.says(/^<4>anyone who reaches the admin port/);
      balancer.signal("SIGUSR2");
      await balancer.says(/^<6>0 targets, 0 connections/);
    } finally {
      await balancer.end();
    }
    assert.ok(
      balancer.lines.every((line) => /^<[3-7]>/.test(line)),
      balancer.lines.join("\n"),
    );
  });

  it("has it before JSON as well", async () => {
    const balancer = new Watched(["--log-format", "json"], (own) => own);
    try {
      const line = await balancer.says(/listening for clients/);
      assert.equal(JSON.parse(line.replace(/^<6>/, "")).level, "INFO");
    } finally {
      await balancer.end();
    }
  });

  it("is as everywhere else where the journal reads another stream", async () => {
    const balancer = new Watched([], () => "9:1");
    try {
      await balancer.says(/^\d{4}-.* INF listening for clients/);
    } finally {
      await balancer.end();
    }
  });
});
