/**
 * `make bench-instructions`: how many instructions, its own and the kernel's, HAProxy, nginx stream and Harmony's linux engine
 * execute for a new connection and for a keep-alive request, and how many the least does that could do it (least.c). Prints a
 * table, writes dist/bench-instructions.json, the table of docs/benchmarks.md and the figure in README.md.
 *
 *   BATCHES=4 ONLY=regexp HAPROXY=path OPTIONS="--target-close reset"
 *
 * OPTIONS are Harmony's, in addition to those that it is measured with. HAPROXY names another HAProxy, to be counted beside Debian's.
 *
 * Each form runs in a machine of its own that is emulated in software and whose clock counts instructions, so that a thread's
 * processor time is the number of those it has executed. That needs no hardware counters, does not mind what else runs here,
 * and with the same packages gives the same figures anywhere: a difference of two percent is a difference. wrk's 16 connections
 * that are open when its time is up, or were opened for requests, are in the figures of every form alike: about half a percent.
 *
 * It does not tell what an instruction costs: there are no caches to miss and no branches to mispredict, and a system call or a
 * lock is an instruction like another. There is one processor, so that nothing waits for anything that runs beside it. What
 * the loopback interface does to deliver a packet counts for whoever sends it, as it does outside. `make bench` has the times.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { writeMeasured } from "./document.ts";
import { type Counted, markdown, ratio, readBatches, table } from "./emulated/counts.ts";
import { type Contents, initramfs } from "./emulated/initramfs.ts";
import { emulate, kernel } from "./emulated/machine.ts";
import { BACKEND_PORT, backendConfig, type Form, forms, reporterCommand } from "./forms.ts";
import { wrkCommand } from "./load.ts";
import { requireTools, which } from "./tools.ts";

const BATCHES = Number(process.env.BATCHES ?? 4);
const ONLY = new RegExp(process.env.ONLY ?? ".", "i");
const OPTIONS = (process.env.OPTIONS ?? "").split(/\s+/).filter(Boolean);
const HARMONY = ["Harmony linux, Bun", "Harmony linux, Deno"];
const LEAST = "the least: a loop in C";
const KINDS = {
  connections: "Instructions per new connection (connect, one request, close)",
  requests: "Instructions per keep-alive request",
};
const STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so";
/**
 * Seconds of load before the counting, in the machine's time. Compilers need some 60,000 connections and 80,000 requests: after a
 * third of that the loop's own thread does what it will do for good, but others still compile for it now and then.
 */
const WARM = { compiled: [1, 1], compiling: [20, 6] } as const;

const stop = new AbortController();

async function main(): Promise<void> {
  const debian = process.platform === "linux" && which("apt-get") && which("dpkg");
  if (!debian || process.arch !== "x64") throw new Error("This benchmark is for Debian on x86-64: it emulates that.");
  requireTools({
    "qemu-system-x86_64": "qemu-system-x86",
    busybox: "busybox-static",
    cpio: "cpio",
    haproxy: "haproxy",
    nginx: "nginx",
    [STREAM_MODULE]: "libnginx-mod-stream",
    wrk: "wrk",
  });
  const folder = mkdtempSync(join(tmpdir(), "harmony-instructions-"));
  try {
    const image = await kernel(folder, stop.signal);
    const config = join(folder, "config");
    mkdirSync(config);
    const all = candidates(config);
    const rows = await countAll(chosen(all), folder, config, image);
    const references = all.flatMap(({ name, rival }) => (rival ? [name] : []));
    const text = [KINDS, rows, [...references, LEAST]] as const;
    console.log(table(...text));
    console.log(`
${BATCHES} batches each, medians, ± half the range; user and kernel, on ${basename(image)}.
All values: dist/bench-instructions.json`);
    // A part of it would replace the whole, and so would other options.
    if (!process.env.ONLY && OPTIONS.length === 0) {
      writeMeasured("docs/benchmarks.md", "instructions", markdown(...text));
      writeMeasured("README.md", "instructions", ratio("connections", rows, HARMONY[0]!, references[0]!));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function countAll(all: readonly Form[], folder: string, config: string, image: string): Promise<Counted[]> {
  const backend = ["nginx", "-e", `${config}/backend.log`, "-c", backendConfig(config)];
  const rows: Counted[] = [];
  for (const form of all) {
    const place = mkdtempSync(join(folder, "machine-"));
    const before = performance.now();
    const archive = await initramfs(place, contents(form, backend, config), stop.signal);
    rows.push({ form: form.name, batches: readBatches(await emulate(image, archive, place, stop.signal)) });
    rmSync(place, { recursive: true }); // half a gigabyte
    keep(image, rows);
    console.error(`${form.name}: ${((performance.now() - before) / 1000).toFixed(0)} s`);
  }
  return rows;
}

/** After each form, so that one which fails loses nothing of the others. */
function keep(image: string, rows: readonly Counted[]): void {
  mkdirSync("dist", { recursive: true });
  const result = { kernel: basename(image), batches: BATCHES, rows };
  writeFileSync("dist/bench-instructions.json", JSON.stringify(result, null, 2));
}

function candidates(config: string): Form[] {
  const all = forms(config).filter(({ name, rival }) => rival || HARMONY.includes(name));
  return [...all.map((form) => (form.rival ? form : { ...form, command: [...form.command, ...OPTIONS] })), least()];
}

function chosen(all: readonly Form[]): Form[] {
  const wanted = all.filter(({ name }) => ONLY.test(name));
  for (const { name, missing } of wanted) if (missing) console.error(`left out: ${name}: ${missing}`);
  const there = wanted.filter(({ missing }) => !missing);
  if (there.length === 0) throw new Error(`Nothing to measure among ${all.map(({ name }) => name).join("; ")}`);
  return there;
}

/** Compiled here, where there is a compiler. */
function least(): Form {
  const program = "dist/bench/least";
  mkdirSync(dirname(program), { recursive: true });
  const { error, status, stderr } = spawnSync("cc", ["-O2", "-o", program, "scripts/bench/least.c"], {
    encoding: "utf8",
  });
  const problem = error ? "there is no C compiler (Debian: apt-get install gcc libc6-dev)" : stderr.trim();
  return {
    name: LEAST,
    ...(status !== 0 && { missing: problem }),
    command: [program, "19009", String(BACKEND_PORT)],
    env: {},
    port: 19009,
  };
}

/** What the machine of a form needs, and the job for it: warm-up and batches, first of connections, then of requests. */
function contents(form: Form, backend: readonly string[], config: string): Contents {
  const reporter = form.adminPort === undefined ? null : reporterCommand(form, form.adminPort, BACKEND_PORT);
  const load = (kind: keyof typeof KINDS, seconds: number) =>
    quoted(wrkCommand(form.port, seconds, kind === "connections"));
  const [connections, requests] = WARM[reporter ? "compiling" : "compiled"];
  const measured = (kind: keyof typeof KINDS) => Array(BATCHES).fill(`measure ${kind} ${load(kind, 1)}`);
  const lines = [
    ...Object.entries(form.env).map(([name, value]) => `export ${quoted([`${name}=${value}`])}`),
    `${quoted(backend)} &`,
    `balance ${quoted(form.command)}`,
    ...(reporter ? [`${quoted(reporter)} &`] : []),
    `serves ${form.port}`,
    load("connections", connections),
    ...measured("connections"),
    load("requests", requests),
    ...measured("requests"),
  ];
  const programs = ["nginx", "wrk", form.command[0]!, ...(reporter ? [reporter[0]!] : [])];
  return { programs: [...new Set(programs)], files: [config, STREAM_MODULE], job: `${lines.join("\n")}\n` };
}

/** For a shell. */
function quoted(command: readonly string[]): string {
  return command.map((part) => `'${part.replaceAll("'", "'\\''")}'`).join(" ");
}

for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort());
try {
  await main();
} catch (error) {
  console.error(stop.signal.aborted ? "stopped" : (error as Error).message);
  process.exitCode = 1;
}
