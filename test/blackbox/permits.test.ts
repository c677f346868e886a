/**
 * Balancers and a pool with a limit, in a group and without one: all together never serve more clients than that, and hardly ever fewer while
 * others wait; and where none can wait, nobody is turned away for long.
 */
import assert from "node:assert/strict";
import { after, it } from "node:test";
import { launchReporter, startBalancer } from "../support/cluster.ts";
import { removeFolders } from "../support/folder.ts";
import { average, Gauge, Load } from "../support/gauge.ts";
import { answerer, endServers, exchange, serve } from "../support/peers.ts";
import { endPrograms } from "../support/program.ts";
import { endRedis, noRedis, RedisServer } from "../support/redis.ts";
import { now, until } from "../support/wait.ts";

const LIMIT = 10;
/** Of all the time, that clients are served while others wait. */
const LEAST = 9.5;
/** At each balancer, more than there are permits. */
const CLIENTS = 12;
const isEnough = (found: number) => found >= LEAST;

/** Longer than moving a permit takes where other programs use the machine as well. */
const gauge = new Gauge([1_500, 1_900]);
const loads: Load[] = [];
after(async () => {
  for (const load of loads) load.stop();
  await endPrograms();
  await endRedis();
  await endServers();
  gauge.close();
  removeFolders();
});

it("a pool's concurrency holds over a group, whatever becomes of its balancers, and is made use of", {
  skip: noRedis,
}, async () => {
  const port = await gauge.listen();
  const redis = await RedisServer.start();
  const shared = ["--group", `unix://${redis.socket}`, "--concurrency", String(LIMIT), "--host-timeout", "3s"];
  const balancers = await Promise.all([1, 2, 3].map(() => startBalancer(shared)));
  launchReporter(
    balancers.map(({ adminPort }) => adminPort),
    port,
  );
  loads.push(...balancers.map((balancer) => new Load(balancer.port, CLIENTS)));
  const [first, second, third] = loads as [Load, Load, Load];
  const serve = (which: readonly Load[]) => {
    const before = which.map(({ served }) => served);
    return until("clients of each balancer to be served", () =>
      which.every((load, i) => load.served >= before[i]! + 3),
    );
  };
  const measure = async (what: string) => {
    const found = await average(gauge, isEnough);
    assert.ok(isEnough(found), `${found} of ${LIMIT} on average, ${what}`);
  };

  for (const load of loads) load.start();
  await serve(loads);
  await measure("with all three under load");

  // To one, whose permits nobody else gets while it has yet to say that it holds them; and then to another one.
  for (const load of [second, third]) load.stop();
  await until("the load of one", () => gauge.now >= LIMIT - 1);
  await redis.tell("FLUSHALL");
  await measure("with one under load, while the store forgets everything");
  second.start();
  await serve([first, second]);
  first.stop();
  await until("another one to serve as many as all may", () => gauge.now === LIMIT);

  // What one had that is gone comes back when its lease is over.
  for (const load of [first, third]) load.start();
  await serve(loads);
  await balancers[0]!.program.kill();
  first.stop();
  await measure("with two of three, of which one was killed").catch(() => undefined);
  await until("fewer, as what one had is nobody's", () => gauge.now < LIMIT);
  await until("what it had to be used by the others", () => gauge.now === LIMIT);

  assert.equal(gauge.most, LIMIT, "by the target's own count");
  await Promise.all(loads.map((load) => load.over()));
});

it("one permit for two balancers and no queue goes to where a client was turned away", { skip: noRedis }, async (t) => {
  const redis = await RedisServer.start();
  const shared = ["--group", `unix://${redis.socket}`, "--concurrency", "1", "--queue", "0", "--persistent", "off"];
  const [a, b] = await Promise.all([1, 2].map(() => startBalancer(shared)));
  const { port } = await serve(answerer("web"));
  launchReporter([a!.adminPort, b!.adminPort], port);
  for (const balancer of [a!, b!, a!, b!]) {
    const since = now();
    await until("a client to be served", async () => (await exchange(balancer.port, "")) === "web");
    t.diagnostic(`served after ${Math.round(now() - since)} ms`);
  }
});

it("without a group each of two balancers serves its half of a pool's concurrency, and both together all of it", async (t) => {
  const own = new Gauge();
  t.after(() => own.close());
  const port = await own.listen();
  const balancers = await Promise.all([1, 2].map(() => startBalancer(["--concurrency", String(LIMIT)])));
  launchReporter(
    balancers.map(({ adminPort }) => adminPort),
    port,
  );
  for (const { program } of balancers) await program.says(/is up at/);
  const [first, second] = balancers.map((balancer) => new Load(balancer.port, CLIENTS)) as [Load, Load];
  loads.push(first, second);
  first.start();
  await until("half of the limit", () => own.now === LIMIT / 2);
  await until("clients to be served", () => first.served >= CLIENTS);
  assert.equal(own.most, LIMIT / 2, "of one that has all the clients");
  second.start();
  await until("all of the limit", () => own.now === LIMIT);
  const found = await average(own, isEnough);
  assert.ok(isEnough(found), `${found} of ${LIMIT} on average`);
  assert.equal(own.most, LIMIT, "by the target's own count");
  await Promise.all([first, second].map((load) => load.over()));
});
