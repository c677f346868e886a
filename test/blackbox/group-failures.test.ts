/**
 * What a group does while its Redis is slow, full, gone for longer than any lease, or fails over to a server that is behind: clients are served,
 * targets come, nobody is forgotten; and when it is well again all agree, and no target gets the clients of others meanwhile.
 */
import assert from "node:assert/strict";
import { after, describe, it, type TestContext } from "node:test";
import type { Group } from "../../src/admin/api/schemas/group.ts";
import { removeFolders } from "../support/folder.ts";
import {
  areThere,
  areUp,
  type Clients,
  clients,
  GroupCluster,
  isConnected,
  isLost,
  knows,
  type Member,
  sees,
} from "../support/group-cluster.ts";
import { endServers } from "../support/peers.ts";
import { LOOPBACK } from "../support/ports.ts";
import { endPrograms } from "../support/program.ts";
import { endRedis, noRedis, RedisServer } from "../support/redis.ts";
import { SlowPath } from "../support/slow-path.ts";
import { now, passes, until } from "../support/wait.ts";

/** A lease: far above what a loaded machine keeps a reporter silent for. */
const LEASE_S = 5;
const EACH = 4;

after(async () => {
  await endPrograms();
  await endRedis();
  await endServers();
  removeFolders();
});

interface Scene {
  readonly world: GroupCluster;
  readonly members: readonly Member[];
  readonly traffic: Clients;
}

/** Three balancers that know all targets of two reporters, and clients at each of them. */
async function sceneAt(t: TestContext, address: string): Promise<Scene> {
  const world = new GroupCluster(["--group", address, "--host-timeout", `${LEASE_S}s`]);
  const members = [await world.member("a"), await world.member("b"), await world.member("c")];
  await world.reporter([members[0]!], EACH);
  await world.reporter([members[1]!, members[2]!], EACH);
  for (const each of members) await knows(each, "all targets at each", areUp(2 * EACH));
  const traffic = clients(members);
  t.after(() => traffic.end());
  return { world, members, traffic };
}

/** A target comes to one of them while Redis is not well, and is served there. */
async function takesOneMore({ world, members: [a] }: Scene): Promise<void> {
  await world.reporter([a!], 1);
  await knows(a!, "one more where its reporter is", areUp(2 * EACH + 1));
}

/** All know all of them again, nobody was forgotten, clients are divided as before, and none was failed. */
async function isWellAgain({ members, traffic }: Scene): Promise<void> {
  for (const each of members) {
    await sees(each, "the group reached again", (group) => isConnected(group) && areThere(3, 0)(group));
    await knows(each, "one more at each", areUp(2 * EACH + 1));
  }
  const since = now();
  await passes(2_000);
  const counts = [...traffic.since(since).values()];
  const fair = counts.reduce((sum, count) => sum + count, 0) / (2 * EACH + 1);
  const { served, failed } = await traffic.end();
  assert.deepEqual(failed, [], `of ${served + failed.length} clients`);
  assert.equal(counts.length, 2 * EACH + 1, "each target has clients");
  assert.ok(
    counts.every((count) => count > fair / 2 - 3 && count < 2 * fair + 3),
    `${counts} are near ${fair}`,
  );
  for (const { balancer } of members) {
    const left = balancer.program.log.filter(({ message }) => /has left/.test(message)).map(({ message }) => message);
    assert.deepEqual(left, [], "neither a target nor a balancer was taken for gone");
  }
}

describe("a group whose Redis", { skip: noRedis }, () => {
  it("is slow: agrees later, and serves clients as ever; is too slow to answer: goes on by itself", async (t) => {
    const redis = await RedisServer.start();
    const path = await SlowPath.to(redis.port);
    t.after(() => path.close());
    const scene = await sceneAt(t, `redis://${LOOPBACK}:${path.port}/0`);
    path.delayMs = 300;
    await scene.world.reporter([scene.members[1]!], 1);
    for (const each of scene.members) await knows(each, "one more at each, though late", areUp(2 * EACH + 1));
    path.delayMs = 3_000;
    for (const each of scene.members) await sees(each, "the group lost", isLost);
    path.delayMs = 0;
    await isWellAgain(scene);
  });

  it("is full: targets come and stay where their reporters are, and are known to all once there is room", async (t) => {
    const redis = await RedisServer.start();
    const scene = await sceneAt(t, `unix://${redis.socket}`);
    await redis.tell("CONFIG SET maxmemory 1");
    await takesOneMore(scene);
    await sees(scene.members[0]!, "that it takes nothing", ({ reason }: Group) => /OOM|memory/i.test(reason ?? ""));
    await passes(2.5 * LEASE_S * 1_000);
    for (const each of scene.members.slice(1)) await knows(each, "those of before", areUp(2 * EACH));
    await redis.tell("CONFIG SET maxmemory 0");
    await isWellAgain(scene);
  });

  it("is gone for longer than any lease, and empty when it is back", async (t) => {
    const redis = await RedisServer.start();
    const scene = await sceneAt(t, `unix://${redis.socket}`);
    await redis.kill();
    for (const each of scene.members) await sees(each, "the group lost", isLost);
    await takesOneMore(scene);
    await passes(2.5 * LEASE_S * 1_000);
    for (const each of scene.members.slice(1)) await knows(each, "those of before", areUp(2 * EACH));
    await redis.start();
    await isWellAgain(scene);
  });

  it("fails over to a replica that has heard nothing for a while", async (t) => {
    const primary = await RedisServer.start();
    const replica = await RedisServer.start({ config: [`replicaof ${LOOPBACK} ${primary.port}`] });
    await until("the replica to follow", async () =>
      /master_link_status:up/.test(await replica.tell("INFO replication", /second_repl_offset.*\r\n/s)),
    );
    const sentinel = await RedisServer.start({
      sentinel: true,
      config: [
        `sentinel monitor main ${LOOPBACK} ${primary.port} 1`,
        "sentinel down-after-milliseconds main 1000",
        "sentinel failover-timeout main 3000",
      ],
    });
    await until("the sentinel to know the replica", async () =>
      (await sentinel.tell("SENTINEL REPLICAS main")).includes(String(replica.port)),
    );
    const scene = await sceneAt(t, `redis+sentinel://${LOOPBACK}:${sentinel.port}/main`);
    replica.stop();
    await scene.world.reporter([scene.members[0]!], 1);
    for (const each of scene.members) await knows(each, "one that the replica does not hear of", areUp(2 * EACH + 1));
    await primary.kill();
    replica.goOn();
    await isWellAgain(scene);
  });
});
