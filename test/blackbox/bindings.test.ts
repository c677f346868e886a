/** Three balancers of one group at a real Redis: a client has the same target at each of them, and what becomes of that when Redis is gone. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { Binding, Target } from "../../src/admin/api/schemas/targets.ts";
import { ask } from "../../src/admin/client.ts";
import type { GroupView } from "../../src/group/view.ts";
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

  static async start(redis: RedisServer, folder: string, name: string, more: readonly string[] = []): Promise<Member> {
    const socket = join(folder, `${name}.sock`);
    const args = ["--group", `unix://${redis.socket}`, "--algorithm", "random", "--persistent", "10m", ...more];
    const env = { HARMONY_API: `unix:${socket}`, HARMONY_STATE: "off" };
    return new Member(await startBalancer([...args, "--accept-proxy", "127.0.0.1"], { env }), socket);
  }

  /** As the group calls it. */
  async id(): Promise<string> {
    const { members } = (await ask([this.#socket], { method: "GET", path: "/v1/group" })) as GroupView;
    return members.find(({ isSelf }) => isSelf)!.id;
  }

  async knowsTargets(): Promise<void> {
    await until("all targets", async () => {
      const targets = await this.get<Target>("/v1/targets");
      return targets.length === TARGETS && targets.every(({ state }) => state === "up");
    });
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

/** Servers, whose reporter speaks to one balancer. */
async function reportTo({ balancer }: Member, folder: string): Promise<void> {
  const servers = await Promise.all(range(0, TARGETS).map((n) => serve(answerer(`t${n}`))));
  const config = join(folder, "reporter.toml");
  writeFileSync(config, servers.map(({ port }, n) => `[[target]]\nport = ${port}\nid = "t${n}"\n`).join("\n"));
  launchReporter([balancer.adminPort], null, ["--config", config]);
}

/** Waits until some balancer has written down that client's binding. */
async function written(redis: RedisServer, n: number): Promise<void> {
  const [, client] = clientOf(n).split(" ") as [string, string];
  const name = client.replace(/::7$/, "::/64");
  const texts = "for _,k in ipairs(redis.call('KEYS','*bindings:*')) do for _,v in ipairs(redis.call('HVALS',k))";
  const count = `local n=0 ${texts} do if string.find(v,ARGV[1],1,true) then n=n+1 end end end return n`;
  await until(`the binding of ${name}`, async () => /:[1-9]/.test(await redis.tell(`EVAL "${count}" 0 '"${name}"'`)));
}

const range = (first: number, count: number) => Array.from({ length: count }, (_, n) => first + n);

describe("clients of three balancers of a group", { skip: noRedis }, () => {
  it("have one target at all of them, also those that came while Redis was gone, once it is back", async () => {
    const folder = temporaryFolder("bindings");
    const redis = await RedisServer.start();
    const all: Member[] = [];
    for (const name of ["a", "b", "c"]) all.push(await Member.start(redis, folder, name));
    const [a, b, c] = all as [Member, Member, Member];
    await reportTo(a, folder);
    for (const each of all) await each.knowsTargets();

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
    await d.knowsTargets();
    await d.knows(48);
    assert.deepEqual([await d.visits(first), await d.visits(second), await d.visits(third)], [ofA, ofB, ofC]);
  });

  it("keep it at one that starts when another has been gone for longer than its lease, and when Redis was emptied then", async () => {
    const folder = temporaryFolder("bindings");
    const redis = await RedisServer.start();
    const start = (name: string) => Member.start(redis, folder, name, ["--host-timeout", "3s"]);
    const [a, b, c] = [await start("a"), await start("b"), await start("c")];
    await reportTo(c, folder);
    for (const each of [a, b, c]) await each.knowsTargets();
    const [first, second] = [range(0, 24), range(24, 24)];
    const ofA = await a.visits(first);
    for (const each of [b, c]) await each.knows(24);

    const written = `harmony:{harmony}:1:bindings:${await a.id()}`;
    assert.equal(await redis.tell(`EXISTS ${written}`), ":1\r\n");
    await a.balancer.program.kill();
    await until("it is removed", async () => (await redis.tell(`EXISTS ${written}`)) === ":0\r\n");
    const d = await start("d");
    await d.knowsTargets();
    assert.deepEqual(await d.visits(first), ofA);
    assert.deepEqual([await b.visits(first), await c.visits(first)], [ofA, ofA]);

    // Those of one that goes just when everything is forgotten are known to no store any more.
    const ofD = await d.visits(second);
    for (const each of [b, c]) {
      await until("all of them", async () => (await each.get<Binding>("/v1/bindings?limit=1000")).length === 48);
    }
    await d.balancer.program.kill();
    await redis.tell("FLUSHALL");
    const e = await start("e");
    await e.knowsTargets();
    await e.knows(48);
    for (const each of [b, c, e]) assert.deepEqual([await each.visits(first), await each.visits(second)], [ofA, ofD]);
  });

  it("wait for what another one has just written of them where that is wanted, and for nothing where Redis hangs", async () => {
    const folder = temporaryFolder("bindings");
    const redis = await RedisServer.start();
    const more = ["--persistent-shared", "wait 2s"]; // a look-up takes as long as the machine is loaded
    const a = await Member.start(redis, folder, "a", more);
    const b = await Member.start(redis, folder, "b", more);
    await reportTo(a, folder);
    for (const each of [a, b]) await each.knowsTargets();
    for (const n of range(0, 40)) {
      const [first, second] = n % 3 === 0 ? [b, a] : [a, b];
      const target = await first.visit(n);
      await written(redis, n);
      assert.equal(await second.visit(n), target, `client ${n}`);
    }

    redis.stop();
    for (const each of [a, b]) await each.visits(range(40, 8));
    redis.goOn();
    let next = 48;
    await until("clients that wait again", async () => {
      const some = range(next, 4);
      next += 4;
      const targets = await a.visits(some);
      for (const n of some) await written(redis, n);
      return (await b.visits(some)).join() === targets.join();
    });
  });
});
