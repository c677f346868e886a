/**
 * examples/two-machines, with its configuration files: where the tests may make networks (root on Linux), each machine has one
 * of its own, with a cable between them. Elsewhere both are addresses of this machine.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { root } from "../../scripts/runtimes.ts";
import { portsOf } from "../support/cluster.ts";
import { removeFolders } from "../support/folder.ts";
import { programCommand, scriptCommand } from "../support/form.ts";
import { httpGet } from "../support/http.ts";
import { installed } from "../support/installed.ts";
import { Machine, noNetworks } from "../support/machine.ts";
import { freePorts } from "../support/ports.ts";
import { endPrograms } from "../support/program.ts";
import { until } from "../support/wait.ts";

const example = join(root, "examples/two-machines");
const server = scriptCommand("examples/wrapped-server/server.mjs");

after(async () => {
  await endPrograms();
  removeFolders();
});

const configured = (name: "balancer" | "reporter") => [
  ...programCommand(`harmony-${name}`),
  "--config",
  join(example, `${name}.toml`),
];

describe("the example of two machines", () => {
  it("works as it stands, on two networks", {
    skip: noNetworks || installed,
  }, async () => {
    const [balancerAddress, serverAddress] = ["10.0.0.1", "10.0.0.2"];
    const [left, right] = [await Machine.withNetwork(), await Machine.withNetwork()];
    left.connect("left", balancerAddress, right, "right", serverAddress);

    const balancer = left.run(configured("balancer"));
    await balancer.says(/^listening for clients on \[::\]:3000 and for reporters on \[::\]:1666/);
    const invite = left.run([...programCommand("harmony-balancer"), "invite", "web-1", "--port", "8080"]);
    assert.deepEqual(await invite.ended(), { code: 0, signal: null }, invite.stderr);
    const joined = right.run([...programCommand("harmony-reporter"), "join", balancerAddress, invite.stdout.trim()]);
    assert.deepEqual(await joined.ended(), { code: 0, signal: null }, joined.stderr);
    const served = right.run(server);
    await until("the server", () => served.stdout.includes("serving"));
    const reporter = right.run(configured("reporter"), { HARMONY_HOST: balancerAddress });
    await reporter.says(/^registered with 10\.0\.0\.1:1666 as default\/10\.0\.0\.2:8080$/);

    assert.equal(await right.ask(`http://${balancerAddress}:3000/`), "served on port 8080");
    assert.deepEqual(await reporter.stop(), { code: 0, signal: null });
    await balancer.says(/^target default\/10\.0\.0\.2:8080 has left: its reporter said goodbye$/);
    assert.deepEqual(await balancer.stop(), { code: 0, signal: null });
  });

  it("works on two addresses of one machine, with ports from the environment", { skip: installed }, async () => {
    const [left, right] = [Machine.withoutNetwork(), Machine.withoutNetwork()];
    const places = { HARMONY_LISTEN: "127.0.0.1:0", HARMONY_ADMIN: "127.0.0.1:0", APPDATA: left.home };
    const balancer = left.run(configured("balancer"), places);
    const { port, adminPort } = portsOf(await balancer.says(/^listening/));
    left.giveLeave("advertise=127.0.0.2");
    left.copyKeyTo(right);
    const [serverPort] = await freePorts(1);
    right.run(server, { PORT: String(serverPort) });
    const reporter = right.run(configured("reporter"), {
      HARMONY_HOST: `127.0.0.1:${adminPort}`,
      HARMONY_PORT: String(serverPort),
      APPDATA: right.home,
      // All of 127.0.0.0/8 is this machine on Linux alone.
      ...(process.platform === "linux" && { HARMONY_ADVERTISE: "127.0.0.2" }),
    });
    const { message } = await reporter.says(/^registered/);
    if (process.platform === "linux") assert.ok(message.endsWith(` as default/127.0.0.2:${serverPort}`), message);
    await until("an answer", () => httpGet(port, "/").catch(() => null));
    assert.equal(await httpGet(port, "/"), `served on port ${serverPort}\n`);
  });
});
