/** Runs one command with a time-out, in a process group of its own, so that nothing it started outlives it unnoticed. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { root } from "../runtimes.ts";

export interface Finished {
  /** Exit code; null when it was ended by a signal or could not be started. */
  readonly code: number | null;
  readonly timedOut: boolean;
  /** Processes of its group were still there some time after its end (POSIX only). They have been ended. */
  readonly leftovers: boolean;
  /** stdout and stderr as they came. */
  readonly output: string;
  readonly seconds: number;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly timeout: number; // ms
}

// What a process that was told to end may still need, before it counts as left over.
const LEFTOVER_GRACE_MS = 2_000;
// What has been written is read within this, though something that was not in the group may still hold the pipes.
const OUTPUT_GRACE_MS = 1_000;

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) killGroup(child);
});
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)
  process.once(signal, () => process.exit(code));

export async function run(command: readonly string[], options: RunOptions): Promise<Finished> {
  const started = performance.now();
  const child = spawn(command[0]!, command.slice(1), {
    cwd: root,
    env: options.env ?? process.env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: process.platform !== "win32",
    windowsHide: true,
  });
  running.add(child);
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));

  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child);
  }, options.timeout);
  // "exit" and not "close": a process left behind would hold the pipes open.
  const code = await new Promise<number | null>((resolve) => {
    child.once("error", (error) => {
      chunks.push(Buffer.from(`${error.message}\n`));
      resolve(null);
    });
    child.once("exit", (exitCode) => resolve(exitCode));
  });
  clearTimeout(timer);
  const leftovers = !timedOut && (await groupOutlives(child));
  if (leftovers) killGroup(child);
  await outputRead(child);
  running.delete(child);
  return {
    code,
    timedOut,
    leftovers,
    output: Buffer.concat(chunks).toString(),
    seconds: (performance.now() - started) / 1000,
  };
}

async function outputRead({
  stdout,
  stderr,
}: {
  stdout: NodeJS.ReadableStream;
  stderr: NodeJS.ReadableStream;
}): Promise<void> {
  const giveUp = new AbortController();
  const tooLong = delay(OUTPUT_GRACE_MS, undefined, { signal: giveUp.signal }).catch(() => {});
  await Promise.race([Promise.all([ended(stdout), ended(stderr)]), tooLong]);
  giveUp.abort();
}

function ended(stream: NodeJS.ReadableStream & { readableEnded?: boolean; destroyed?: boolean }): Promise<void> {
  if (stream.readableEnded || stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => stream.once("close", () => resolve()));
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  if (process.platform === "win32") spawnSync("taskkill", ["/pid", String(child.pid), "/T", "/F"]);
  else signalGroup(child.pid, "SIGKILL");
}

async function groupOutlives(child: ChildProcess): Promise<boolean> {
  if (child.pid === undefined || process.platform === "win32") return false;
  const deadline = performance.now() + LEFTOVER_GRACE_MS;
  while (someoneIn(child.pid)) {
    if (performance.now() > deadline) return true;
    await delay(20);
  }
  return false;
}

/**
 * Whether the group has a process that runs. On Linux one that has ended stays in it until the process 1 has taken note,
 * which in some containers is seconds later, so that there the states are read.
 */
function someoneIn(group: number): boolean {
  if (!signalGroup(group, 0)) return false;
  if (process.platform !== "linux") return true;
  return readdirSync("/proc").some((name) => /^\d+$/.test(name) && runsIn(name, group));
}

function runsIn(pid: string, group: number): boolean {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return false; // it is gone
  }
  // pid (name) state parent group …; a name may hold brackets.
  const [state, , pgrp] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(pgrp) === group && state !== "Z" && state !== "X";
}

/** False when nobody is left in the group. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal);
  } catch (error) {
    // EPERM: somebody is there who now runs as another user.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
