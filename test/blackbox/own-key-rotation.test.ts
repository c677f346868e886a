/** A host exchanges its own key while its reporters run, and no client notices. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe, it } from "node:test";
import { runtime } from "#runtime";
import { removeFolders } from "../support/folder.ts";
import { Host, Office } from "../support/invited.ts";
import { isTargetEvent } from "../support/log.ts";
import { dial, endServers, exchange, greeter, serve } from "../support/peers.ts";
import { endPrograms, type Program } from "../support/program.ts";
import { until, within } from "../support/wait.ts";

after(async () => {
  await endPrograms();
  await endServers();
  removeFolders();
});

const keysIn = (office: Office) => /^web (\S+)/m.exec(office.reporters)![1]!.split(",");
const registrations = (reporter: Program) => reporter.log.filter((line) => /^registered/.test(line.message)).length;

/** Clients, one after the other, until it is stopped. Gives the number of those that were served. */
function traffic(port: number): { stop(): Promise<number> } {
  let stopped = false;
  const run = async () => {
    let count = 0;
    for (; !stopped; count += 1) assert.equal(await within("an answer", exchange(port, "")), "served");
    return count;
  };
  const running = run();
  running.catch(() => undefined); // seen by stop()
  return {
    stop: () => {
      stopped = true;
      return running;
    },
  };
}

describe("harmony-reporter rotate", () => {
  it("exchanges the key under traffic: every client is served, and the reporters that run come with the new one", async () => {
    const [office, host] = [new Office(), new Host()];
    const targets = await Promise.all([serve(greeter("served")), serve(greeter("served"))]);
    const code = await office.invite("web");
    const { balancer, port, adminPort } = await office.balance();
    assert.equal((await host.join(adminPort, code)).code, 0);
    const reporters = targets.map((target) => host.report([adminPort], target.port));
    await Promise.all(reporters.map((reporter) => reporter.says(/^registered/)));
    const [before] = keysIn(office);
    const clients = traffic(port);

    const rotated = await host.rotate();
    assert.equal(rotated.code, 0, rotated.stderr);
    assert.equal(rotated.stdout, `exchanged the key at 127.0.0.1:${adminPort}\n`);
    await balancer.says(/^reporter web exchanges its key/);
    const after = keysIn(office);
    assert.equal(after.length, 1);
    assert.notEqual(after[0], before);
    for (const reporter of reporters) await until("it to come with the new key", () => registrations(reporter) === 2);
    await until("more clients", () => targets.every(({ accepted }) => accepted.length > 20));
    assert.ok((await clients.stop()) > 20);
    for (const { log } of [balancer, ...reporters]) {
      const alarms = log.filter(({ level, message }) => level !== "DEBUG" && /reject|no longer valid/.test(message));
      assert.deepEqual(alarms, [], "nothing is wrong that somebody would have to look at");
    }
    for (const target of targets) {
      for (const event of ["leave", "down"] as const) {
        assert.ok(!balancer.log.some((line) => isTargetEvent(line, event, target.port)), event);
      }
    }
    assert.ok(!/^next /m.test(readFileSync(host.identity, "utf8")));
  });

  it("keeps the former key until every balancer knows the new one, and goes on where it was", async () => {
    const [near, far, host] = [new Office(), new Office(), new Host()];
    const [first, second] = [await near.balance(), await far.balance()];
    assert.equal((await host.join(first.adminPort, await near.invite("web"))).code, 0);
    assert.equal((await host.join(second.adminPort, await far.invite("web"))).code, 0);
    const former = keysIn(near);
    assert.deepEqual(keysIn(far), former, "one key for all balancers");
    await second.balancer.stop();

    const failed = await host.rotate();
    assert.equal(failed.code, 1);
    assert.match(
      failed.stderr,
      new RegExp(`127.0.0.1:${second.adminPort} does not know the new key: .*\n.*run it again`),
    );
    const [kept, next, ...more] = keysIn(near);
    assert.deepEqual([[kept], more], [former, []]);
    const target = await serve(greeter("served"));
    const reporter = host.report([first.adminPort], target.port);
    await reporter.says(/^registered/);

    await far.balance(second.adminPort);
    const rotated = await host.rotate();
    assert.equal(rotated.code, 0, rotated.stderr);
    for (const office of [near, far]) assert.deepEqual(keysIn(office), [next]);
    await until("it to come with the new key", () => registrations(reporter) === 2);
  });

  it("has exchanged it also where a balancer that knows it cannot be visited with it, and says what is left to happen", async () => {
    const [office, host] = [new Office(), new Host()];
    const { adminPort } = await office.balance();
    let open = 2; // to join, and to tell the new key
    const way = await serve(async (connection) => {
      open -= 1;
      if (open < 0) connection.abort();
      else await runtime.relay(connection, await dial(adminPort), { aToB: 0, bToA: 0 });
    });
    assert.equal((await host.join(way.port, await office.invite("web"))).code, 0);
    const rotated = await host.rotate();
    assert.deepEqual([rotated.code, rotated.stdout], [0, `exchanged the key at 127.0.0.1:${way.port}\n`]);
    assert.match(rotated.stderr, /takes the former key as well until a reporter of this host comes with the new one: /);
    assert.equal(keysIn(office).length, 2);
    await host.report([way.port], 1).says(/lost|reset|closed/);
    open = 1;
    await until("it to come with the new key", () => keysIn(office).length === 1);
  });

  it("says what to do where nothing was joined", async () => {
    const { code, stderr } = await new Host().rotate();
    assert.equal(code, 2);
    assert.match(stderr, /this host has joined no balancer: there is none in .*ours/);
  });
});
