/** Three balancers and one target with a limit: it never has more connections than that, by its own count, and hardly ever fewer while clients wait. */
import assert from "node:assert/strict";
import { after, it } from "node:test";
import { type Balancer, launchReporter, startBalancer } from "../support/cluster.ts";
import { average, Gauge, Load } from "../support/gauge.ts";
import { endPrograms } from "../support/program.ts";
import { passes, until } from "../support/wait.ts";

const LIMIT = 10;
/** Of all the time, that clients are served while others wait. */
const LEAST = 9.5;
/** At each balancer, more than the target takes of all. */
const CLIENTS = 12;
const ARGS = ["--host-timeout", "2s"];
const skip = process.platform === "win32" && "Windows cannot stop a process for a while (SIGSTOP)";

const gauge = new Gauge();
after(async () => {
  await endPrograms();
  gauge.close();
});

it("a target's limit holds over three balancers, whatever becomes of them, and is made use of", { skip }, async () => {
  const port = await gauge.listen();
  const balancers = await Promise.all([1, 2, 3].map(() => startBalancer(ARGS)));
  const ports = balancers.map(({ adminPort }) => adminPort);
  launchReporter(ports, port, ["--max-connections", String(LIMIT)]);
  const loads = balancers.map((balancer) => new Load(balancer.port, CLIENTS));
  const isEnough = (found: number) => found >= LEAST;
  const served = () => loads.map((load) => load.served);
  const allServe = async (what: string) => {
    const before = served();
    await until(what, () => served().every((count, i) => count >= before[i]! + 3));
  };

  for (const load of loads) load.start();
  await allServe("clients of each balancer to be served");
  const all = await average(gauge, isEnough);
  assert.ok(isEnough(all), `${all} of ${LIMIT} on average, with all three under load`);

  const [first, second, third] = loads as [Load, Load, Load];
  for (const load of [second, third]) load.stop();
  const one = await average(gauge, isEnough);
  assert.ok(isEnough(one), `${one} of ${LIMIT} on average, with one under load`);

  // To another one; and then all again, of which one is killed and started anew, and one hangs for longer than its lease.
  first.stop();
  second.start();
  await until("clients elsewhere to be served", () => gauge.now >= LIMIT - 1 && second.served > 0);
  for (const load of [first, third]) load.start();
  await allServe("clients of each balancer to be served again");
  const [a, b] = balancers as [Balancer, Balancer];
  await a.program.kill();
  b.program.signal("SIGSTOP");
  await passes(3_200); // by which the leases of both have run out
  const again = startBalancer(ARGS, { port: a.port, adminPort: a.adminPort });
  b.program.signal("SIGCONT");
  await again;
  await allServe("clients of each balancer to be served, of which one was killed and one had hung");
  const last = await average(gauge, isEnough);
  assert.ok(isEnough(last), `${last} of ${LIMIT} on average, at the end`);

  assert.equal(gauge.most, LIMIT, "by the target's own count");
  await Promise.all(loads.map((load) => load.over()));
});

it("what a balancer had of a limit is the others' once it has stopped, however long its reports count", async (t) => {
  const gauge = new Gauge();
  t.after(() => gauge.close());
  const port = await gauge.listen();
  const balancers = await Promise.all([1, 2, 3].map(() => startBalancer(["--host-timeout", "1h"])));
  const ports = balancers.map(({ adminPort }) => adminPort);
  launchReporter(ports, port, ["--max-connections", String(LIMIT)]);
  const loads = balancers.map((balancer) => new Load(balancer.port, CLIENTS));
  for (const load of loads) load.start();
  await until("clients of each balancer to be served", () => loads.every(({ served }) => served >= 3));
  await until("all of the limit", () => gauge.now === LIMIT);

  const [stopping, first] = [balancers[0]!.program, loads[0]!];
  first.stop();
  stopping.signal("SIGTERM");
  await stopping.exited; // after its last connection
  const at = performance.now();
  await first.over();
  await until("the others to have all of the limit", () => gauge.now === LIMIT);
  t.diagnostic(`${Math.round(performance.now() - at)} ms after it had ended`);
  const isEnough = (found: number) => found >= LEAST;
  const all = await average(gauge, isEnough);
  assert.ok(isEnough(all), `${all} of ${LIMIT} on average, at two of three`);
  assert.equal(gauge.most, LIMIT, "by the target's own count");
  await Promise.all(loads.map((load) => load.over()));
});
