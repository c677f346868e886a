/** examples/ecmp, as it stands: a router with two ways to an address that two balancers have. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { root } from "../../scripts/runtimes.ts";
import { KEY } from "../support/cluster.ts";
import { removeFolders } from "../support/folder.ts";
import { programCommand } from "../support/form.ts";
import { Machine, noNetworks } from "../support/machine.ts";
import { endPrograms, type Program } from "../support/program.ts";
import { until } from "../support/wait.ts";

const [ADDRESS, ROUTER, SERVER] = ["10.9.0.1", "10.0.0.254", "10.0.0.20"];
const BALANCERS = ["10.0.0.1", "10.0.0.2"];
/** ms: the script asks each second, and a busy machine answers late. */
const PATIENCE = 60_000;

after(async () => {
  await endPrograms();
  removeFolders();
});

/** Why the router cannot have a group of next hops, or false. */
function lack(): string | false {
  if (noNetworks !== false) return noNetworks;
  if (spawnSync("curl", ["--version"]).status !== 0) return "there is no curl here";
  const tried =
    "ip link set lo up && ip nexthop add id 1 blackhole && ip link add name a type veth peer name b && ip link set dev a up && ip link set dev b up && " +
    "ip nexthop add id 2 dev a && ip nexthop add id 3 group 2 type resilient buckets 8";
  return spawnSync("unshare", ["--net", "sh", "-c", tried]).status !== 0 && "this kernel has no resilient groups";
}

async function balancerAt(hub: Machine, address: string): Promise<Program> {
  const machine = await Machine.withNetwork();
  machine.plugInto(hub, "eth0", address);
  machine.must("ip", "address", "add", `${ADDRESS}/32`, "dev", "lo");
  machine.must("ip", "route", "add", "default", "via", ROUTER);
  const command = [...programCommand("harmony-balancer"), "--listen", "3000", "--metrics", "[::]:9100"];
  const balancer = machine.run(command, { HARMONY_KEY: KEY });
  await balancer.says(/^listening/);
  return balancer;
}

describe("the example of a router with two ways", { skip: lack() }, () => {
  it("sends clients to both balancers, and to the other one when one is killed", async () => {
    const [hub, router, servers, clients] = [
      await Machine.thatSwitches(),
      await Machine.withNetwork(),
      await Machine.withNetwork(),
      await Machine.withNetwork(),
    ];
    servers.plugInto(hub, "eth0", SERVER);
    router.plugInto(hub, "eth0", ROUTER);
    router.connect("clients", "10.1.0.1", clients, "eth0", "10.1.0.2");
    router.must("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
    clients.must("ip", "route", "add", "default", "via", "10.1.0.1");

    const balancers = await Promise.all(BALANCERS.map((address) => balancerAt(hub, address)));
    servers.evaluate('require("http").createServer((_, answer) => answer.end("served")).listen(8080)');
    const hosts = BALANCERS.flatMap((address) => ["--host", address]);
    servers.run([...programCommand("harmony-reporter"), ...hosts, "--port", "8080"], { HARMONY_KEY: KEY });
    for (const balancer of balancers) await balancer.says(/^target .* is up/);

    const hops = router.run([join(root, "examples/ecmp/next-hops"), ADDRESS, "eth0", "9100", ...BALANCERS]);
    const last = () => hops.stdout.trim().split("\n").at(-1);
    const becomes = (line: string) => until(line, () => last() === line, PATIENCE);
    await becomes(`next hops: ${BALANCERS.join(" ")}`);
    const served = () => clients.ask(`http://${ADDRESS}:3000/`).then((answer) => answer === "served");
    await until("an answer", served, PATIENCE);

    await balancers[0]!.kill();
    await becomes(`next hops: ${BALANCERS[1]}`);
    assert.ok(await served(), "by the one that is left");
    assert.ok(await served(), "whatever port the client has");
  });
});
