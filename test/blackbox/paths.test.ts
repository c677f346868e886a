/** Ways that take a network of one's own to see: the clients' own addresses towards targets, ports that run out, data in SYNs. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type Answers, askFrom, fewPorts, serveOn } from "../support/close-first.ts";
import { KEY } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { programCommand } from "../support/form.ts";
import { Machine, noNetworks } from "../support/machine.ts";
import { endPrograms, type Program } from "../support/program.ts";

after(async () => {
  await endPrograms();
  removeFolders();
});

/** `lines`: of its file. */
async function balancerOn(machine: Machine, lines: readonly string[], target = "127.0.0.1:9000"): Promise<Program> {
  const file = join(temporaryFolder("paths"), "balancer.toml");
  const all = [`targets = ["${target}"]`, 'persistent = "off"', ...lines];
  writeFileSync(file, `${all.join("\n")}\n`);
  const command = [...programCommand("harmony-balancer"), "--config", file];
  const balancer = machine.run(command, { HARMONY_KEY: KEY });
  await balancer.says(/^target .* is up/);
  return balancer;
}

/** A line of /proc/net/netstat of a machine's network. */
async function counted(machine: Machine, name: string): Promise<number> {
  const reading = machine.run(["cat", "/proc/net/netstat"]);
  await reading.ended();
  const [names = [], values = []] = reading.stdout
    .split("\n")
    .filter((line) => line.startsWith("TcpExt:"))
    .map((line) => line.split(" "));
  return Number(values[names.indexOf(name)]);
}

describe("ports towards a target", { skip: noNetworks }, () => {
  /** What of 150 clients becomes of another machine, where there are 50 ports towards the server. */
  async function answers(...lines: string[]): Promise<Answers> {
    const { machine, clients } = await fewPorts(50);
    await serveOn(machine);
    await balancerOn(machine, ["listen = [3000]", ...lines]);
    return askFrom(clients, "10.1.0.1", 3000, 150);
  }

  it("run out where clients close first: each waits for a minute", async () => {
    const { answered } = await answers();
    assert.ok(answered <= 50, `${answered} were answered`);
  });

  it("are used again with target-close = reset", async () => {
    assert.equal((await answers('target-close = "reset"')).answered, 150);
  });

  it("are as many more as there are addresses to connect from", async () => {
    const { answered, last } = await answers('source = ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"]');
    assert.equal(answered, 150);
    assert.match(last, /^127\.0\.0\.[2345]$/);
  });
});

describe("data in SYNs", { skip: noNetworks }, () => {
  it("goes to targets whose cookie the kernel has, and is taken from clients", async () => {
    const machine = await Machine.withNetwork();
    machine.must("sh", "-c", "echo 3 > /proc/sys/net/ipv4/tcp_fastopen");
    await serveOn(machine);
    // The second balancer is the first one's target: Node's servers take no data in SYNs.
    await balancerOn(machine, ["listen = [3000]", "listen-fast-open = 100"]);
    const others = ["admin = [1667]", 'api = "off"'];
    await balancerOn(
      machine,
      ["listen = [3001]", "target-fast-open = true", 'defer-accept = "5s"', ...others],
      "127.0.0.1:3000",
    );
    assert.equal((await askFrom(machine, "127.0.0.1", 3001, 20)).answered, 20);
    assert.ok((await counted(machine, "TCPFastOpenPassive")) >= 10);
  });
});

describe("the clients' own addresses", { skip: noNetworks }, () => {
  it("are what targets see that are reached through the balancer's machine", async () => {
    const [inside, between, outside] = [
      await Machine.withNetwork(),
      await Machine.withNetwork(),
      await Machine.withNetwork(),
    ];
    between.connect("in", "10.1.0.1", inside, "eth0", "10.1.0.2");
    between.connect("out", "10.2.0.1", outside, "eth0", "10.2.0.2");
    outside.must("ip", "route", "add", "default", "via", "10.2.0.1");
    // What comes from the targets' side is for this machine, whosever address it bears.
    between.must("ip", "rule", "add", "iif", "out", "lookup", "100");
    between.must("ip", "route", "add", "local", "0.0.0.0/0", "dev", "lo", "table", "100");
    await serveOn(outside);
    await balancerOn(between, ["listen = [3000]", 'source = "client"'], "10.2.0.2:9000");
    assert.deepEqual(await askFrom(inside, "10.1.0.1", 3000, 3), { answered: 3, last: "10.1.0.2" });
  });
});

const noNft = noNetworks || (spawnSync("unshare", ["--net", "nft", "list", "ruleset"]).status !== 0 && "no nft here");

describe("a listener with listen-transparent", { skip: noNft }, () => {
  it("takes connections to other machines' addresses that a rule sends to it", async () => {
    const [router, clients] = [await Machine.withNetwork(), await Machine.withNetwork()];
    router.connect("in", "10.1.0.1", clients, "eth0", "10.1.0.2");
    clients.must("ip", "route", "add", "default", "via", "10.1.0.1");
    router.must("ip", "rule", "add", "fwmark", "1", "lookup", "100");
    router.must("ip", "route", "add", "local", "0.0.0.0/0", "dev", "lo", "table", "100");
    router.must("nft", "add table ip edge");
    router.must("nft", "add chain ip edge pre { type filter hook prerouting priority -150 ; }");
    router.must("nft", "add rule ip edge pre ip daddr 10.77.0.0/16 tcp dport 80 meta mark set 1 tproxy to :3000");
    await serveOn(router);
    await balancerOn(router, ["listen = [3000]", "listen-transparent = true"]);
    assert.equal((await askFrom(clients, "10.77.1.2", 80, 3)).answered, 3);
  });
});
