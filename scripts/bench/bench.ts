/**
 * `make bench`: HAProxy, nginx stream and every form of Harmony in front of the same backend, in alternating rounds. Prints a
 * table with ratios, writes dist/bench.json and the table of docs/benchmarks.md. Nothing else should run on the machine.
 *
 *   ROUNDS=5 SECONDS=3 ONLY=regexp MEASURES=connections,requests,latency,bulk,mixed,idle,threads HAPROXY=path
 *
 * HAPROXY names another HAProxy, to be measured beside the one that is installed.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import { missingCounters } from "./counters.ts";
import { writeMeasured } from "./document.ts";
import { BACKEND_PORT, BULK_PORT, backendConfig, type Form, forms, MUCH, threadForms } from "./forms.ts";
import { bulk, type Direction, fixedRate, streams, wrk } from "./load.ts";
import { IDLE_CONNECTIONS, measureMemory } from "./memory.ts";
import { cpuMicros, delay, start, stop, tree } from "./process.ts";
import { type Measure, type Measured, markdown, percentile, table } from "./report.ts";
import { add, launch, perUnit, type Subject, shut } from "./subject.ts";
import { requireTools } from "./tools.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SECONDS = Number(process.env.SECONDS ?? 3);
const RATE = 2000; // requests per second that every form sustains on two cores with room to spare
const STREAM_BYTES = 1 << 30;
/** Beside this many streams somebody asks for something small, so often a second. */
const BESIDE_STREAMS = 40;
const BESIDE_RATE = 500;
const WANTED = (process.env.MEASURES ?? "connections,requests,latency,bulk,mixed,idle,threads").split(",");
const ONLY = new RegExp(process.env.ONLY ?? ".", "i");

const idle = `at ${IDLE_CONNECTIONS} idle connections`;
const MEASURES: readonly Measure[] = [
  { key: "connectionInstructionsUser", title: "Instructions per new connection, user", unit: "count" },
  { key: "connectionInstructionsKernel", title: "Instructions per new connection, kernel", unit: "count" },
  { key: "connectionInstructions", title: "Instructions per new connection", unit: "count" },
  { key: "connectionCpu", title: "CPU per new connection (connect, one request, close)", unit: "µs" },
  { key: "requestInstructions", title: "Instructions per keep-alive request", unit: "count" },
  { key: "requestCpu", title: "CPU per keep-alive request", unit: "µs" },
  { key: "bulkDown1", title: "CPU per GB to the client, one stream", unit: "ms" },
  { key: "bulkUp1", title: "CPU per GB to the target, one stream", unit: "ms" },
  { key: "bulkDown64", title: "CPU per GB to the client, 64 streams", unit: "ms" },
  { key: "bulkUp64", title: "CPU per GB to the target, 64 streams", unit: "ms" },
  { key: "p50", title: `Latency at ${RATE} requests/s, p50`, unit: "µs" },
  { key: "p99", title: `Latency at ${RATE} requests/s, p99`, unit: "µs" },
  { key: "p999", title: `Latency at ${RATE} requests/s, p99.9`, unit: "µs" },
  { key: "besideP50", title: `Latency beside ${BESIDE_STREAMS} streams, p50`, unit: "µs" },
  { key: "besideP99", title: `Latency beside ${BESIDE_STREAMS} streams, p99`, unit: "µs" },
  { key: "restMemory", title: "Memory at rest, all", unit: "MB" },
  { key: "restAnonymous", title: "Memory at rest, its own", unit: "MB" },
  { key: "idleNeverUsed", title: `Own memory per connection ${idle}, never used`, unit: "bytes" },
  { key: "idleFresh", title: `Own memory per connection ${idle}, after a request each`, unit: "bytes" },
  { key: "idleAfterLoad", title: `The same, in a process that has had load before`, unit: "bytes" },
  { key: "idleCpu", title: `CPU ${idle}`, unit: "% of a core", noRatio: true },
  { key: "start", title: "From exec to the first accepted connection", unit: "s" },
  { key: "throughput", title: "New connections per second", unit: "1/s" },
  { key: "errors", title: "Failed requests", unit: "count", noRatio: true },
];

async function main(): Promise<void> {
  requireTools({
    haproxy: "haproxy",
    nginx: "nginx libnginx-mod-stream",
    wrk: "wrk",
    h2load: "nghttp2-client",
    iperf3: "iperf3",
  });
  const folder = mkdtempSync(join(tmpdir(), "harmony-bench-"));
  chmodSync(folder, 0o755); // nginx's workers run as another user
  const backends = [
    await start(["nginx", "-e", `${folder}/backend.log`, "-c", backendConfig(folder)], {}, BACKEND_PORT),
    await start(["iperf3", "-s", "-B", "127.0.0.1", "-p", String(BULK_PORT)], {}, BULK_PORT),
  ];
  try {
    const small = ["connections", "requests", "latency"].filter((name) => WANTED.includes(name));
    const wanted = (name: string): string[] => WANTED.filter((each) => each === name);
    const single = merged(
      await compare(forms(folder), BACKEND_PORT, small, folder),
      await compare(forms(folder, "bulk"), BULK_PORT, wanted("bulk"), folder),
      await compare(forms(folder, "mixed"), BACKEND_PORT, wanted("mixed"), folder),
      WANTED.includes("idle") ? await memoryOf(chosen(forms(folder))) : [],
    );
    const rivals = forms(folder).flatMap(({ name, rival }) => (rival ? [name] : []));
    console.log(table(MEASURES, single, rivals));
    const two = WANTED.includes("threads") ? ["connections", "requests"] : [];
    const threads = await compare(threadForms(folder), BACKEND_PORT, two, folder);
    if (threads.length > 0) console.log(`\nOne thread against two${table(MEASURES, threads, [threads[0]!.form])}`);
    mkdirSync("dist", { recursive: true });
    const machine = {
      cpu: cpus()[0]?.model,
      processors: cpus().length,
      kernel: release(),
      counters: missingCounters() ?? "perf stat",
    };
    const result = { machine, rounds: ROUNDS, seconds: SECONDS, single, threads };
    writeFileSync("dist/bench.json", JSON.stringify(result, null, 2));
    console.log(
      `\n${ROUNDS} alternating rounds, medians, ± half the range. Instruction counts: ${machine.counters}. All values: dist/bench.json`,
    );
    // A part of it would replace the whole.
    if (!process.env.MEASURES && !process.env.ONLY)
      writeMeasured("docs/benchmarks.md", "time and memory", markdown(MEASURES, single));
  } finally {
    for (const backend of backends) await stop(backend);
    rmSync(folder, { recursive: true, force: true });
  }
}

function chosen(all: readonly Form[]): Form[] {
  const wanted = all.filter(({ name }) => ONLY.test(name));
  for (const { name, missing } of wanted) if (missing) console.error(`left out: ${name}: ${missing}`);
  return wanted.filter(({ missing }) => !missing);
}

/** The values of the same form together. */
function merged(...parts: readonly (readonly Measured[])[]): Measured[] {
  const values = new Map<string, Record<string, number[]>>();
  for (const row of parts.flat()) values.set(row.form, { ...row.values, ...values.get(row.form) });
  return [...values].map(([form, all]) => ({ form, values: all }));
}

/** All forms run at the same time, and what is not measured just now does nothing. */
async function compare(
  all: readonly Form[],
  target: number,
  measures: readonly string[],
  folder: string,
): Promise<Measured[]> {
  if (measures.length === 0) return [];
  const subjects: Subject[] = [];
  try {
    for (const form of chosen(all)) {
      const subject = await launch(form, target);
      subjects.push(subject);
      if (target === BACKEND_PORT) await wrk(form.port, 1, true); // warm: code compiled, tables touched
    }
    for (let round = 1; round <= ROUNDS; round++) {
      for (const name of measures) {
        for (const subject of rotated(subjects, round)) {
          console.error(`round ${round}/${ROUNDS} ${name}: ${subject.form.name}`);
          await MEASUREMENTS[name]!(subject, folder);
        }
      }
    }
    return subjects.map(({ form, values }) => ({ form: form.name, values }));
  } finally {
    for (const subject of subjects) await shut(subject);
  }
}

/** Another form goes first in each round, so that no form always follows the same neighbour. */
function rotated<T>(list: readonly T[], by: number): T[] {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

/** One form after the other: each needs processes that have done nothing before. */
async function memoryOf(all: readonly Form[]): Promise<Measured[]> {
  const rows: Measured[] = [];
  for (const form of all) {
    console.error(`memory: ${form.name}`);
    rows.push({ form: form.name, values: await measureMemory(form, BACKEND_PORT) });
  }
  return rows;
}

async function measureBulk(subject: Subject, streams: number, direction: Direction): Promise<void> {
  const pids = tree(subject.balancer.child.pid!);
  const before = cpuMicros(pids);
  const bytes = await bulk(subject.form.port, streams, STREAM_BYTES, direction);
  const key = `bulk${direction === "up" ? "Up" : "Down"}${streams}`;
  add(subject.values, key, (cpuMicros(pids) - before) / 1000 / (bytes / 1e9));
}

const MEASUREMENTS: Record<string, (subject: Subject, folder: string) => Promise<void>> = {
  connections: async (subject) => {
    const { requests } = await perUnit(subject, "connection", () => wrk(subject.form.port, SECONDS, true));
    add(subject.values, "throughput", requests / SECONDS);
  },
  requests: async (subject) => {
    await perUnit(subject, "request", () => wrk(subject.form.port, SECONDS, false));
  },
  latency: async (subject, folder) => {
    const sorted = await fixedRate(subject.form.port, RATE, SECONDS, folder);
    add(subject.values, "p50", percentile(sorted, 0.5));
    add(subject.values, "p99", percentile(sorted, 0.99));
    add(subject.values, "p999", percentile(sorted, 0.999));
  },
  mixed: async (subject, folder) => {
    writeFileSync(join(folder, MUCH), "");
    truncateSync(join(folder, MUCH), 2 ** 40); // a hole: it takes no room
    const { port } = subject.form;
    const all = streams(port, BESIDE_STREAMS, SECONDS + 2, MUCH);
    await delay(1000); // they are under way
    const sorted = await fixedRate(port, BESIDE_RATE, SECONDS, folder, 1);
    add(subject.values, "besideP50", percentile(sorted, 0.5));
    add(subject.values, "besideP99", percentile(sorted, 0.99));
    await all;
  },
  bulk: async (subject) => {
    for (const streams of [1, 64])
      for (const direction of ["down", "up"] as const) await measureBulk(subject, streams, direction);
  },
};

await main();
