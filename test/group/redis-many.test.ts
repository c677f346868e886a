/** A group's store where several servers of Redis are one: found by sentinels, or a cluster. */
import assert from "node:assert/strict";
import { after, afterEach, describe, it } from "node:test";
import type { RedisStoreSettings } from "../../src/group/redis/open.ts";
import { SharedOrders } from "../../src/group/shared-orders.ts";
import type { Order } from "../../src/targets/orders.ts";
import { removeFolders } from "../support/folder.ts";
import { freePort, LOOPBACK } from "../support/ports.ts";
import { endRedis, noRedis, REDIS, RedisServer } from "../support/redis.ts";
import { until } from "../support/wait.ts";
import { atServer, closeStores, connectedAgain, forgeAt, openConnected, openStore, rejection } from "./redis-world.ts";
import { changes, storeSuite, texts } from "./store-suite.ts";

afterEach(closeStores);
after(async () => {
  await endRedis();
  removeFolders();
});

describe(`a primary of ${REDIS} and its replica`, { skip: noRedis }, () => {
  const replicaOf = (port: number, config: readonly string[] = []) =>
    RedisServer.start({ config: [`replicaof ${LOOPBACK} ${port}`, ...config] });

  async function follows(replica: RedisServer): Promise<void> {
    await until("the replica to follow", async () =>
      /master_link_status:up/.test(await replica.tell("INFO replication", /second_repl_offset.*\r\n/s)),
    );
  }

  it("a replica is refused, and taken once it is the primary", async () => {
    const primary = await RedisServer.start();
    const replica = await replicaOf(primary.port);
    await follows(replica);
    const counted = await openStore(atServer(replica.port));
    const refused = await rejection(counted, /is a replica/);
    assert.deepEqual([refused.code, refused.fault], ["GROUP_REFUSED", "config"]);
    await replica.tell("REPLICAOF NO ONE");
    await connectedAgain(counted, 0);
    await counted.store.say("a", "word");
    await Promise.all([primary.kill(), replica.kill()]);
  });

  it("a primary that becomes a replica while it is in use is left", async () => {
    const [one, other] = [await RedisServer.start(), await RedisServer.start()];
    const counted = await openConnected(atServer(one.port));
    await one.tell(`REPLICAOF ${LOOPBACK} ${other.port}`);
    await rejection(counted, /is a replica/);
    const before = counted.connected;
    await one.tell("REPLICAOF NO ONE");
    await connectedAgain(counted, before);
    await Promise.all([one.kill(), other.kill()]);
  });

  it("what a replica had not been sent when it became the primary is written there by whoever knows it", async () => {
    const primary = await RedisServer.start();
    const replica = await replicaOf(primary.port);
    await follows(replica);
    const { store } = await openConnected(atServer(primary.port));
    const order = (by: string, at: number): Order => ({
      state: "drain",
      factor: null,
      by,
      reason: null,
      at,
      address: { host: LOOPBACK, port: 80 },
    });
    const orders = new SharedOrders({ all: () => [], heed: () => undefined }, () => "here");
    const share = (at: typeof store) => orders.share({ store: at, hint: "", now: Date.now() });
    orders.ordered("p/x", order("first", 1), "first", 1);
    await share(store);
    await until("the replica to have it", async () => /:1/.test(await replica.tell("EXISTS harmony:{test}:1:orders")));
    await replica.tell("REPLICAOF NO ONE");
    orders.ordered("p/x", order("second", 2), "second", 2);
    orders.ordered("p/y", order("third", 3), "third", 3);
    await share(store);
    const written = await store.readStamped("orders");
    const other = (await openConnected(atServer(replica.port))).store;
    assert.equal((await other.readStamped("orders")).size, 1);
    orders.stale();
    for (let turn = 0; turn < 2; turn++) await share(other);
    assert.deepEqual(await other.readStamped("orders"), written);
    await Promise.all([primary.kill(), replica.kill()]);
  });

  it("sentinels say which is the primary, also when another one has become it", async () => {
    const primary = await RedisServer.start();
    const replica = await replicaOf(primary.port);
    await follows(replica);
    const sentinel = await RedisServer.start({
      sentinel: true,
      config: [
        `sentinel monitor main ${LOOPBACK} ${primary.port} 1`,
        "sentinel down-after-milliseconds main 500",
        "sentinel failover-timeout main 3000",
      ],
    });
    await until("the sentinel to know the replica", async () =>
      (await sentinel.tell("SENTINEL REPLICAS main", /\r\n$/)).includes(String(replica.port)),
    );
    const addresses = [await freePort(), sentinel.port].map((port) => ({ host: LOOPBACK, port }));
    const at = (master: string): RedisStoreSettings => atServer(0, { form: "sentinel", addresses, master });
    await rejection(await openStore(at("other")), /knows no "other"/);
    const counted = await openConnected(at("main"));
    await counted.store.write("a", "targets", changes({ set: texts({ x: "1" }) }), "word", "");
    await until("the replica to have it", async () =>
      /:1/.test(await replica.tell("EXISTS harmony:{test}:1:targets:a")),
    );
    const before = counted.connected;
    await primary.kill();
    await connectedAgain(counted, before);
    assert.deepEqual([...(await counted.store.read("a", "targets", null))], [["x", "1"]]);
    await counted.store.say("a", "word");
    await Promise.all([replica.kill(), sentinel.kill()]);
  });
});

/** Three nodes, a third of the slots each. */
async function startCluster(): Promise<RedisServer[]> {
  const nodes: RedisServer[] = [];
  for (let i = 0; i < 3; i++) {
    const config = ["cluster-enabled yes", `cluster-port ${await freePort()}`, "cluster-node-timeout 5000"];
    nodes.push(await RedisServer.start({ config }));
  }
  const ends = [0, 5461, 10_923, 16_384];
  for (const [i, node] of nodes.entries()) {
    await node.tell(`CLUSTER ADDSLOTSRANGE ${ends[i]} ${ends[i + 1]! - 1}`);
    const bus = /^cluster-port (\d+)$/m.exec(nodes[0]!.config)![1];
    if (i > 0) await node.tell(`CLUSTER MEET ${LOOPBACK} ${nodes[0]!.port} ${bus}`);
  }
  for (const node of nodes) {
    await until("the cluster", async () =>
      /cluster_state:ok.*cluster_known_nodes:3/s.test(await node.tell("CLUSTER INFO", /\r\n\r\n$/)),
    );
  }
  return nodes;
}

storeSuite(
  `on a cluster of ${REDIS}`,
  async () => {
    const nodes = await startCluster();
    let first = 0;
    return {
      // Each time another node is asked first: two of three send on.
      open: async () => {
        const asked = nodes[first++ % nodes.length]!;
        const addresses = [{ host: LOOPBACK, port: asked.port }];
        return (await openConnected(atServer(0, { form: "cluster", addresses }))).store;
      },
      // Those that do not have it say only where it is.
      forge: async (name, text) => {
        for (const node of nodes) await forgeAt(node, name, text);
      },
      clear: async () => {
        for (const node of nodes) await node.tell("FLUSHALL");
      },
      end: async () => {
        for (const node of nodes) await node.kill();
      },
    };
  },
  noRedis,
);
