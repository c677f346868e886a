/** What sends clients to one balancer or the other. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../../../test/support/folder.ts";
import { BALANCERS, Manifest, serviceOf } from "../../../test/support/kubernetes/manifest.ts";
import { KubernetesNode } from "../../../test/support/kubernetes/node.ts";
import { MISSED } from "../../../test/support/kubernetes/times.ts";
import type { Machine } from "../../../test/support/machine.ts";
import { until } from "../../../test/support/wait.ts";
import { root } from "../../runtimes.ts";
import { METRICS_PORT, type Node, ROUTER, type World } from "./world.ts";

export interface Front {
  readonly name: string;
  readonly routed: boolean;
  /** Where clients connect; a client that knows several tries one after the other. */
  readonly addresses: readonly string[];
  /** ms that it takes at most until a machine is missed which is gone; clients come for so much longer then. */
  readonly missed: number;
  /** Resolves when it works, to the balancer that the fault is to hit. */
  start(world: World): Promise<Node>;
}

const MOVING = "10.0.0.100";
const SHARED = "10.9.0.1";
const [SERVICE, PODS] = ["10.96.0.10", "10.0.0.0/10"];

/** The example's own files, but for the notify script, which has a place of root's. */
async function startKeepalived({ nodes }: World): Promise<Node> {
  const file = join(temporaryFolder("failover"), "keepalived.conf");
  const text = readFileSync(join(root, "examples/keepalived/keepalived.conf"), "utf8");
  writeFileSync(file, text.replace(/^ *notify .*\n/m, ""));
  const [first, second] = nodes as [Node, Node];
  first.machine.run(keepalived(file, first.machine.home));
  await until("the first one to have the address", () => hasAddress(first.machine, MOVING));
  const other = second.machine.run(keepalived(file, second.machine.home));
  await until("the second one to be ready", () => other.stderr.includes("Entering BACKUP STATE"));
  return first;
}

/** It ends with what has started it. */
export function keepalived(file: string, folder: string): string[] {
  const places = ["-p", "pid", "-r", "vrrp", "-c", "checkers"].map((word, i) => (i % 2 ? join(folder, word) : word));
  return [
    "setpriv",
    "--pdeathsig",
    "TERM",
    "keepalived",
    "--dont-fork",
    "--log-console",
    "--vrrp",
    "-f",
    file,
    ...places,
  ];
}

export function hasAddress(machine: Machine, address: string): boolean {
  return machine.output("ip", "-4", "-brief", "address", "show").includes(`${address}/`);
}

async function startRouter({ nodes, router }: World): Promise<Node> {
  for (const { machine } of nodes) machine.must("ip", "address", "add", `${SHARED}/32`, "dev", "lo");
  const script = join(root, "examples/ecmp/next-hops");
  const arguments_ = [SHARED, "eth0", String(METRICS_PORT), ...nodes.map(({ address }) => address)];
  const program = router!.run([script, ...arguments_]);
  await until("two next hops", () => /^next hops:( \S+){2}$/m.test(program.stdout));
  return nodes[0]!;
}

/**
 * The router is the clients' node, and each balancer's machine a node with its pod. That a balancer is to stop shows in its probe alone: a pod
 * that is deleted is out sooner.
 */
async function startService({ nodes, router }: World): Promise<Node> {
  const manifest = Manifest.read(BALANCERS);
  const service = serviceOf(manifest, SERVICE, PODS, []);
  const front = await KubernetesNode.start(router!, ROUTER, service, manifest.probe);
  for (const { machine, address } of nodes) front.kubelet(machine, address);
  await front.has(nodes.map(({ address }) => address));
  return nodes[0]!;
}

export const FRONTS: readonly Front[] = [
  { name: "keepalived", routed: false, addresses: [MOVING], missed: 0, start: startKeepalived },
  { name: "ECMP", routed: true, addresses: [SHARED], missed: 0, start: startRouter },
  {
    name: "DNS, two addresses",
    routed: false,
    addresses: ["10.0.0.1", "10.0.0.2"],
    missed: 0,
    start: ({ nodes }) => Promise.resolve(nodes[0]!),
  },
  { name: "Kubernetes' rules", routed: true, addresses: [SERVICE], missed: MISSED, start: startService },
];
