/**
 * `make bench`: HAProxy, nginx stream and every form of Harmony in front of one nginx backend, in alternating rounds.
 * Prints a table with ratios and writes dist/bench.json. Nothing else should run on the machine.
 *
 *   ROUNDS=5 SECONDS=3 ONLY=regexp MEASURES=connections,requests,bulk,idle,latency,threads
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import { countInstructions, missingCounters } from "./counters.ts";
import {
  BACKEND_PORT,
  backendConfig,
  bulkFile,
  type Form,
  forms,
  HAPROXY,
  reporterCommand,
  threadForms,
} from "./forms.ts";
import { bulk, fixedRate, idle, type Outcome, wrk } from "./load.ts";
import { accepts, cpuMicros, delay, hardDescriptorLimit, memory, type Running, start, stop, tree } from "./process.ts";
import { type Measure, type Measured, percentile, table } from "./report.ts";
import { requireTools } from "./tools.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SECONDS = Number(process.env.SECONDS ?? 3);
/** 10,000, or what the hard descriptor limit leaves: a balancer needs two descriptors a connection. */
const IDLE_CONNECTIONS = Math.min(10_000, Math.floor((hardDescriptorLimit() - 1000) / 2));
const RATE = 2000; // requests per second that every form sustains on two cores with room to spare
const STREAM_BYTES = 1 << 30;
const WANTED = (process.env.MEASURES ?? "connections,requests,bulk,idle,latency,threads").split(",");
const ONLY = new RegExp(process.env.ONLY ?? ".", "i");

const MEASURES: readonly Measure[] = [
  { key: "connectionInstructionsUser", title: "Instructions per new connection, user", unit: "count" },
  { key: "connectionInstructionsKernel", title: "Instructions per new connection, kernel", unit: "count" },
  { key: "connectionInstructions", title: "Instructions per new connection", unit: "count" },
  { key: "connectionCpu", title: "CPU per new connection (connect, one request, close)", unit: "µs" },
  { key: "requestInstructions", title: "Instructions per keep-alive request", unit: "count" },
  { key: "requestCpu", title: "CPU per keep-alive request", unit: "µs" },
  { key: "bulk1", title: "CPU per GB, one bulk stream", unit: "ms" },
  { key: "bulk64", title: "CPU per GB, 64 bulk streams", unit: "ms" },
  { key: "idleMemory", title: `User memory per idle connection, at ${IDLE_CONNECTIONS}`, unit: "bytes" },
  { key: "restMemory", title: "Resident memory at rest", unit: "MiB" },
  { key: "idleCpu", title: `CPU of ${IDLE_CONNECTIONS} idle connections`, unit: "% of a core", noRatio: true },
  { key: "p50", title: `Latency at ${RATE} requests/s, p50`, unit: "µs" },
  { key: "p99", title: `Latency at ${RATE} requests/s, p99`, unit: "µs" },
  { key: "p999", title: `Latency at ${RATE} requests/s, p99.9`, unit: "µs" },
  { key: "start", title: "From exec to the first accepted connection", unit: "s" },
  { key: "throughput", title: "New connections per second", unit: "1/s" },
  { key: "errors", title: "Failed requests", unit: "count", noRatio: true },
];

interface Subject {
  readonly form: Form;
  readonly balancer: Running;
  readonly reporter: Running | null;
  readonly values: Record<string, number[]>;
}

const noCounters = missingCounters();

async function main(): Promise<void> {
  requireTools({
    [HAPROXY]: "haproxy",
    nginx: "nginx libnginx-mod-stream",
    wrk: "wrk",
    h2load: "nghttp2-client",
    curl: "curl",
  });
  const folder = mkdtempSync(join(tmpdir(), "harmony-bench-"));
  chmodSync(folder, 0o755); // nginx's workers run as another user
  bulkFile(folder);
  const backend = await start(["nginx", "-e", `${folder}/backend.log`, "-c", backendConfig(folder)], {}, BACKEND_PORT);
  try {
    const single = await compare(
      forms(folder),
      folder,
      WANTED.filter((name) => name !== "threads"),
    );
    console.log(table(MEASURES, single, ["HAProxy", "HAProxy, splice", "nginx stream"]));
    const threads = WANTED.includes("threads")
      ? await compare(threadForms(folder), folder, ["connections", "requests"])
      : [];
    if (threads.length > 0)
      console.log(`\nOne thread against two${table(MEASURES, threads, ["HAProxy, 1 thread", "HAProxy, 2 threads"])}`);
    mkdirSync("dist", { recursive: true });
    const machine = {
      cpu: cpus()[0]?.model,
      processors: cpus().length,
      kernel: release(),
      counters: noCounters ?? "perf stat",
    };
    writeFileSync(
      "dist/bench.json",
      JSON.stringify({ machine, rounds: ROUNDS, seconds: SECONDS, single, threads }, null, 2),
    );
    console.log(
      `\n${ROUNDS} alternating rounds, medians, ± half the range. Instruction counts: ${noCounters ?? "perf stat"}. All values: dist/bench.json`,
    );
  } finally {
    await stop(backend);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function compare(all: readonly Form[], folder: string, wanted: readonly string[]): Promise<Measured[]> {
  const subjects: Subject[] = [];
  try {
    for (const form of all.filter(({ name }) => ONLY.test(name))) {
      if (form.missing) console.error(`left out: ${form.name}: ${form.missing}`);
      else subjects.push(await launch(form));
    }
    for (let round = 1; round <= ROUNDS; round++) {
      for (const name of wanted) {
        for (const subject of rotated(subjects, round)) {
          console.error(`round ${round}/${ROUNDS} ${name}: ${subject.form.name}`);
          await MEASUREMENTS[name]!(subject, folder);
        }
      }
    }
    return subjects.map(({ form, values }) => ({ form: form.name, values }));
  } finally {
    for (const { balancer, reporter } of subjects) {
      if (reporter) await stop(reporter);
      await stop(balancer);
    }
  }
}

/** Another form goes first in each round, so that no form always follows the same neighbour. */
function rotated<T>(list: readonly T[], by: number): T[] {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

async function launch(form: Form): Promise<Subject> {
  const balancer = await start(form.command, form.env, form.port);
  const reporter = form.adminPort === undefined ? null : await report(form, form.adminPort);
  const values: Record<string, number[]> = {};
  await wrk(form.port, 1, true); // warm: code compiled, tables touched
  add(values, "start", balancer.ready);
  add(values, "restMemory", memory(tree(balancer.child.pid!), "Rss") / 2 ** 20);
  return { form, balancer, reporter, values };
}

/** A reporter for the backend; returns once a request gets through. */
async function report(form: Form, admin: number): Promise<Running> {
  const reporter = await start(reporterCommand(form, admin), form.env, form.port);
  const deadline = Date.now() + 10_000;
  while ((await wrk(form.port, 1, true)).requests === 0) {
    if (Date.now() > deadline || !(await accepts(form.port))) throw new Error(`${form.name} serves nothing`);
  }
  return reporter;
}

function add(values: Record<string, number[]>, key: string, value: number): void {
  const list = values[key] ?? [];
  list.push(value);
  values[key] = list;
}

/** CPU and, where counted, instructions of a load, per unit of its work. */
async function perUnit(subject: Subject, key: string, load: () => Promise<Outcome>): Promise<Outcome> {
  const pids = tree(subject.balancer.child.pid!);
  const before = cpuMicros(pids);
  const [outcome, instructions] = noCounters ? ([await load(), null] as const) : await countInstructions(pids, load);
  add(subject.values, `${key}Cpu`, (cpuMicros(pids) - before) / outcome.requests);
  add(subject.values, "errors", outcome.errors);
  if (instructions) {
    add(subject.values, `${key}InstructionsUser`, instructions.user / outcome.requests);
    add(subject.values, `${key}InstructionsKernel`, instructions.kernel / outcome.requests);
    add(subject.values, `${key}Instructions`, (instructions.user + instructions.kernel) / outcome.requests);
  }
  return outcome;
}

async function measureBulk(subject: Subject, key: string, streams: number): Promise<void> {
  const pids = tree(subject.balancer.child.pid!);
  const before = cpuMicros(pids);
  const bytes = await bulk(subject.form.port, streams, STREAM_BYTES / streams);
  add(subject.values, key, (cpuMicros(pids) - before) / 1000 / (bytes / 1e9));
}

async function measureIdle(subject: Subject): Promise<void> {
  const SETTLE = 3000; // ms: buffers of the last answers are given back, garbage collectors have run
  const WATCH = 5000; // ms over which idle CPU is measured
  const pids = tree(subject.balancer.child.pid!);
  const before = memory(pids, "Private_Dirty");
  const sockets = await idle(subject.form.port, IDLE_CONNECTIONS);
  await delay(SETTLE);
  const taken = (memory(pids, "Private_Dirty") - before) / IDLE_CONNECTIONS;
  // Only the first time: later rounds find the memory that the process has kept.
  if (!subject.values.idleMemory) add(subject.values, "idleMemory", taken);
  const cpu = cpuMicros(pids);
  await delay(WATCH);
  add(subject.values, "idleCpu", ((cpuMicros(pids) - cpu) / 1000 / WATCH) * 100);
  for (const socket of sockets) socket.destroy();
  await delay(1000); // their ends are handled before the next form is measured
}

const MEASUREMENTS: Record<string, (subject: Subject, folder: string) => Promise<void>> = {
  connections: async (subject) => {
    const { requests } = await perUnit(subject, "connection", () => wrk(subject.form.port, SECONDS, true));
    add(subject.values, "throughput", requests / SECONDS);
  },
  requests: async (subject) => {
    await perUnit(subject, "request", () => wrk(subject.form.port, SECONDS, false));
  },
  bulk: async (subject) => {
    await measureBulk(subject, "bulk1", 1);
    await measureBulk(subject, "bulk64", 64);
  },
  idle: measureIdle,
  latency: async (subject, folder) => {
    const sorted = await fixedRate(subject.form.port, RATE, SECONDS, folder);
    add(subject.values, "p50", percentile(sorted, 0.5));
    add(subject.values, "p99", percentile(sorted, 0.99));
    add(subject.values, "p999", percentile(sorted, 0.999));
  },
};

await main();
