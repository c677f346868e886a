/** What operators order of targets holds through whatever happens to the balancer; and targets that are put over the API. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { PutTarget } from "../../src/admin/api/schemas/acts.ts";
import type { Status } from "../../src/admin/api/schemas/status.ts";
import type { Target } from "../../src/admin/api/schemas/targets.ts";
import { ask } from "../../src/admin/client.ts";
import { codeOf } from "../../src/util/errors.ts";
import { type Balancer, startBalancer, startReporter } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { answerer, endServers, exchange, serve } from "../support/peers.ts";
import { endPrograms } from "../support/program.ts";
import { until } from "../support/wait.ts";

const skip = process.platform === "win32" && "Windows has no sockets that a file guards";

after(async () => {
  await endPrograms();
  await endServers();
  removeFolders();
});

class World {
  readonly folder = temporaryFolder("orders");
  readonly file = join(this.folder, "harmony.toml");
  readonly state = join(this.folder, "state.json");
  readonly #socket = join(this.folder, "api.sock");
  balancer!: Balancer;

  /** With the ports of before, if it has run. */
  async start(): Promise<void> {
    if (!existsSync(this.file)) writeFileSync(this.file, 'algorithm = "roundrobin"\n');
    const { port, adminPort } = this.balancer ?? {};
    const env = { HARMONY_API: `unix:${this.#socket}`, HARMONY_STATE: this.state };
    this.balancer = await startBalancer(["--config", this.file], { port, adminPort, env });
  }

  ask<T = Target>(method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: object): Promise<T> {
    return ask([this.#socket], { method, path, ...(body && { body }) }) as Promise<T>;
  }

  order(id: string, verb: string, body: object = {}): Promise<Target> {
    return this.ask(verb === "weight" ? "PUT" : "POST", `/v1/pools/default/targets/${id}/${verb}`, body);
  }

  async target(id: string): Promise<Target | undefined> {
    const { items } = await this.ask<{ items: Target[] }>("GET", "/v1/targets");
    return items.find((target) => target.id === `default/${id}`);
  }

  put(id: string, said: Omit<PutTarget, "leaseMs"> & Partial<PutTarget>): Promise<Target> {
    return this.ask("PUT", `/v1/pools/default/targets/${id}`, { leaseMs: 60_000, ...said });
  }

  /** Who answers so many clients, one after the other. */
  async answers(clients = 6): Promise<Set<string>> {
    const answers = new Set<string>();
    for (let i = 0; i < clients; i++) answers.add(await exchange(this.balancer.port, ""));
    return answers;
  }
}

describe("what an operator orders", { skip }, () => {
  it("holds through reload, restart and a kill, until it is taken back", async () => {
    const world = new World();
    await world.start();
    const [one, two] = await Promise.all(["one", "two"].map((name) => serve(answerer(name))));
    await startReporter(world.balancer, one!.port, ["--id", "one"]);
    await startReporter(world.balancer, two!.port, ["--id", "two", "--balance", "100"]);
    await until("both", async () => (await world.answers()).size === 2);

    const drained = await world.order("one", "drain", { reason: "its disk is full" });
    assert.equal(drained.state, "draining");
    assert.equal(drained.order!.by, "socket");
    assert.equal((await world.order("two", "weight", { factor: 0.5 })).weight, 50);
    assert.deepEqual(await world.answers(), new Set(["two"]));
    await world.balancer.program.says(/socket has ordered of target default\/one: drain: its disk is full/);

    writeFileSync(world.file, 'algorithm = "leastconn"\n');
    await world.ask("POST", "/v1/reload");
    assert.deepEqual(await world.answers(), new Set(["two"]));

    for (const end of ["stop", "kill"] as const) {
      await world.balancer.program[end]();
      await world.start();
      await until(
        "both again",
        async () => (await world.target("one"))?.sources.length === 1 && (await world.target("two"))?.state === "up",
      );
      const again = (await world.target("one"))!;
      assert.deepEqual(again.order, drained.order);
      assert.equal(again.state, "draining");
      assert.equal((await world.target("two"))!.weight, 50);
      assert.deepEqual(await world.answers(), new Set(["two"]));
      await world.balancer.program.says(/target default\/one drains, as an operator has ordered/);
    }

    assert.equal((await world.order("one", "ready")).order, null);
    await until("one at last", async () => (await world.answers(1)).has("one"));
    await world.order("two", "weight", { factor: null });
    assert.deepEqual(JSON.parse(readFileSync(world.state, "utf8")), { version: 1, orders: [] });
    assert.deepEqual(await world.balancer.program.stop(), { code: 0, signal: null });
  });

  it("of the log's level holds as long, and is shown", async () => {
    const world = new World();
    await world.start();
    const shown = async () => (await world.ask<Status>("GET", "/v1/status")).logLevel;
    const lines = () =>
      world.balancer.program.stderr.split("\n").filter((each) => each.includes('"connection ')).length;
    await world.ask("PUT", "/v1/log-level", { level: "info" });
    for (const end of ["stop", "kill"] as const) {
      await world.balancer.program[end]();
      await world.start();
      await world.balancer.program.says(/socket has ordered the log's level info/);
      assert.deepEqual(await shown(), { configured: "debug", ordered: "info" });
    }
    await exchange(world.balancer.port, "");
    await world.ask("PUT", "/v1/log-level", { level: null });
    await exchange(world.balancer.port, "");
    await until("a line for the second connection", () => lines() > 0);
    assert.equal(lines(), 1);
    await world.balancer.program.stop();
    await world.start();
    assert.deepEqual(await shown(), { configured: "debug", ordered: null });
    await world.balancer.program.stop();
  });

  it("is lost with a file that is damaged, which is said, and no reason not to serve", async () => {
    const world = new World();
    writeFileSync(world.state, '{"version":1,"orders":[{"target"', { mode: 0o600 });
    await world.start();
    await world.balancer.program.says(/the state file .* is damaged .*: it has been set aside/);
    const one = await serve(answerer("one"));
    await world.put("one", { address: `127.0.0.1:${one.port}` });
    await until("it", async () => (await world.target("one"))?.state === "up");
    await world.order("one", "maintain");
    assert.ok(readdirSync(world.folder).some((name) => name.startsWith("state.json.damaged-")));
    assert.equal(JSON.parse(readFileSync(world.state, "utf8")).orders.length, 1);
    await world.balancer.program.stop();
  });
});

describe("a target that is put over the API", { skip }, () => {
  it("serves as long as its lease runs, and until it is deleted", async () => {
    const world = new World();
    await world.start();
    const one = await serve(answerer("one"));
    const address = `127.0.0.1:${one.port}`;
    const put = await world.put("one", { address, weight: 7 });
    assert.equal(put.reporter!.key, "token:socket");
    assert.equal(put.weight, 7);
    await until("its first answer", async () => (await world.answers(1)).has("one"));
    await world.put("one", { address, leaseMs: 1_000 });
    await until("the end of its lease", async () => (await world.target("one"))?.state === "down");
    assert.equal((await world.target("one"))!.reason, "it has not been reported in time");
    await world.put("one", { address });
    await until("it again", async () => (await world.answers(1)).has("one"));
    await world.ask("DELETE", "/v1/pools/default/targets/one");
    assert.equal(await world.target("one"), undefined);
    await assert.rejects(
      world.ask("DELETE", "/v1/pools/default/targets/one"),
      (error) => codeOf(error) === "NO_TARGET",
    );
    const own = `127.0.0.1:${world.balancer.port}`;
    await assert.rejects(world.put("me", { address: own }), (error) => codeOf(error) === "BAD_ADDRESS");
    await world.balancer.program.stop();
  });
});
