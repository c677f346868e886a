/**
 * `make faults`: servers that hang, lie or are gone, behind Harmony and behind HAProxy, each with its own checks: how many requests failed,
 * and when the server was out and back. A run of all, ten minutes, writes the table of docs/faults.md; ONLY=silent,closes chooses scenarios,
 * SUBJECT=harmony balancers, VERBOSE=1 shows what all processes say. Nothing else should run on the machine.
 * Linux alone: it makes networks of its own, of which nothing is left when it ends, however it ends.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeMeasured } from "./bench/document.ts";
import { requireTools } from "./bench/tools.ts";
import { must } from "./faults/processes.ts";
import { type Result, run } from "./faults/run.ts";
import { scenarios } from "./faults/scenarios.ts";
import { subjects } from "./faults/subjects.ts";
import { cell, type Row, table } from "./faults/table.ts";
import { script } from "./runtimes.ts";

// The run is the first process of a process namespace, whose end ends all others.
const WORLD = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
const INSIDE = "FAULTS_INSIDE";

if (process.env[INSIDE]) await inside();
else process.exitCode = outside();

function outside(): number {
  chosen(scenarios, process.env.ONLY);
  chosenSubjects();
  requireTools({ unshare: "util-linux", ip: "iproute2", haproxy: "haproxy", "dist/harmony-balancer": "make build" });
  const asRoot = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  const [command, ...args] = [...WORLD, ...asRoot, ...script("scripts/faults.ts", ...process.argv.slice(2))];
  console.log("A line for each scenario and balancer comes after some 20 seconds.");
  const { status } = spawnSync(command!, args, { env: { ...process.env, [INSIDE]: "yes" }, stdio: "inherit" });
  return status ?? 1;
}

async function inside(): Promise<void> {
  // The first process of a namespace gets only the signals that it asks for.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(1));
  must("ip", "link", "set", "lo", "up");
  const folder = mkdtempSync(join(tmpdir(), "harmony-faults-"));
  try {
    const titles = chosenSubjects().map(({ title }) => title);
    const text = table(await rows(folder), titles);
    console.log(text);
    if (!process.env.ONLY && !process.env.SUBJECT) writeMeasured("docs/faults.md", "faults", text);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function rows(folder: string): Promise<Row[]> {
  const found: Row[] = [];
  for (const scenario of chosen(scenarios, process.env.ONLY)) {
    const results = new Map<string, Result>();
    for (const subject of chosenSubjects()) {
      const result = await run(subject, scenario, folder);
      console.log(`${scenario.name}, ${subject.title}: ${cell(result)}`);
      results.set(subject.title, result);
    }
    found.push({ title: scenario.title, results });
  }
  return found;
}

function chosenSubjects() {
  return chosen(subjects, process.env.SUBJECT);
}

function chosen<T extends { readonly name: string }>(all: readonly T[], names: string | undefined): T[] {
  const wanted = names?.split(",").filter(Boolean) ?? [];
  const unknown = wanted.filter((name) => !all.some((each) => each.name === name));
  if (unknown.length > 0) {
    console.error(`Not known: ${unknown.join(", ")}. Choose from ${all.map(({ name }) => name).join(", ")}.`);
    process.exit(2);
  }
  return wanted.length === 0 ? [...all] : all.filter(({ name }) => wanted.includes(name));
}
