/** What each flag of the reporter does, where it is not what the default does. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { runtime } from "#runtime";
import { dial, serve } from "../support/peers.ts";
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
  target,
} from "./effects.ts";

after(endEffects);

describe("where to, and as what", () => {
  test("--host repeated: to every one of them", async () => {
    const balancers = await Promise.all([balancerWith(), balancerWith()]);
    const { port } = await namedServer("both");
    reporterWith(...balancers.flatMap(({ adminPort }) => ["--host", `127.0.0.1:${adminPort}`]), "--port", String(port));
    for (const balancer of balancers) {
      await until("the registration", () => balancer.balancer.targets().length === 1);
      assert.equal(await balancer.ask(), "both\n");
    }
  });
  test("--admin-port: where --host names none", async () => {
    const balancer = await balancerWith();
    const { port } = await namedServer("here");
    const { ready } = reporterWith(
      ...["--host", "127.0.0.1", "--admin-port", String(balancer.adminPort), "--port", String(port)],
    );
    await soon("the registration", ready);
    assert.equal(await balancer.ask(), "here\n");
  });
  test("--id: its name, which it keeps at another address", async () => {
    const balancer = await balancerWith();
    const identities = () => balancer.balancer.targets().map(({ identity }) => identity);
    const first = await report(balancer, (await namedServer("before")).port, "--id", "web-7");
    assert.deepEqual(identities(), ["default/web-7"]);
    assert.equal(await balancer.ask(), "before\n");
    await first.close();
    await target(balancer, "after", "--id", "web-7");
    assert.deepEqual(identities(), ["default/web-7"]);
    assert.equal(await balancer.ask(), "after\n");
  });
  test("--pool: one that the balancer does not have is refused by name", async () => {
    const balancer = await balancerWith();
    const reporter = reporterWith("--host", `127.0.0.1:${balancer.adminPort}`, "--pool", "elsewhere");
    reporter.ready.catch(() => undefined); // it will be closed unregistered
    const [, { reason }] = (await event(reporter, "rejected")) as [unknown, { reason: string }];
    assert.match(reason, /elsewhere/);
    assert.deepEqual(balancer.balancer.targets(), []);
  });
  test("--advertise: where the balancer connects instead of where it sees the reporter", {
    skip: process.platform === "darwin" && "macOS has 127.0.0.1 alone of 127.0.0.0/8",
  }, async () => {
    const listener = await runtime.listen({ host: "127.0.0.2", port: 0 }, (connection) => {
      void send(connection, "advertised").then(() => connection.close());
    });
    closeLater(listener);
    const balancer = await balancerWith();
    await report(balancer, listener.address.port, "--advertise", "127.0.0.2");
    assert.equal(balancer.balancer.targets()[0]!.identity, `default/127.0.0.2:${listener.address.port}`);
    assert.equal(await balancer.ask(), "advertised");
  });
});

describe("how much", () => {
  test("--balance: shares are as the weights, and 0 takes nothing", async () => {
    const balancer = await balancerWith("--algorithm", "roundrobin", "--persistent", "off");
    await target(balancer, "one", "--balance", "1");
    await target(balancer, "three", "--balance", "3");
    await target(balancer, "none", "--balance", "0");
    const names = await balancer.answers(8);
    assert.deepEqual(names.sort(), [...Array(2).fill("one\n"), ...Array(6).fill("three\n")]);
  });
  test("--max-connections: the next one goes elsewhere, or waits", async () => {
    const balancer = await balancerWith("--persistent", "off");
    await target(balancer, "large", "--balance", "1000", "--max-connections", "1");
    await target(balancer, "small", "--balance", "1", "--max-connections", "1");
    assert.equal((await balancer.hold()).name, "large");
    const second = await balancer.hold();
    assert.equal(second.name, "small");
    const third = balancer.hold();
    await balancer.sees("waiting", 1);
    await second.connection.close();
    assert.equal((await third).name, "small");
  });
});

describe("how often, and how long", () => {
  test("--ack: reports come at least that often, though the balancer would wait longer", async () => {
    const balancer = await balancerWith("--host-timeout", "10m");
    let reported = 0;
    // Between the two, to count what the reporter says. Its answers pass as they are.
    const between = await serve(async (reporter) => {
      const admin = await dial(balancer.adminPort);
      closeLater({ close: () => admin.abort() });
      const next = lines(reporter);
      const forth = async () => {
        for (let line = await next(); line !== null; line = await next()) {
          reported++;
          await send(admin, `${line}\n`);
        }
        await admin.close();
      };
      const back = async () => {
        for (let bytes = await admin.read(); bytes; bytes = await admin.read()) await reporter.write(bytes);
      };
      await Promise.allSettled([forth(), back()]);
    });
    const { port } = await namedServer("here");
    const to = ["--host", `127.0.0.1:${between.port}`, "--port", String(port)];
    // Whoever is between could put itself in the target's place: it has to be named.
    const reporter = reporterWith(...to, "--advertise", "127.0.0.1", "--ack", "50ms");
    await soon("the registration", reporter.ready);
    const handshakeAndFirst = reported;
    await until("three further reports", () => reported >= handshakeAndFirst + 3, 4_000);
    await reporter.close();
  });
  test("--drain-timeout: how long a drain waits for open connections", async () => {
    const balancer = await balancerWith();
    const { port } = await namedServer("busy");
    const reporter = await report(balancer, port, "--drain-timeout", "150ms");
    await balancer.hold();
    const [result] = await soon("the end of the drain", reporter.drain());
    assert.equal(result?.active, 1);
    assert.equal(balancer.balancer.targets()[0]?.state, "draining");
  });
});
