/** Three balancers of one group at a real Redis: a client has the same target at each of them, and what becomes of that when Redis is gone. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { Binding, Target } from "../../src/admin/api/schemas/targets.ts";
import { ask } from "../../src/admin/client.ts";
import { type Balancer, launchReporter, startBalancer } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { answerer, endServers, exchange, serve } from "../support/peers.ts";
import { endPrograms } from "../support/program.ts";
import { endRedis, noRedis, RedisServer } from "../support/redis.ts";
import { until } from "../support/wait.ts";

const TARGETS = 4;

after(async () => {
  await endPrograms();
  await endRedis();
  await endServers();
  removeFolders();
});

/** The n-th client, as the PROXY header names it: an address of either family. */
const clientOf = (n: number) => (n % 2 === 0 ? `TCP4 192.0.2.${n} 192.0.2.255` : `TCP6 2001:db8:0:${n}::7 2001:db8::1`);

class Member {
  readonly balancer: Balancer;
  readonly #socket: string;

  private constructor(balancer: Balancer, socket: string) {
    this.balancer = balancer;
    this.#socket = socket;
  }

  static async start(redis: RedisServer, folder: string, name: string): Promise<Member> {
    const socket = join(folder, `${name}.sock`);
    const args = ["--group", `unix://${redis.socket}`, "--algorithm", "random", "--persistent", "10m"];
    const env = { HARMONY_API: `unix:${socket}`, HARMONY_STATE: "off" };
    return new Member(await startBalancer([...args, "--accept-proxy", "127.0.0.1"], { env }), socket);
  }

  async visit(n: number): Promise<string> {
    const answer = await exchange(this.balancer.port, `PROXY ${clientOf(n)} 1234 80\r\n`);
    assert.match(answer, /^t\d$/, `client ${n}`);
    return answer;
  }

  async visits(clients: readonly number[]): Promise<string[]> {
    const targets: string[] = [];
    for (const n of clients) targets.push(await this.visit(n));
    return targets;
  }

  async get<T>(path: string): Promise<readonly T[]> {
    return ((await ask([this.#socket], { method: "GET", path })) as { items: T[] }).items;
  }

  /** So many bindings of other balancers are in force here. */
  async knows(count: number): Promise<void> {
    await until(`${count} shared bindings`, async () => {
      const bindings = await this.get<Binding>("/v1/bindings?limit=1000");
      return bindings.filter(({ source }) => source === "shared").length >= count;
    });
  }
}

const range = (first: number, count: number) => Array.from({ length: count }, (_, n) => first + n);

describe("clients of three balancers of a group", { skip: noRedis }, () => {
  it("have one target at all of them, also those that came while Redis was gone, once it is back", async () => {
    const folder = temporaryFolder("bindings");
    const redis = await RedisServer.start();
    const all: Member[] = [];
    for (const name of ["a", "b", "c"]) all.push(await Member.start(redis, folder, name));
    const [a, b, c] = all as [Member, Member, Member];
    const servers = await Promise.all(range(0, TARGETS).map((n) => serve(answerer(`t${n}`))));
    const config = join(folder, "reporter.toml");
    writeFileSync(config, servers.map(({ port }, n) => `[[target]]\nport = ${port}\nid = "t${n}"\n`).join("\n"));
    launchReporter([a.balancer.adminPort], null, ["--config", config]);
    const areUp = (targets: readonly Target[]) =>
      targets.length === TARGETS && targets.every(({ state }) => state === "up");
    for (const each of all) await until("all targets", async () => areUp(await each.get<Target>("/v1/targets")));

    // By chance, sixteen clients of two balancers would have the same ones once in four billion times.
    const [first, second] = [range(0, 16), range(16, 16)];
    const ofA = await a.visits(first);
    const ofB = await b.visits(second);
    await a.knows(16);
    await b.knows(16);
    await c.knows(32);
    assert.deepEqual([await b.visits(first), await c.visits(first)], [ofA, ofA]);
    assert.deepEqual([await a.visits(second), await c.visits(second)], [ofB, ofB]);

    // Redis is gone: everybody is served, and those who are known have their targets.
    await redis.kill();
    const third = range(32, 16);
    const ofC = await c.visits(third);
    assert.deepEqual([await a.visits(first), await b.visits(second)], [ofA, ofB]);
    await redis.start();
    await a.knows(32);
    assert.deepEqual(await a.visits(third), ofC);

    // What it had is written again, for one that comes now.
    const d = await Member.start(redis, folder, "d");
    await until("all targets", async () => areUp(await d.get<Target>("/v1/targets")));
    await d.knows(48);
    assert.deepEqual([await d.visits(first), await d.visits(second), await d.visits(third)], [ofA, ofB, ofC]);
  });
});
