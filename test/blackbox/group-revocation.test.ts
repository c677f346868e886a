/** A key that is revoked at one balancer of a group is refused at the other, also once that one has started again, with Redis or without. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { Key } from "../../src/admin/api/schemas/people.ts";
import { ask } from "../../src/admin/client.ts";
import { portsOf } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { answerer, endServers, exchange, serve } from "../support/peers.ts";
import { endPrograms, type Program, start } from "../support/program.ts";
import { endRedis, noRedis, RedisServer } from "../support/redis.ts";
import { now, until } from "../support/wait.ts";

const LEAKED = "web:a-key-that-somebody-has-found";
const ANEW = "web:a-key-that-nobody-has-found-yet";
const OTHER = "other:a-key-that-nobody-cares-about";
const skip = process.platform === "win32" && "Windows cannot stop a process for a while (SIGSTOP)";
const LOG = ["--log-format", "json", "--log-level", "debug"];

after(async () => {
  await endPrograms();
  await endRedis();
  await endServers();
  removeFolders();
});

/** A balancer of the group with a folder, and so a key file, of its own. */
class Member {
  readonly folder = temporaryFolder("revocation");
  readonly #redis: RedisServer;
  program!: Program;
  port = 0;
  adminPort = 0;

  constructor(redis: RedisServer) {
    this.#redis = redis;
    this.hasKeys(LEAKED, OTHER);
  }

  get keyFile(): string {
    return join(this.folder, "key");
  }

  hasKeys(...lines: readonly string[]): void {
    writeFileSync(this.keyFile, lines.map((line) => `${line}\n`).join(""), { mode: 0o600 });
  }

  async start(...more: readonly string[]): Promise<void> {
    const places = ["--listen", `127.0.0.1:${this.port}`, "--admin", `127.0.0.1:${this.adminPort}`, ...more];
    const group = ["--group", `unix://${this.#redis.socket}`, "--key-file", this.keyFile, "--persistent", "off"];
    const env = { HARMONY_API: `unix:${join(this.folder, "api")}`, HARMONY_STATE: "off", HARMONY_START_HOLD: "0" };
    this.program = start("harmony-balancer", [...places, ...LOG, ...group], { env });
    Object.assign(this, portsOf(await this.program.says(/^listening/)));
  }

  async key(...args: readonly string[]): Promise<string> {
    const program = start("harmony-balancer", ["key", ...args, "--key-file", this.keyFile]);
    const { code } = await program.ended();
    assert.equal(code, 0, program.stderr);
    return program.stdout;
  }

  report(line: string, port: number): Program {
    const file = join(temporaryFolder("reporter"), "key");
    writeFileSync(file, `${line}\n`, { mode: 0o600 });
    const places = ["--host", `127.0.0.1:${this.adminPort}`, "--port", String(port), "--key-file", file];
    return start("harmony-reporter", [...places, ...LOG]);
  }

  async keys(): Promise<readonly Key[]> {
    const answer = await ask([join(this.folder, "api")], { method: "GET", path: "/v1/keys" });
    return (answer as { items: Key[] }).items;
  }
}

describe("a key that is revoked at one balancer of a group", { skip: noRedis }, () => {
  it("is refused at the other one, where it stands still, for good; a new key may have its name", async (t) => {
    const redis = await RedisServer.start();
    const [a, b] = [new Member(redis), new Member(redis)];
    await Promise.all([a.start(), b.start()]);
    const server = await serve(answerer("web"));
    const reporter = b.report(LEAKED, server.port);
    await reporter.says(/^registered/);
    await until("its target at both", async () => {
      const answers = await Promise.all([a, b].map(({ port }) => exchange(port, "")));
      return answers.every((answer) => answer === "web");
    });

    await a.key("revoke", "web");
    const since = now();
    await b.program.says(/key "web" of .* is refused: .* has revoked it/);
    await b.program.says(/has left: its key is no longer accepted/);
    await b.program.says(/a key "web" is accepted no more: 1 reporter turned away, 1 target taken out/);
    await a.program.says(/^\S+@\S+ revoked key "web"$/);
    t.diagnostic(`its targets were out ${Math.round(now() - since)} ms after the command had ended`);
    await reporter.says(/rejects this reporter/);
    await until("what is in force to be in its file as well", async () => /web .*@/.test(await b.key("list")));
    const [shown] = (await b.keys()).filter(({ id }) => id === "web");
    assert.match(shown!.revoked!.by, /@/);

    // It starts again without Redis, and still has the key in its file.
    await b.program.stop();
    await redis.kill();
    await b.start();
    await b.program.says(/key "web" of .* is refused: .* has revoked it/);
    await b.report(LEAKED, server.port).says(/rejects this reporter/);
    await b.program.says(/key "web" was revoked: it takes a new one/);

    // Redis is back and empty: a newcomer, which was never there, hears of it from the others.
    await redis.start();
    const c = new Member(redis);
    await c.start();
    await c.program.says(/key "web" of .* is refused: .* has revoked it/);
    await c.report(LEAKED, server.port).says(/rejects this reporter/);

    c.hasKeys(ANEW, OTHER);
    await c.report(ANEW, server.port).says(/^registered/);
    await until("the target again", async () => (await exchange(a.port, "")) === "web");
  });

  for (const how of ["SIGSTOP", "SIGKILL"] as const)
    it(`has its targets out where the only balancer that its reporter speaks to got ${how}`, { skip }, async (t) => {
      const redis = await RedisServer.start();
      const [a, b, silent] = [new Member(redis), new Member(redis), new Member(redis)];
      const forLong = ["--host-timeout", "5m"]; // what it has written would stay in force for longer than anybody waits here
      await Promise.all([a, b, silent].map((each) => each.start(...forLong)));
      const server = await serve(answerer("web"));
      const reporter = silent.report(LEAKED, server.port);
      await reporter.says(/^registered/);
      await until("its target at the others", async () => {
        const answers = await Promise.all([a, b].map(({ port }) => exchange(port, "")));
        return answers.every((answer) => answer === "web");
      });
      silent.program.signal(how);

      await a.key("revoke", "web");
      const since = now();
      for (const { program } of [a, b]) await program.says(/has left: no other balancer of the group speaks for it/);
      t.diagnostic(`its targets were out ${Math.round(now() - since)} ms after the command had ended`);

      // Nor are they in force at one that starts now, which has the revocation from the others alone: another key may have their place.
      const late = new Member(redis);
      await late.start(...forLong);
      await late.program.says(/key "web" of .* is refused: .* has revoked it/);
      await late.report(OTHER, server.port).says(/^registered/);
      await until("all others again", async () => (await exchange(b.port, "")) === "web");
    });
});
