/**
 * `make bench-failover`: two balancers behind keepalived, behind a router with two next hops, as two addresses of a name, and behind rules as
 * kube-proxy writes them for a Service of Kubernetes, each on a machine of its own; one of them stops, is killed, loses its link or falls
 * silent. Writes for how long new connections fail, and what became of them and of those that were open, into the table of
 * docs/guides/in-front.md. As root on Linux: it takes networks of its own. RATE (100 a second), SECONDS (12), STAYING (100);
 * ONLY=keepalived and the like prints the lines of one.
 */
import { removeFolders } from "../../test/support/folder.ts";
import { noNetworks } from "../../test/support/machine.ts";
import { endPrograms, type Program } from "../../test/support/program.ts";
import { passes } from "../../test/support/wait.ts";
import { writeMeasured } from "./document.ts";
import type { Seen } from "./failover/client.ts";
import { FRONTS, type Front } from "./failover/fronts.ts";
import { load, type Node, type World, worldOf } from "./failover/world.ts";
import { requireTools } from "./tools.ts";

const [RATE, SECONDS, STAYING] = ["RATE", "SECONDS", "STAYING"].map((name, i) =>
  Number(process.env[name] || [100, 12, 100][i]),
) as [number, number, number];
const ONLY = new RegExp(process.env.ONLY ?? ".", "i");
/** ms from the first client to the fault. */
const BEFORE = 2_000;
/** ms that a client gives an address. */
const PATIENCE = 1_000;
const STOP_DELAY = "5s";

interface Fault {
  readonly name: string;
  /** Whether the machine is gone, and not only its balancer. */
  readonly isMachine: boolean;
  /** Returns when it has happened. */
  happen(node: Node, world: World): void;
}

const FAULTS: readonly Fault[] = [
  { name: `SIGTERM, stop-delay ${STOP_DELAY}`, isMachine: false, happen: ({ balancer }) => balancer.signal("SIGTERM") },
  { name: "kill -9", isMachine: false, happen: ({ balancer }) => balancer.signal("SIGKILL") },
  {
    name: "link down",
    isMachine: true,
    happen: ({ end }, { hub }) => hub.must("ip", "link", "set", "dev", end, "down"),
  },
  {
    name: "host silent",
    isMachine: true,
    happen: ({ end }, { hub }) => hub.must("ip", "link", "set", "dev", end, "nomaster"),
  },
];

async function measure(front: Front, { isMachine, happen }: Fault): Promise<string[]> {
  const balancers: Program[] = [];
  try {
    const world = await worldOf(STOP_DELAY, front.routed);
    balancers.push(...world.nodes.map(({ balancer }) => balancer));
    const node = await front.start(world);
    const seconds = SECONDS + (isMachine ? front.missed / 1000 : 0);
    const wanted = { seconds, rate: RATE, staying: STAYING, patience: PATIENCE };
    const { seen } = await load(world.clients, front.addresses, wanted);
    await passes(BEFORE);
    const at = Date.now();
    happen(node, world);
    return rowOf(await seen, at);
  } finally {
    await Promise.all(balancers.map((balancer) => balancer.kill())); // asked to stop, they would let connections finish
    await endPrograms();
    removeFolders();
  }
}

function rowOf({ visits, stayed, lost }: Seen, fault: number): string[] {
  const after = visits.filter(({ at }) => at >= fault);
  const failed = visits.filter(({ ok }) => !ok);
  const [first, last] = [failed[0], failed.at(-1)];
  const again = visits.find(({ at, ok }) => ok && last !== undefined && at > last.at);
  const gap =
    first === undefined ? "none" : again === undefined ? "the rest of the run" : secondsText(again.at - first.at);
  const slowest = Math.max(...visits.filter(({ ok }) => ok).map(({ ms }) => ms));
  return [gap, `${failed.length} of ${after.length}`, `${(slowest / 1000).toFixed(2)} s`, `${lost} of ${stayed}`];
}

function secondsText(ms: number): string {
  return ms < 100 ? "under 0.1 s" : `${(ms / 1000).toFixed(1)} s`;
}

async function main(): Promise<void> {
  if (noNetworks) throw new Error(noNetworks);
  const tools = { keepalived: "keepalived", curl: "curl", ip: "iproute2", nft: "nftables", python3: "python3-yaml" };
  requireTools({ ...tools, "dist/harmony-balancer": "make build" });
  const table: string[] = [];
  const add = (cells: readonly string[]) => {
    table.push(`| ${cells.join(" | ")} |`);
    console.log(table.at(-1));
  };
  add([
    "In front",
    "What happens",
    "No new ones for",
    "Failed of new ones",
    "Slowest that was served",
    "Open ones lost",
  ]);
  add(Array.from({ length: 6 }, () => "---"));
  for (const front of FRONTS.filter(({ name }) => ONLY.test(name))) {
    for (const fault of FAULTS) add([front.name, fault.name, ...(await measure(front, fault))]);
  }
  if (!process.env.ONLY) writeMeasured("docs/guides/in-front.md", "failover", table.join("\n"));
}

await main();
