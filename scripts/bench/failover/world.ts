/** Machines at one switch: two balancers, the server behind them, and the clients, which may have a router in between. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../../../test/support/folder.ts";
import { scriptCommand } from "../../../test/support/form.ts";
import { Machine } from "../../../test/support/machine.ts";
import type { Program } from "../../../test/support/program.ts";
import { until } from "../../../test/support/wait.ts";
import { root } from "../../runtimes.ts";
import type { Seen } from "./client.ts";

export const [CLIENT_PORT, SERVER_PORT, METRICS_PORT] = [3000, 9000, 9100];
export const ROUTER = "10.0.0.254";
const SERVER = "10.0.0.20";
/** Where clients come from: each connection from another address, so that none gets the port of one before that failed. */
const CLIENTS = "10.50.0.0/16";
/** ms that programs have to start. */
const PATIENCE = 60_000;

export interface Node {
  readonly machine: Machine;
  readonly address: string;
  /** The switch's end of its cable. */
  readonly end: string;
  readonly balancer: Program;
}

export interface World {
  readonly hub: Machine;
  readonly clients: Machine;
  readonly nodes: readonly Node[];
  /** Null: clients are at the switch. */
  readonly router: Machine | null;
}

/** `delay`: the balancers' stop delay. */
export async function worldOf(delay: string, routed = false): Promise<World> {
  const hub = await Machine.thatSwitches();
  const server = await Machine.withNetwork();
  server.plugInto(hub, "eth0", SERVER);
  const serving = server.run([...scriptCommand("scripts/bench/failover/server.ts"), String(SERVER_PORT)]);
  await until("the server", () => serving.stdout.includes("ready"), PATIENCE);
  const nodes = await Promise.all(["10.0.0.1", "10.0.0.2"].map((address) => nodeOf(hub, address, delay)));
  const clients = await Machine.withNetwork();
  clients.must("ip", "route", "add", "local", CLIENTS, "dev", "lo");
  if (!routed) {
    clients.plugInto(hub, "eth0", "10.0.0.10");
    for (const { machine } of nodes) machine.must("ip", "route", "add", CLIENTS, "via", "10.0.0.10");
    return { hub, clients, nodes, router: null };
  }
  const router = await Machine.withNetwork();
  router.plugInto(hub, "eth0", ROUTER);
  router.connect("clients", "10.1.0.1", clients, "eth0", "10.1.0.2");
  router.must("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
  clients.must("ip", "route", "add", "default", "via", "10.1.0.1");
  router.must("ip", "route", "add", CLIENTS, "via", "10.1.0.2");
  for (const { machine } of nodes) machine.must("ip", "route", "add", "default", "via", ROUTER);
  return { hub, clients, nodes, router };
}

async function nodeOf(hub: Machine, address: string, delay: string): Promise<Node> {
  const machine = await Machine.withNetwork();
  const end = machine.plugInto(hub, "eth0", address);
  const file = join(temporaryFolder("failover"), "balancer.toml");
  const lines = [
    `listen = [${CLIENT_PORT}]`,
    `targets = ["${SERVER}:${SERVER_PORT}"]`,
    `metrics = "[::]:${METRICS_PORT}"`,
    `stop-delay = "${delay}"`,
    'persistent = "off"',
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
  const command = [join(root, "dist/harmony-balancer"), "--config", file];
  const balancer = machine.run(command, { HARMONY_KEY: "bench:a-key-for-the-benchmark-alone" });
  await balancer.says(/^target .* is up/);
  return { machine, address, end, balancer };
}

export interface Load {
  readonly seconds: number;
  /** Connections per second. */
  readonly rate: number;
  readonly staying: number;
  /** ms that a client gives each address. */
  readonly patience: number;
}

/** Clients to these addresses. Resolves when those that stay are there: `seen` comes when all have gone. */
export async function load(
  clients: Machine,
  addresses: readonly string[],
  { seconds, rate, staying, patience }: Load,
): Promise<{ readonly seen: Promise<Seen> }> {
  const numbers = [CLIENT_PORT, seconds, rate, staying, patience].map(String);
  const program = clients.run([...scriptCommand("scripts/bench/failover/client.ts"), ...numbers, ...addresses]);
  await until("the clients", () => program.stdout.includes("ready"), PATIENCE);
  const seen = program.ended(60_000 + seconds * 1000).then(({ code }) => {
    if (code !== 0) throw new Error(`the clients ended with ${code}: ${program.stderr}`);
    return JSON.parse(program.stdout.split("\n")[1]!) as Seen;
  });
  return { seen };
}
