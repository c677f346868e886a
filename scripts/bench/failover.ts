/**
 * `make bench-failover`: two balancers behind keepalived, behind a router with two next hops, and as two addresses of a name, each on a
 * machine of its own; one of them stops, is killed, loses its link or falls silent. Prints for how long new connections fail, and what
 * became of them and of those that were open, as the table of docs/guides/in-front.md. As root on Linux: it takes networks of its own.
 * RATE (100 a second), SECONDS (12), STAYING (100), ONLY=keepalived.
 */
import { removeFolders } from "../../test/support/folder.ts";
import { noNetworks } from "../../test/support/machine.ts";
import { endPrograms, type Program } from "../../test/support/program.ts";
import { passes } from "../../test/support/wait.ts";
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

/** Returns when it has happened. */
type Fault = (node: Node, world: World) => void;

const FAULTS: readonly (readonly [string, Fault])[] = [
  [`SIGTERM, stop-delay ${STOP_DELAY}`, ({ balancer }) => balancer.signal("SIGTERM")],
  ["kill -9", ({ balancer }) => balancer.signal("SIGKILL")],
  ["link down", ({ end }, { hub }) => hub.must("ip", "link", "set", "dev", end, "down")],
  ["host silent", ({ end }, { hub }) => hub.must("ip", "link", "set", "dev", end, "nomaster")],
];

async function measure(front: Front, fault: Fault): Promise<string[]> {
  const balancers: Program[] = [];
  try {
    const world = await worldOf(STOP_DELAY, front.routed);
    balancers.push(...world.nodes.map(({ balancer }) => balancer));
    const node = await front.start(world);
    const wanted = { seconds: SECONDS, rate: RATE, staying: STAYING, patience: PATIENCE };
    const { seen } = await load(world.clients, front.addresses, wanted);
    await passes(BEFORE);
    const at = Date.now();
    fault(node, world);
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
  requireTools({ keepalived: "keepalived", curl: "curl", ip: "iproute2", "dist/harmony-balancer": "make build" });
  console.log(
    "| In front | What happens | No new ones for | Failed of new ones | Slowest that was served | Open ones lost |",
  );
  console.log("| --- | --- | --- | --- | --- | --- |");
  for (const front of FRONTS.filter(({ name }) => ONLY.test(name))) {
    for (const [name, fault] of FAULTS) {
      console.log(`| ${[front.name, name, ...(await measure(front, fault))].join(" | ")} |`);
    }
  }
}

await main();
