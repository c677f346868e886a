/** Three balancers of one group at a real Redis, thirty targets whose reporters speak to one or two of them, and what may happen to all of these. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import type { Target } from "../../src/admin/api/schemas/targets.ts";
import { removeFolders } from "../support/folder.ts";
import { areThere, areUp, clients, GroupCluster, isConnected, isLost, knows, sees } from "../support/group-cluster.ts";
import { endServers } from "../support/peers.ts";
import { endPrograms } from "../support/program.ts";
import { endRedis, noRedis, REDIS, RedisServer } from "../support/redis.ts";
import { until } from "../support/wait.ts";

const EACH = 10;
const TARGETS = 3 * EACH;

after(async () => {
  await endPrograms();
  await endRedis();
  await endServers();
  removeFolders();
});

describe(`three balancers of a group at ${REDIS}`, { skip: noRedis }, () => {
  it("serve every target whatever becomes of that and of one of them, and an order holds at all", async (t) => {
    const redis = await RedisServer.start();
    const world = new GroupCluster(["--group", `unix://${redis.socket}`, "--host-timeout", "20s"]);
    const [a, b, c] = [await world.member("a"), await world.member("b"), await world.member("c")];
    await world.reporter([a, b], EACH);
    await world.reporter([b, c], EACH);
    await world.reporter([c], EACH);
    for (const each of [a, b, c]) await knows(each, "all targets at each", areUp(TARGETS));

    const traffic = clients([a, c]);
    t.after(() => traffic.end());
    // Redis hangs for longer than a balancer may be silent.
    redis.stop();
    for (const each of [a, b, c]) await sees(each, "the group lost", isLost);
    redis.goOn();
    for (const each of [a, b, c]) await sees(each, "the group reached again", isConnected);

    // It is killed, targets come meanwhile, and it is empty when it is back.
    await redis.kill();
    await sees(c, "the group lost again", isLost);
    await world.reporter([a], 2);
    await knows(a, "two more where their reporter is", areUp(TARGETS + 2));
    await redis.start();
    for (const each of [a, b, c]) await knows(each, "two more at each", areUp(TARGETS + 2));

    // Everything in it is gone.
    await redis.tell("FLUSHALL");
    await until("what each has said to be there again", async () => {
      const answer = await redis.tell("DBSIZE");
      return Number(/:(\d+)/.exec(answer)?.[1]) >= 4;
    });

    // An order that is given to one holds at all, also at one that comes later.
    await a.ask("POST", "/v1/pools/default/targets/t5/drain");
    const drains = (targets: readonly Target[]) => targets.find(({ id }) => id === "default/t5")?.state === "draining";
    for (const each of [b, c]) await knows(each, "the order at each", drains);
    const d = await world.member("d");
    await knows(
      d,
      "all targets and the order at the newcomer",
      (targets) => targets.length === TARGETS + 2 && drains(targets),
    );

    // One is killed: the others notice, and what its reporter says to others as well stays.
    b.balancer.program.signal("SIGKILL");
    await sees(a, "one of four gone", areThere(3, 1));
    for (const each of [a, c, d]) {
      await knows(each, "all targets still", (targets) => targets.length === TARGETS + 2);
    }

    const { served, failed } = await traffic.end();
    assert.deepEqual(failed, [], `of ${served + failed.length} clients`);
    assert.ok(served > 100, `${served} were served`);

    // One that stops says so.
    d.balancer.program.signal("SIGTERM");
    await a.balancer.program.says(/has left the group: it said goodbye/);
  });
});
