/**
 * `make bench-rolling`: connections come to three balancers of a group, so many a second (RATE=5000), each with an answer of its own, while all
 * targets (TARGETS=6) are restarted one after the other by their reporters, which drain first. Says how many failed: none may. The servers end at
 * once when they are told to, whoever waits there. With cc and redis-server on Linux: half a minute.
 */
import { spawnSync } from "node:child_process";
import { loadavg } from "node:os";
import { join } from "node:path";
import { removeFolders, temporaryFolder } from "../../test/support/folder.ts";
import { freePorts } from "../../test/support/ports.ts";
import { endPrograms, Program } from "../../test/support/program.ts";
import { endRedis, noRedis, RedisServer } from "../../test/support/redis.ts";
import { passes, until } from "../../test/support/wait.ts";
import { root } from "../runtimes.ts";
import { cpuMicros, tree } from "./process.ts";
import { requireTools } from "./tools.ts";

const RATE = Number(process.env.RATE || 5_000);
const TARGETS = Number(process.env.TARGETS || 6);
const BALANCERS = 3;
const KEY = "bench:a-key-for-the-benchmark-alone";
/** ms that programs have to start, to drain and to end, on a busy machine. */
const PATIENCE = 60_000;
/** ms between two restarts. */
const PAUSE = 500;

interface Seen {
  readonly seconds: number;
  readonly answered: number;
  readonly failed: number;
  readonly slowest: number;
  readonly reasons: Readonly<Record<string, number>>;
}

function build(): string {
  const program = join(temporaryFolder("rolling"), "churn");
  const { status, stderr } = spawnSync("cc", ["-O2", "-o", program, join(root, "scripts/bench/rolling/churn.c")]);
  if (status !== 0) throw new Error(`churn.c cannot be compiled: ${stderr}`);
  return program;
}

async function logged(program: Program, pattern: RegExp): Promise<void> {
  const isDone = () => program.exit !== undefined || program.log.some(({ message }) => pattern.test(message));
  await until(String(pattern), isDone, PATIENCE).catch((error: Error) => {
    throw new Error(`${error.message}: ${program.stderr}`);
  });
  if (program.exit) throw new Error(`a program has ended: ${program.stderr}`);
}

async function balancerAt([port, adminPort]: readonly [number, number], redis: RedisServer): Promise<Program> {
  const places = ["--listen", `127.0.0.1:${port}`, "--admin", `127.0.0.1:${adminPort}`];
  const group = ["--group", `unix://${redis.socket}`, "--persistent", "off"];
  const env = { HARMONY_KEY: KEY, HARMONY_LOG_FORMAT: "json" };
  const balancer = new Program([join(root, "dist/harmony-balancer"), ...places, ...group], { env });
  await logged(balancer, /^listening/);
  return balancer;
}

/** A server with its reporter around it, once a balancer has taken it in. */
async function targetAt(port: number, churn: string, adminPorts: readonly number[]): Promise<Program> {
  const hosts = adminPorts.flatMap((each) => ["--host", `127.0.0.1:${each}`]);
  const command = [join(root, "dist/harmony-reporter"), ...hosts, "--port", String(port)];
  const env = { HARMONY_KEY: KEY, HARMONY_LOG_FORMAT: "json" };
  const reporter = new Program([...command, "--", churn, "serve", String(port)], { env });
  await logged(reporter, /registered/i);
  return reporter;
}

async function restart(reporters: Program[], start: (n: number) => Promise<Program>): Promise<void> {
  for (const [n, reporter] of reporters.entries()) {
    reporter.signal("SIGTERM");
    await reporter.ended(PATIENCE);
    reporters[n] = await start(n);
    await passes(PAUSE);
  }
}

async function main(): Promise<boolean> {
  requireTools({ cc: "gcc libc6-dev", "redis-server": "redis-server", "dist/harmony-balancer": "make build" });
  if (noRedis) throw new Error(noRedis);
  const churn = build();
  const redis = await RedisServer.start();
  const ports = await freePorts(2 * BALANCERS + TARGETS);
  const places = Array.from({ length: BALANCERS }, (_, n) => [ports[2 * n]!, ports[2 * n + 1]!] as const);
  const balancers = await Promise.all(places.map((place) => balancerAt(place, redis)));
  const adminPorts = places.map(([, adminPort]) => adminPort);
  // Each speaks to two of the balancers: the third one knows of it from those.
  const start = (n: number) =>
    targetAt(ports[2 * BALANCERS + n]!, churn, [adminPorts[n % BALANCERS]!, adminPorts[(n + 1) % BALANCERS]!]);
  const reporters = await Promise.all(Array.from({ length: TARGETS }, (_, n) => start(n)));
  await passes(2_000); // all balancers know all of them

  const load = new Program([churn, "load", String(RATE), ...places.map(([port]) => String(port))]);
  const pids = balancers.flatMap(({ pid }) => tree(pid));
  const [begun, before] = [performance.now(), cpuMicros(pids)];
  await passes(1_000);
  await restart(reporters, start);
  const busy = (cpuMicros(pids) - before) / 1_000 / (performance.now() - begun);
  load.signal("SIGTERM");
  const { code } = await load.ended(PATIENCE);
  if (code !== 0) throw new Error(`the clients have ended: ${load.stderr}`);
  const { seconds, answered, failed, slowest, reasons } = load.printed[0] as Seen;
  const rate = ((answered + failed) / seconds).toFixed(0);
  console.log(
    `${TARGETS} targets were restarted one after the other, within ${seconds} s: ${rate} connections a second`,
  );
  console.log(
    `over ${BALANCERS} balancers, of which ${answered} were answered and ${failed} failed ${JSON.stringify(reasons)}.`,
  );
  console.log(
    `The slowest took ${slowest} s. The balancers took ${(busy * 100).toFixed(0)} % of a core, all together;`,
  );
  console.log(`on average ${loadavg()[0]!.toFixed(1)} threads of this machine were ready to run.`);
  return failed === 0;
}

const isGood = await main().finally(async () => {
  await endPrograms();
  await endRedis();
  removeFolders();
});
process.exitCode = isGood ? 0 : 1;
