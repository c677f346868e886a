/** What the flags do with which a service comes with its target. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { dial, exchange } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { lines, send } from "../support/stream.ts";
import { until } from "../support/wait.ts";
import {
  balancerWith,
  closeLater,
  endEffects,
  event,
  namedServer,
  report,
  reporterWith,
  soon,
  type TestBalancer,
  target,
} from "./effects.ts";

after(endEffects);

/** What all balancers here are told, in the library's words. */
const LIKE_BEFORE = { startHold: 0, key: "effects:a-key-that-only-these-tests-use" };

/** The pools and their ports, by name. */
function poolsOf({ balancer }: TestBalancer): Record<string, unknown> {
  const portsOf = (all: ReturnType<typeof balancer.pools>[number]) =>
    all.listeners.flatMap(({ addresses }) =>
      addresses.map((address) => ("port" in address ? address.port : address.path)),
    );
  return Object.fromEntries(balancer.pools().map((pool) => [`${pool.origin} ${pool.name}`, portsOf(pool)]));
}

describe("a reporter's", () => {
  test("--listen opens the port of a pool that nobody has defined", async () => {
    const balancer = await balancerWith();
    const port = await freePort();
    await target(balancer, "brought", "--pool", "db", "--listen", String(port));
    assert.equal(await exchange(port, ""), "brought\n");
    assert.deepEqual(poolsOf(balancer), { "defined default": [balancer.port], "brought db": [port] });
  });

  test("--listen is refused where another pool has the port, which the other one keeps", async () => {
    const balancer = await balancerWith();
    const port = await freePort();
    const server = await target(balancer, "first", "--pool", "db", "--listen", String(port));
    const second = reporterWith(
      ...["--host", `127.0.0.1:${balancer.adminPort}`, "--port", String(server.port)],
      ...["--pool", "kv", "--listen", String(port)],
    );
    second.ready.catch(() => undefined); // it is never registered
    const [, { code, reason }] = (await event(second, "rejected")) as [unknown, { code: string; reason: string }];
    assert.equal(code, "LISTEN_TAKEN");
    assert.match(reason, new RegExp(`pool db come to port ${port}`));
    assert.equal(await exchange(port, ""), "first\n");
  });

  test("--pool-options are those of the pool that is made", async () => {
    const balancer = await balancerWith();
    const port = await freePort();
    await target(balancer, "a", "--pool", "db", "--listen", String(port), "--pool-options", "algorithm=random");
    const pool = balancer.balancer.pools().find(({ name }) => name === "db");
    assert.equal(pool?.options.algorithm, "random");
  });
});

describe("a service that a reporter has brought", () => {
  test("is taken over by a document that defines it: connections and targets stay, and so do they when the reporter leaves", async () => {
    const balancer = await balancerWith();
    const port = await freePort();
    const server = await namedServer("kept");
    const reporter = await report(balancer, server.port, "--pool", "db", "--listen", String(port));
    await until("the target", () => balancer.balancer.targets("db")[0]?.state === "up");
    const connection = await dial(port);
    closeLater({ close: () => connection.abort() });
    assert.equal(await soon("a greeting", lines(connection)()), "kept");

    const steps = await balancer.balancer.apply({
      ...LIKE_BEFORE,
      listen: "127.0.0.1:0",
      pools: { default: {}, db: { listen: port, queue: 7 } },
    });
    assert.deepEqual(
      steps.map(({ kind }) => kind).filter((kind) => kind !== "restart"),
      ["change-pool"],
      "no pool and no listener comes or goes",
    );
    assert.deepEqual(poolsOf(balancer), { "defined default": [balancer.port], "defined db": [port] });
    assert.equal(balancer.balancer.targets("db")[0]?.state, "up");
    await send(connection, "more\n");
    await reporter.close();
    await until("the target to leave", () => balancer.balancer.targets("db").length === 0);
    assert.deepEqual(poolsOf(balancer), { "defined default": [balancer.port], "defined db": [port] });
    assert.deepEqual(balancer.records, [], "the connection goes on");
  });

  test("comes again with its reporter to a balancer that has just started", async () => {
    const first = await balancerWith();
    const port = await freePort();
    await target(first, "again", "--pool", "db", "--listen", String(port));
    const { adminPort } = first;
    await first.balancer.close(0);
    await assert.rejects(exchange(port, ""), { code: "ECONNREFUSED" });
    const second = await balancerWith("--admin", `127.0.0.1:${adminPort}`);
    await until("the target", () => second.balancer.targets("db")[0]?.state === "up");
    assert.equal(await exchange(port, ""), "again\n");
  });
});

describe("the balancer's", () => {
  test("--service-timeout is how long the port stays when its last target has gone", async () => {
    const balancer = await balancerWith("--service-timeout", "0");
    const port = await freePort();
    const reporter = await report(balancer, await freePort(), "--pool", "db", "--listen", String(port));
    const closed = event(balancer.balancer, "serviceClosed");
    await reporter.close();
    await closed;
    assert.ok(!("brought db" in poolsOf(balancer)));
    await assert.rejects(exchange(port, ""), { code: "ECONNREFUSED" });
    assert.deepEqual(balancer.balancer.targets(), []);
  });
});
