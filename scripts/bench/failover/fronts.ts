/** What sends clients to one balancer or the other. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../../../test/support/folder.ts";
import type { Machine } from "../../../test/support/machine.ts";
import { until } from "../../../test/support/wait.ts";
import { root } from "../../runtimes.ts";
import { METRICS_PORT, type Node, type World } from "./world.ts";

export interface Front {
  readonly name: string;
  readonly routed: boolean;
  /** Where clients connect; a client that knows several tries one after the other. */
  readonly addresses: readonly string[];
  /** Resolves when it works, to the balancer that the fault is to hit. */
  start(world: World): Promise<Node>;
}

const MOVING = "10.0.0.100";
const SHARED = "10.9.0.1";

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

export const FRONTS: readonly Front[] = [
  { name: "keepalived", routed: false, addresses: [MOVING], start: startKeepalived },
  { name: "ECMP", routed: true, addresses: [SHARED], start: startRouter },
  {
    name: "DNS, two addresses",
    routed: false,
    addresses: ["10.0.0.1", "10.0.0.2"],
    start: ({ nodes }) => Promise.resolve(nodes[0]!),
  },
];
