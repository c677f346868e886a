/** Three balancers of one group at a real Redis, thirty targets whose reporters speak to one or two of them, and what may happen to all of these. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { Group } from "../../src/admin/api/schemas/group.ts";
import type { Target } from "../../src/admin/api/schemas/targets.ts";
import { ask } from "../../src/admin/client.ts";
import { type Balancer, launchReporter, startBalancer } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { answerer, endServers, exchange, serve, type TestServer } from "../support/peers.ts";
import { endPrograms, type Program } from "../support/program.ts";
import { endRedis, noRedis, RedisServer } from "../support/redis.ts";
import { passes, until } from "../support/wait.ts";

const REPORTERS = 3;
const TARGETS_EACH = 10;
const TARGETS = REPORTERS * TARGETS_EACH;

after(async () => {
  await endPrograms();
  await endRedis();
  await endServers();
  removeFolders();
});

interface Member {
  readonly balancer: Balancer;
  readonly ask: <T>(method: "GET" | "POST", path: string) => Promise<T>;
}

class World {
  readonly folder = temporaryFolder("group");
  redis!: RedisServer;
  readonly members: Member[] = [];
  readonly servers: TestServer[] = [];
  readonly reporters: Program[] = [];

  async member(name: string): Promise<Member> {
    const socket = join(this.folder, `${name}.sock`);
    const args = ["--group", `unix://${this.redis.socket}`, "--host-timeout", "20s"];
    const env = { HARMONY_API: `unix:${socket}`, HARMONY_STATE: "off" };
    const balancer = await startBalancer([...args, "--algorithm", "roundrobin"], { env });
    const member: Member = {
      balancer,
      ask: (method, path) => ask([socket], { method, path, ...(method === "POST" && { body: {} }) }) as Promise<never>,
    };
    this.members.push(member);
    return member;
  }

  /** A reporter of so many targets more, which speaks to these. */
  async reporter(members: readonly Member[], count = TARGETS_EACH): Promise<void> {
    const servers = await Promise.all(
      Array.from({ length: count }, (_, n) => serve(answerer(`t${this.servers.length + n}`))),
    );
    const config = join(this.folder, `reporter-${this.reporters.length}.toml`);
    const tables = servers.map(({ port }, n) => `[[target]]\nport = ${port}\nid = "t${this.servers.length + n}"\n`);
    writeFileSync(config, tables.join("\n"));
    this.servers.push(...servers);
    const ports = members.map(({ balancer }) => balancer.adminPort);
    this.reporters.push(launchReporter(ports, null, ["--config", config]));
  }

  /** How that member sees the group: what becomes of the store shows in `state`, of its balancers in how many are there and gone. */
  async sees(member: Member, what: string, isSo: (group: Group) => boolean): Promise<void> {
    await until(what, async () => isSo(await member.ask<Group>("GET", "/v1/group")));
  }

  async knows(member: Member, what: string, isSo: (targets: readonly Target[]) => boolean): Promise<void> {
    let seen: readonly Target[] = [];
    try {
      await until(what, async () => {
        seen = (await member.ask<{ items: Target[] }>("GET", "/v1/targets")).items;
        return isSo(seen);
      });
    } catch (error) {
      const states = seen.map(({ id, state, reason }) => `${id} ${state}: ${reason}`);
      throw new Error(`${(error as Error).message}; there are ${states.join("\n")}`);
    }
  }
}

const areUp = (count: number) => (targets: readonly Target[]) =>
  targets.length === count && targets.every(({ state }) => state === "up");

const isLost = ({ state }: Group) => state === "lost";
const isConnected = ({ state }: Group) => state === "connected";
const areThere = (present: number, gone: number) => (group: Group) =>
  group.members.filter(({ state }) => state === "present").length === present &&
  group.members.length === present + gone;

/** ms between clients: enough of them, and no load that others would feel. */
const PAUSE_MS = 20;

/** Clients of these, one after the other at each, until it is ended: gives how many there were, and what those heard that no target answered. */
function clients(members: readonly Member[]): { end(): Promise<{ served: number; failed: string[] }> } {
  let isOver = false;
  let served = 0;
  const failed: string[] = [];
  const lives = members.map(async ({ balancer }) => {
    while (!isOver) {
      const answer = await exchange(balancer.port, "").catch((error: Error) => `failed: ${error.message}`);
      if (/^t\d+$/.test(answer)) served++;
      else failed.push(answer);
      await passes(PAUSE_MS);
    }
  });
  return {
    async end() {
      isOver = true;
      await Promise.all(lives);
      return { served, failed };
    },
  };
}

describe("three balancers of a group", { skip: noRedis }, () => {
  it("serve every target whatever becomes of Redis and of one of them, and an order holds at all", async (t) => {
    const world = new World();
    world.redis = await RedisServer.start();
    const [a, b, c] = [await world.member("a"), await world.member("b"), await world.member("c")];
    await world.reporter([a, b]);
    await world.reporter([b, c]);
    await world.reporter([c]);
    for (const each of [a, b, c]) await world.knows(each, "all targets at each", areUp(TARGETS));

    const traffic = clients([a, c]);
    t.after(() => traffic.end());
    // Redis hangs for longer than a balancer may be silent.
    world.redis.stop();
    for (const each of [a, b, c]) await world.sees(each, "the group lost", isLost);
    world.redis.goOn();
    for (const each of [a, b, c]) await world.sees(each, "the group reached again", isConnected);

    // It is killed, targets come meanwhile, and it is empty when it is back.
    await world.redis.kill();
    await world.sees(c, "the group lost again", isLost);
    await world.reporter([a], 2);
    await world.knows(a, "two more where their reporter is", areUp(TARGETS + 2));
    await world.redis.start();
    for (const each of [a, b, c]) await world.knows(each, "two more at each", areUp(TARGETS + 2));

    // Everything in it is gone.
    await world.redis.tell("FLUSHALL");
    await until("what each has said to be there again", async () => {
      const answer = await world.redis.tell("DBSIZE");
      return Number(/:(\d+)/.exec(answer)?.[1]) >= 4;
    });

    // An order that is given to one holds at all, also at one that comes later.
    await a.ask("POST", "/v1/pools/default/targets/t5/drain");
    const drains = (targets: readonly Target[]) => targets.find(({ id }) => id === "default/t5")?.state === "draining";
    for (const each of [b, c]) await world.knows(each, "the order at each", drains);
    const d = await world.member("d");
    await world.knows(
      d,
      "all targets and the order at the newcomer",
      (targets) => targets.length === TARGETS + 2 && drains(targets),
    );

    // One is killed: the others notice, and what its reporter says to others as well stays.
    b.balancer.program.signal("SIGKILL");
    await world.sees(a, "one of four gone", areThere(3, 1));
    for (const each of [a, c, d]) {
      await world.knows(each, "all targets still", (targets) => targets.length === TARGETS + 2);
    }

    const { served, failed } = await traffic.end();
    assert.deepEqual(failed, [], `of ${served + failed.length} clients`);
    assert.ok(served > 100, `${served} were served`);

    // One that stops says so.
    d.balancer.program.signal("SIGTERM");
    await a.balancer.program.says(/has left the group: it said goodbye/);
  });
});
