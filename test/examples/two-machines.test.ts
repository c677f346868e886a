/**
 * examples/two-machines, with its configuration files: where the tests may make networks (root on Linux), each machine has one
 * of its own, with a cable between them. Elsewhere both are addresses of this machine.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { root } from "../../scripts/runtimes.ts";
import { portsOf } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { programCommand, scriptCommand } from "../support/form.ts";
import { httpGet } from "../support/http.ts";
import { freePorts } from "../support/ports.ts";
import { endPrograms, Program } from "../support/program.ts";
import { until } from "../support/wait.ts";

const example = join(root, "examples/two-machines");
const server = scriptCommand("examples/wrapped-server/server.mjs");

after(async () => {
  await endPrograms();
  removeFolders();
});

/** A machine: a network that ends with the process that holds it, and a home. */
class Machine {
  readonly home = temporaryFolder("home");
  readonly #inside: readonly string[];

  private constructor(inside: readonly string[]) {
    this.#inside = inside;
  }

  static withoutNetwork(): Machine {
    return new Machine([]);
  }

  /** `connect` is given what runs a command in the new network, and its name for `ip link`. */
  static async withNetwork(connect: (inside: readonly string[], pid: string) => void): Promise<Machine> {
    const holder = new Program(["unshare", "--net", "sh", "-c", "echo ready; exec sleep infinity"]);
    await until("a network", () => holder.stdout.includes("ready"));
    const pid = String(holder.pid);
    const inside = ["nsenter", "--net", "--target", pid, "--"];
    connect(inside, pid);
    return new Machine(inside);
  }

  run(command: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
    const own = { XDG_CONFIG_HOME: this.home, HOME: this.home };
    return new Program([...this.#inside, ...command], { env: { ...own, HARMONY_LOG_FORMAT: "json", ...env } });
  }

  /** Its key allows that a target is at this address from now on. */
  letAdvertise(address: string): void {
    const path = join(this.home, "harmony/key");
    writeFileSync(path, readFileSync(path, "utf8").replace(/\n$/, ` advertise=${address}\n`));
  }

  /** As the balancer's log says it is to be done. */
  copyKeyTo(other: Machine): void {
    mkdirSync(join(other.home, "harmony"), { mode: 0o700 });
    cpSync(join(this.home, "harmony/key"), join(other.home, "harmony/key"), { preserveTimestamps: true });
  }
}

const configured = (name: "balancer" | "reporter") => [
  ...programCommand(`harmony-${name}`),
  "--config",
  join(example, `${name}.toml`),
];

function must(command: readonly string[]): void {
  const { status, stderr } = spawnSync(command[0]!, command.slice(1), { encoding: "utf8" });
  assert.equal(status, 0, `${command.join(" ")}: ${stderr}`);
}

const canMakeNetworks =
  process.platform === "linux" &&
  process.getuid?.() === 0 &&
  spawnSync("unshare", ["--net", "ip", "link", "add", "name", "left", "type", "veth", "peer", "name", "right"])
    .status === 0;

describe("the example of two machines", () => {
  it("works as it stands, on two networks", {
    skip: !canMakeNetworks && "only root on Linux can make networks",
  }, async () => {
    const [balancerAddress, serverAddress] = ["10.0.0.1", "10.0.0.2"];
    const up = (inside: readonly string[], card: string, address: string) => {
      must([...inside, "ip", "address", "add", `${address}/24`, "dev", card]);
      for (const each of [card, "lo"]) must([...inside, "ip", "link", "set", each, "up"]);
    };
    let balancerInside: readonly string[] = [];
    const left = await Machine.withNetwork((inside) => {
      balancerInside = inside;
    });
    const right = await Machine.withNetwork((inside, pid) => {
      must([
        ...balancerInside,
        "ip",
        "link",
        "add",
        "name",
        "left",
        "type",
        "veth",
        "peer",
        "name",
        "right",
        "netns",
        pid,
      ]);
      up(balancerInside, "left", balancerAddress!);
      up(inside, "right", serverAddress!);
    });

    const balancer = left.run(configured("balancer"));
    await balancer.says(/^created key file/);
    await balancer.says(/^listening for clients on \[::\]:3000 and for reporters on \[::\]:1666/);
    left.copyKeyTo(right);
    right.run(server);
    const reporter = right.run(configured("reporter"), { HARMONY_HOST: balancerAddress! });
    await reporter.says(/^registered with 10\.0\.0\.1:1666 as default\/10\.0\.0\.2:8080$/);

    const asked = `fetch("http://${balancerAddress}:3000/").then((answer) => answer.text()).then((text) => console.log(text))`;
    const eval_ = "deno" in process.versions ? ["eval", asked] : ["-e", asked];
    const client = right.run([process.execPath, ...eval_]);
    assert.deepEqual(await client.ended(), { code: 0, signal: null }, client.stderr);
    assert.equal(client.stdout.trim(), "served on port 8080");
    assert.deepEqual(await reporter.stop(), { code: 0, signal: null });
    await balancer.says(/^target default\/10\.0\.0\.2:8080 has left: its reporter said goodbye$/);
    assert.deepEqual(await balancer.stop(), { code: 0, signal: null });
  });

  it("works on two addresses of one machine, with ports from the environment", async () => {
    const [left, right] = [Machine.withoutNetwork(), Machine.withoutNetwork()];
    const places = { HARMONY_LISTEN: "127.0.0.1:0", HARMONY_ADMIN: "127.0.0.1:0", APPDATA: left.home };
    const balancer = left.run(configured("balancer"), places);
    const { port, adminPort } = portsOf(await balancer.says(/^listening/));
    left.letAdvertise("127.0.0.2");
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
