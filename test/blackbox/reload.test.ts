/** A balancer that runs goes over to another file: by a signal, by a command, by itself; under load, and where it cannot. */
import assert from "node:assert/strict";
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { Steps } from "../../src/admin/api/schemas/acts.ts";
import { ask } from "../../src/admin/client.ts";
import { amount } from "../support/amount.ts";
import { type Balancer, startBalancer, startReporter } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { answerer, dial, echoServer, endServers, exchange, openConnection, serve } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { endPrograms, type LogLine, start } from "../support/program.ts";
import { until, within } from "../support/wait.ts";

const skip = process.platform === "win32" && "Windows has neither SIGHUP nor sockets that a file guards";

after(async () => {
  await endPrograms();
  await endServers();
  removeFolders();
});

class World {
  readonly folder = temporaryFolder("reload");
  readonly file = join(this.folder, "harmony.toml");
  readonly socket = join(this.folder, "api.sock");
  balancer!: Balancer;

  /** With the pool `default`, which the flags make. */
  static async start(text: string, args: readonly string[] = []): Promise<World> {
    const world = new World();
    world.write(text);
    world.balancer = await startBalancer(["--config", world.file, ...args], {
      env: { HARMONY_API: `unix:${world.socket}` },
    });
    return world;
  }

  write(text: string): void {
    writeFileSync(this.file, text);
  }

  /** What the balancer has logged of its reloads. */
  get reloads(): LogLine[] {
    return this.balancer.program.log.filter(({ message }) => /^(not )?reloaded/.test(message));
  }

  /** Resolves to what it logs of the next reload, which `cause` brings about. */
  async next(cause: () => void): Promise<string[]> {
    const before = this.reloads.length;
    cause();
    const lines = () => this.reloads.slice(before).map(({ message }) => message);
    await until("a reload", () => isWhole(lines()));
    return lines();
  }

  hangup(): Promise<string[]> {
    return this.next(() => this.balancer.program.signal("SIGHUP"));
  }

  async reload(): Promise<Steps> {
    return (await ask([this.socket], { method: "POST", path: "/v1/reload" })) as Steps;
  }
}

/** All that the log says of one reload: how many changes there are comes before them. */
function isWhole(lines: readonly string[]): boolean {
  if (lines.some((line) => /^reloaded: nothing|^not reloaded, and/.test(line))) return true;
  const count = lines.map((line) => /^reloaded: (\d+) change/.exec(line)?.[1]).find((number) => number !== undefined);
  return count !== undefined && lines.length > Number(count);
}

const pool = (name: string, port: number, target: number, more = "") =>
  `[pool.${name}]\nlisten = ["127.0.0.1:${port}"]\ntargets = ["127.0.0.1:${target}"]\n${more}\n`;

/** A target that says its name. */
async function named(name: string): Promise<number> {
  return (await serve(answerer(name))).port;
}

async function refused(port: number): Promise<boolean> {
  return dial(port).then(
    (connection) => connection.close().then(() => false),
    () => true,
  );
}

describe("a balancer that is told to reload", { skip }, () => {
  it("at SIGHUP opens what is new, closes what is gone, and leaves the rest alone", async () => {
    const [db, web] = [await freePort(), await freePort()];
    const [one, two] = [await named("one"), await named("two")];
    const world = await World.start(pool("db", db, one));
    assert.equal(await exchange(db, ""), "one");
    await startReporter(world.balancer, (await echoServer()).port);
    const { ask: say, connection } = await openConnection(world.balancer.port);
    world.write(pool("web", web, two));
    const said = await world.hangup();
    assert.match(
      said.join("\n"),
      /reloaded: 4 changes\n.*pool web: added.*\n.*opened for pool web\n.*closed\n.*pool db: removed/,
    );
    assert.equal(await exchange(web, ""), "two");
    assert.ok(await refused(db));
    await say("still here");
    await connection.close();
    assert.deepEqual(await world.hangup(), ["reloaded: nothing has changed"]);
  });

  it("lets connections of a pool that is gone finish", async () => {
    const db = await freePort();
    const world = await World.start(pool("db", db, (await echoServer()).port));
    const { ask: say, connection } = await openConnection(db);
    world.write("");
    await world.hangup();
    assert.ok(await refused(db));
    await say("still here");
    await connection.close();
    assert.deepEqual(await world.balancer.program.stop(), { code: 0, signal: null });
  });

  it("names every fault of a file that is wrong, and changes nothing", async () => {
    const db = await freePort();
    const world = await World.start(pool("db", db, await named("one")));
    world.write(`${pool("db", db, await named("two"), 'algoritm = "random"')}\n[pool.web]\nlisten = ["nowhere"]\n`);
    const said = (await world.hangup()).join("\n");
    assert.match(said, /harmony\.toml:4:\d+: .*algoritm.*algorithm/);
    assert.match(said, /harmony\.toml:\d+:\d+: .*nowhere/);
    assert.match(said, /not reloaded, and nothing has changed: \d problems$/);
    assert.equal(await exchange(db, ""), "one");
  });

  it("changes nothing where a port is taken, and says which", async () => {
    const [db, web] = [await freePort(), await freePort()];
    const { port: taken } = await echoServer();
    const world = await World.start(pool("db", db, await named("one")));
    world.write(pool("db", db, await named("two")) + pool("web", web, 1) + pool("cache", taken, 1));
    const said = await world.hangup();
    assert.match(said[0]!, new RegExp(`^not reloaded: .*127\\.0\\.0\\.1:${taken}.*already in use`));
    assert.equal(await exchange(db, ""), "one");
    assert.ok(await refused(web), "what could be bound is closed again");
    world.write(pool("db", db, await named("two")) + pool("web", web, await named("three")));
    await world.hangup();
    assert.equal(await exchange(db, ""), "two");
    assert.equal(await exchange(web, ""), "three");
  });

  it("by the command prints the steps, or what is wrong", async () => {
    const db = await freePort();
    const world = await World.start(pool("db", db, await named("one")));
    const command = () => start("harmony-balancer", ["reload", "--api", `unix:${world.socket}`]);
    world.write(pool("db", db, await named("two"), 'algorithm = "random"\nadmin = ["1"]'));
    const wrong = command();
    assert.deepEqual(await wrong.ended(), { code: 2, signal: null });
    assert.match(wrong.stderr, /harmony-balancer reload: .*harmony\.toml:\d+:\d+: .*admin/);
    world.write(`drain-timeout = "1s"\n${pool("db", db, await named("two"), 'algorithm = "random"')}`);
    const right = command();
    assert.deepEqual(await right.ended(), { code: 0, signal: null });
    assert.match(right.stdout, /pool db: algorithm leastconn → random\npool db: .*\n.*drain-timeout.*needs a restart/);
    assert.equal(await exchange(db, ""), "two");
  });

  it("says before what it would do with a file, and does nothing", async () => {
    const [db, web] = [await freePort(), await freePort()];
    const world = await World.start(pool("db", db, await named("one")));
    const other = join(world.folder, "other.toml");
    writeFileSync(other, pool("web", web, 1));
    const check = (...args: string[]) =>
      start("harmony-balancer", ["check", ...args, "--against-running", "--api", `unix:${world.socket}`]);
    const would = check(other);
    assert.deepEqual(await would.ended(), { code: 0, signal: null });
    assert.match(would.stdout, /^pool web: added.*\nlistener .* opened.*\nlistener .* closed\npool db: removed/);
    assert.equal(await exchange(db, ""), "one");
    assert.match(would.stderr, new RegExp(`does not read ${other}: its file is ${world.file}`));
    const none = check("--config", world.file);
    assert.deepEqual(await none.ended(), { code: 0, signal: null });
    assert.deepEqual([none.stdout, none.stderr], ["nothing would change\n", ""]);
    const reload = start("harmony-balancer", ["reload", "--api", `unix:${world.socket}`]);
    assert.deepEqual(await reload.ended(), { code: 0, signal: null });
    assert.equal(reload.stdout, `nothing has changed: its file is ${world.file}\n`);
  });

  it("by the command says where it has looked if no balancer is there", async () => {
    const nowhere = join(temporaryFolder("nowhere"), "api.sock");
    const command = start("harmony-balancer", ["reload", "--api", `unix:${nowhere}`]);
    assert.deepEqual(await command.ended(), { code: 1, signal: null });
    assert.match(command.stderr, new RegExp(`no balancer answers: ${nowhere}`));
  });
});

describe("--watch", { skip }, () => {
  it("reloads once for a file that is renamed into place", async () => {
    const db = await freePort();
    const world = await World.start(pool("db", db, await named("one")), ["--watch"]);
    const other = `${world.file}.new`;
    writeFileSync(other, pool("db", db, await named("two")));
    await world.next(() => renameSync(other, world.file));
    assert.equal(await exchange(db, ""), "two");
    writeFileSync(other, "[pool");
    const said = await world.next(() => renameSync(other, world.file));
    assert.match(said.join("\n"), /not reloaded: .*harmony\.toml:1:/);
    assert.equal(world.reloads.filter(({ message }) => /^reloaded: \d/.test(message)).length, 1);
    assert.equal(await exchange(db, ""), "two");
  });

  it("reloads once for a link that is swapped, as Kubernetes does for its files", async () => {
    const db = await freePort();
    const folder = temporaryFolder("configmap");
    const put = (name: string, text: string) => {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, "harmony.toml"), text);
      symlinkSync(name, join(folder, "..data_tmp"));
      renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
    };
    put("first", pool("db", db, await named("one")));
    symlinkSync("..data/harmony.toml", join(folder, "harmony.toml"));
    const world = new World();
    world.balancer = await startBalancer(["--config", join(folder, "harmony.toml"), "--watch"]);
    const two = pool("db", db, await named("two"));
    await world.next(() => put("second", two));
    assert.equal(await exchange(db, ""), "two");
    assert.equal(world.reloads.filter(({ message }) => /^reloaded: \d/.test(message)).length, 1);
  });
});

describe("50 reloads under load", { skip }, () => {
  for (const [what, documentAt] of [
    ["of other pools", (n: number, ports: readonly number[], target: number) => others(n, ports, target)],
    ["of the same pool", (n: number, [port]: readonly number[], target: number) => same(n, port!, target)],
  ] as const) {
    it(`${what}: no connection fails, and no stream ends`, async () => {
      const ports = [await freePort(), await freePort(), await freePort()];
      const { port: target } = await echoServer();
      const world = await World.start(documentAt(0, ports, target));
      const streams = await Promise.all(Array.from({ length: 8 }, () => openConnection(ports[0]!)));
      let running = true;
      const wrong: string[] = [];
      const clients = Array.from({ length: 8 }, async () => {
        let done = 0;
        for (; running || done < amount(40); done++) {
          const answer = await exchange(ports[0]!, "hello").catch(String);
          if (answer !== "hello") wrong.push(answer);
        }
        return done;
      });
      for (let n = 1; n <= 50; n++) {
        world.write(documentAt(n, ports, target));
        assert.notDeepEqual((await world.reload()).steps, []);
        await Promise.all(streams.map(({ ask: say }) => say(`line ${n}`)));
      }
      running = false;
      const done = await within("the clients", Promise.all(clients));
      assert.deepEqual(wrong, []);
      assert.ok(done.every((count) => count > 0));
      await Promise.all(streams.map(({ connection }) => connection.close()));
      assert.deepEqual(await world.balancer.program.stop(), { code: 0, signal: null });
    });
  }
});

/** A pool that stays, and two that come, change and go beside it; their ports move between them. */
function others(n: number, [port, first, second]: readonly number[], target: number): string {
  const algorithm = n % 3 === 0 ? "hash" : "roundrobin";
  const swap = n % 4 < 2;
  const a = pool("a", swap ? first! : second!, target, `algorithm = "${algorithm}"`);
  const b = n % 5 === 0 ? "" : pool("b", swap ? second! : first!, target, `queue = ${n}`);
  return pool("stays", port!, target) + a + b;
}

/** The one pool with another policy each time, and the only target with another weight and limit. */
function same(n: number, port: number, target: number): string {
  const algorithms = ["leastconn", "roundrobin", "random", "hash"];
  return `[pool.changes]
listen = ["127.0.0.1:${port}"]
targets = [{ address = "127.0.0.1:${target}", weight = ${100 + n}, max-connections = ${64 + n} }]
algorithm = "${algorithms[n % 4]}"
persistent = "${n % 2 === 0 ? "off" : "1m"}"
concurrency = ${100 + n}
queue = ${500 + n}
connect-timeout = "${5 + n}s"
unavailable = "number ${n}"
`;
}
