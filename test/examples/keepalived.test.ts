/** examples/keepalived, with its own files: two balancers on networks of their own, and an address that moves from one to the other. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { root } from "../../scripts/runtimes.ts";
import { KEY } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { programCommand } from "../support/form.ts";
import { Machine, noNetworks } from "../support/machine.ts";
import { endPrograms, type Program } from "../support/program.ts";
import { until } from "../support/wait.ts";

const example = join(root, "examples/keepalived");
const ADDRESS = "10.0.0.100";
/** ms. An election takes seconds, and a busy machine its time. */
const PATIENCE = 60_000;

const tools = [
  ["keepalived", "--version"],
  ["curl", "--version"],
] as const;
const missing = tools.find(([tool, option]) => spawnSync(tool, [option]).status !== 0);
const skip = noNetworks || (missing !== undefined && `there is no ${missing[0]} here`);

after(async () => {
  await endPrograms();
  removeFolders();
});

interface Node {
  readonly machine: Machine;
  readonly balancer: Program;
  /** Starts keepalived. */
  keepalive(): Program;
  /** What its notify script has written down last; "": nothing yet. */
  noted(): string;
  hasAddress(): boolean;
}

/** The example's files, with places of this machine's in place of those that root has. */
function filesFor(machine: Machine): { readonly conf: string; readonly state: string } {
  const [conf, notify, state] = ["keepalived.conf", "harmony-notify", "state"].map((name) =>
    join(machine.home, name),
  ) as [string, string, string];
  writeFileSync(state, "");
  writeFileSync(notify, readFileSync(join(example, "harmony-notify"), "utf8").replace("/run/harmony-address", state));
  chmodSync(notify, 0o755);
  const text = readFileSync(join(example, "keepalived.conf"), "utf8");
  assert.match(text, /^ {4}enable_script_security$/m);
  // The folder of temporary files is anybody's, and keepalived would run nothing that lies there.
  const here = text.replace(/^ *enable_script_security\n/m, "").replace("/etc/keepalived/harmony-notify", notify);
  writeFileSync(conf, here);
  return { conf, state };
}

async function nodeAt(hub: Machine, address: string): Promise<Node> {
  const machine = await Machine.withNetwork();
  machine.plugInto(hub, "eth0", address);
  const file = join(temporaryFolder("keepalived"), "balancer.toml");
  copyFileSync(join(example, "balancer.toml"), file);
  const balancer = machine.run([...programCommand("harmony-balancer"), "--config", file], { HARMONY_KEY: KEY });
  await balancer.says(/^listening/);
  const { conf, state } = filesFor(machine);
  const places = ["-p", join(machine.home, "pid"), "-r", join(machine.home, "vrrp")];
  const command = ["keepalived", "--dont-fork", "--log-console", "--vrrp", "-f", conf, ...places];
  return {
    keepalive: () => machine.run(["setpriv", "--pdeathsig", "TERM", ...command]),
    machine,
    balancer,
    noted: () => readFileSync(state, "utf8").trim(),
    hasAddress: () => machine.output("ip", "-4", "address", "show", "dev", "eth0").includes(` ${ADDRESS}/`),
  };
}

describe("the example of keepalived", { skip }, () => {
  it("moves the address away from a balancer that is killed, and clients are served again", async () => {
    const hub = await Machine.thatSwitches();
    const [servers, clients] = [await Machine.withNetwork(), await Machine.withNetwork()];
    servers.plugInto(hub, "eth0", "10.0.0.20");
    clients.plugInto(hub, "eth0", "10.0.0.10");
    const [left, right] = await Promise.all([nodeAt(hub, "10.0.0.1"), nodeAt(hub, "10.0.0.2")]);

    const reporter = servers.run([...programCommand("harmony-reporter"), "--config", join(example, "reporter.toml")], {
      HARMONY_KEY: KEY,
    });
    servers.evaluate('require("http").createServer((_, answer) => answer.end("served")).listen(8080)');
    for (const { balancer } of [left, right]) await balancer.says(/^target .* is up/);
    assert.equal(reporter.exit, undefined);

    const served = () => clients.ask(`http://${ADDRESS}:3000/`).then((answer) => answer === "served");
    left.keepalive();
    await until("the first one to have the address", () => left.hasAddress() && left.noted() === "MASTER", PATIENCE);
    right.keepalive();
    await until("the second one to wait", () => right.noted() === "BACKUP", PATIENCE);
    await until("an answer", served, PATIENCE);
    assert.deepEqual([left.hasAddress(), right.hasAddress()], [true, false]);

    await left.balancer.kill();
    await until("the address to move", () => right.hasAddress() && !left.hasAddress(), PATIENCE);
    await until("both to note it", () => right.noted() === "MASTER" && left.noted() === "FAULT", PATIENCE);
    await until("an answer", served, PATIENCE);
  });
});
