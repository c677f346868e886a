/**
 * The manifest of two balancers behind a Service, on machines of their own: its configuration, probes and Redis, and on a node of the clients
 * rules as kube-proxy writes them. What becomes of clients where a balancer's pod is deleted, and where its balancer is killed.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { KEY } from "../support/cluster.ts";
import { removeFolders } from "../support/folder.ts";
import { programCommand, scriptCommand } from "../support/form.ts";
import { starts, untilSlowly, Visitors } from "../support/group-network/network.ts";
import type { Plan } from "../support/group-network/visitors-program.ts";
import { BALANCERS, environmentOf, Manifest, OUTSIDE, serviceOf } from "../support/kubernetes/manifest.ts";
import { KubernetesNode, noServices } from "../support/kubernetes/node.ts";
import { Machine } from "../support/machine.ts";
import { endPrograms, type Program } from "../support/program.ts";
import { noRedis } from "../support/redis.ts";
import { until } from "../support/wait.ts";

const [NODE, REDIS] = ["10.0.0.254", "10.0.0.9"];
const SERVICE = "10.96.0.10";
/** Pods of balancers, clients and servers; with the addresses that clients have besides. */
const PODS = "10.0.0.0/10";
const [CLUSTER, LOCAL] = ["192.0.2.1", "192.0.2.2"];
/** Where clients outside of the cluster are. */
const WORLD = "198.51.100";
const TARGETS = ["t1", "t2", "t3", "t4"];
const SECRETS = { "harmony-key/key": KEY, "harmony-redis/password": "a-password-for-this-test-alone" };
/** Each comes twice a second. */
const [CLIENTS, RATE] = [100, 200];
const STAYING = 30;
/** ms that a client waits for an answer, on a busy machine. */
const PATIENCE_MS = 8_000;
/** ms that programs have to start. */
const PATIENCE = 60_000;

interface Pod {
  readonly machine: Machine;
  readonly address: string;
  readonly balancer: Program;
  readonly kubelet: Program;
}

const manifest = noServices === false ? Manifest.read(BALANCERS) : null!;

describe("balancers behind a Service", { skip: noServices || noRedis }, () => {
  let [hub, clients]: Machine[] = [];
  let node: KubernetesNode;
  let visitors: Visitors;
  const pods: Pod[] = [];

  before(async () => {
    const [router, servers] = await startMachines();
    const { externalTrafficPolicy } = Manifest.read(OUTSIDE).service("harmony-balancer-outside");
    const service = serviceOf(manifest, SERVICE, PODS, [
      { address: CLUSTER, policy: "Cluster" },
      { address: LOCAL, policy: externalTrafficPolicy! },
    ]);
    node = await KubernetesNode.start(router, NODE, service, manifest.probe);
    await startRedis();
    pods.push(...(await Promise.all(Array.from({ length: manifest.balancers.replicas }, (_, n) => startPod(n + 1)))));
    await node.has(addressesOf(pods));
    await startServers(servers);
    for (const { balancer } of pods) await knowsTargets(balancer);
    visitors = await startVisitors();
  });

  after(async () => {
    await Promise.all(pods.map(({ balancer }) => balancer.kill())); // asked to stop, they would take their delay
    await endPrograms();
    removeFolders();
  });

  /** The node of the clients, over which all others reach each other, and the servers' machine. */
  async function startMachines(): Promise<[router: Machine, servers: Machine]> {
    hub = await Machine.thatSwitches();
    const [router, servers] = [await Machine.withNetwork(), await Machine.withNetwork()];
    clients = await Machine.withNetwork();
    router.plugInto(hub, "eth0", NODE);
    connect(router, "clients", "10.1.0", clients);
    connect(router, "servers", "10.2.0", servers);
    for (const others of ["10.50.0.0/16", `${WORLD}.0/24`]) {
      clients.must("ip", "route", "add", "local", others, "dev", "lo");
      router.must("ip", "route", "add", others, "via", "10.1.0.2");
    }
    return [router, servers];
  }

  async function startRedis(): Promise<void> {
    const machine = await Machine.withNetwork();
    machine.plugInto(hub!, "eth0", REDIS);
    const [container] = manifest.redis.template.spec.containers;
    const redis = machine.run(container.command!, environmentOf(container, SECRETS));
    await until("Redis", () => redis.stdout.includes("Ready to accept connections"), PATIENCE);
  }

  async function startPod(n: number): Promise<Pod> {
    const [machine, address] = [await Machine.withNetwork(), `10.0.0.${n}`];
    machine.plugInto(hub!, "eth0", address);
    machine.must("ip", "route", "add", "default", "via", NODE);
    const [container] = manifest.balancers.template.spec.containers;
    const file = join(machine.home, "balancer.toml");
    writeFileSync(file, manifest.configuration.replace("//harmony-redis:", `//${REDIS}:`)); // there is no DNS
    const args = container.args!.map((word) => word.replace("/etc/harmony/balancer.toml", file));
    const command = [...programCommand("harmony-balancer"), ...args];
    const balancer = machine.run(command, environmentOf(container, SECRETS));
    await balancer.says(/^the group at .* is reached/);
    await balancer.says(/^listening/);
    return { machine, address, balancer, kubelet: node.kubelet(machine, address) };
  }

  /** Their reporter knows the Service alone, and so one of the balancers. */
  async function startServers(machine: Machine): Promise<void> {
    const places = TARGETS.map((id, n) => [id, String(9000 + n)] as const);
    const program = scriptCommand("test/support/group-network/gauged-program.ts");
    await starts(machine.run([...program, ...places.map((place) => place.join(":"))], {}, { stdin: true }));
    const file = join(machine.home, "reporter.toml");
    writeFileSync(
      file,
      places.map(([id, port]) => `[[target]]\npool = "web"\nid = "${id}"\nport = ${port}\n`).join(""),
    );
    const command = [...programCommand("harmony-reporter"), "--config", file, "--host", SERVICE];
    machine.run(command, { HARMONY_KEY: KEY });
  }

  async function startVisitors(): Promise<Visitors> {
    const plan: Plan = {
      ...{ clients: CLIENTS, rate: RATE, patience: PATIENCE_MS, staying: STAYING },
      ...{ hosts: [SERVICE], hashPort: null, stickyPort: 3000 },
    };
    const command = [...scriptCommand("test/support/group-network/visitors-program.ts"), JSON.stringify(plan)];
    const started = new Visitors(clients!.run(command, {}, { stdin: true }));
    await started.start();
    return started;
  }

  async function metric({ address }: Pod, name: string): Promise<number> {
    const text = await clients!.ask(`http://${address}:9100/metrics`);
    return Number(new RegExp(`^${name}\\{pool="web"\\} (\\d+)`, "m").exec(text)![1]);
  }

  const each = (name: string) => Promise.all(pods.map((pod) => metric(pod, name)));

  it("serve a client with the same target, whichever its connection comes to", async () => {
    await visitors.go();
    await visitors.all();
    await visitors.pause();
    const areKnown = (bindings: readonly number[]) => bindings.every((count) => count === CLIENTS + STAYING);
    await untilSlowly("both to know each client", async () => areKnown(await each("harmony_pool_bindings")), PATIENCE);
    const before = await each("harmony_pool_connections_total");
    await visitors.go();
    await visitors.all();
    const seen = await visitors.all();
    const after = await each("harmony_pool_connections_total");
    for (const [n, { address }] of pods.entries()) {
      const share = (after[n]! - before[n]!) / (2 * CLIENTS);
      assert.ok(share > 0.2, `${address} has served ${share} of them`);
    }
    assert.deepEqual([seen.failed, seen.moved], [[], []]);
  });

  it("lose no connection and fail no client where a pod is deleted", async (t) => {
    const [pod, ...others] = pods as [Pod, ...Pod[]];
    await visitors.go();
    node.delete(pod.address);
    pod.balancer.signal("SIGTERM");
    const at = Date.now();
    const out = await node.has(addressesOf(others));
    t.diagnostic(`no endpoint ${out - at} ms after it was deleted`);
    const another = await startPod(pods.length + 1);
    await until("the end of its delay", () => !pod.machine.output("ss", "-ltn").includes(":3000 "));
    await visitors.all();
    const seen = await visitors.pause();
    assert.deepEqual([seen.failed, seen.moved, seen.lost], [[], [], 0]);

    await visitors.alone();
    assert.deepEqual(await pod.balancer.ended(), { code: 0, signal: null });
    await pod.kubelet.kill();
    pods.splice(0, 1, another);
    await node.has(addressesOf(pods));
  });

  it("fail those clients alone where a balancer is killed that come to it before its probe does", async (t) => {
    const [killed, ...others] = pods as [Pod, ...Pod[]];
    await visitors.go();
    const at = Date.now();
    await killed.balancer.kill();
    const out = await node.has(addressesOf(others));
    await visitors.all();
    const { failed, moved } = await visitors.pause();
    t.diagnostic(`no endpoint ${out - at} ms after it was killed; ${failed.length} failed meanwhile`);
    assert.ok(failed.length > 0);
    assert.deepEqual([failed.filter((visit) => visit.at > out), moved], [[], []]);
  });

  it("see a client from outside by its own address, or by its node's", async () => {
    const [own, nodes] = [await targetsOf(LOCAL), await targetsOf(CLUSTER)];
    assert.ok(own.size > 1, "each client has a target of its own");
    assert.equal(nodes.size, 1, "all have the one of their node");
  });

  /** Of twenty clients outside. */
  async function targetsOf(address: string): Promise<Set<string>> {
    const program = clients!.evaluate(`
      for (let n = 1; n <= 20; n++) {
        const socket = require("net").connect({ host: "${address}", port: 3000, localAddress: "${WORLD}." + n });
        socket.on("data", (name) => console.log(String(name).trim()));
        socket.write("ask");
      }`);
    assert.deepEqual(await program.ended(), { code: 0, signal: null }, program.stderr);
    const names = program.stdout.trim().split("\n");
    assert.equal(names.length, 20);
    return new Set(names);
  }
});

function addressesOf(pods: readonly Pod[]): string[] {
  return pods.map(({ address }) => address);
}

async function knowsTargets(balancer: Program): Promise<void> {
  for (const id of TARGETS) await balancer.says(new RegExp(`^target \\S+/${id} is up`));
}

/** A machine of the node's own, whose way to all others leads over it. */
function connect(router: Machine, card: string, network: string, machine: Machine): void {
  router.connect(card, `${network}.1`, machine, "eth0", `${network}.2`);
  machine.must("ip", "route", "add", "default", "via", `${network}.1`);
}
