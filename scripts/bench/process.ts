/**
 * Processes under measurement: started in a folder of their own, measured as a tree (workers and threads included), ended
 * by their own ids. Linux only: all numbers come from /proc.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";

/** A started program: `ready` is the time in seconds from exec to the first connection it accepted. */
export interface Running {
  readonly child: ChildProcess;
  readonly ready: number;
}

const READY_DEADLINE = 15_000; // ms; Node from source on a loaded machine needs 2 s
const POLL = 2; // ms between connection attempts: the resolution of `ready`

export async function start(command: readonly string[], env: Record<string, string>, port: number): Promise<Running> {
  const before = performance.now();
  const child = spawn(command[0]!, command.slice(1), {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr!.on("data", (text: Buffer) => {
    stderr = (stderr + text.toString()).slice(-2000);
  });
  child.on("error", (error) => {
    stderr += error.message;
  });
  while (performance.now() - before < READY_DEADLINE) {
    if (child.exitCode !== null) throw new Error(`${command[0]} ended with code ${child.exitCode}:\n${stderr}`);
    if (await accepts(port)) return { child, ready: (performance.now() - before) / 1000 };
    await delay(POLL);
  }
  child.kill("SIGKILL");
  throw new Error(`${command[0]} did not accept on port ${port} within ${READY_DEADLINE} ms:\n${stderr}`);
}

export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Ends a program and waits for it. */
export async function stop({ child }: Running): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const force = setTimeout(() => child.kill("SIGKILL"), 3000);
  await gone;
  clearTimeout(force);
}

/** The process and all its descendants. */
export function tree(root: number): number[] {
  const found = [root];
  for (const pid of found) {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      found.push(...readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number));
    }
  }
  return found;
}

/** CPU time in microseconds that the living threads of these processes have used (schedstat counts nanoseconds). */
export function cpuMicros(pids: readonly number[]): number {
  let nanos = 0;
  for (const pid of pids) {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      nanos += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
    }
  }
  return nanos / 1000;
}

/**
 * Bytes of a line of smaps_rollup, over these processes: `Rss`, or `Anonymous`, which is what belongs to the process alone. The
 * rest of Rss are pages of files, the program's own above all, which the kernel may drop and read again. `Private_Dirty` would
 * count those too while a file that has just been built is not on the disk yet.
 */
export function memory(pids: readonly number[], line: string): number {
  let kib = 0;
  for (const pid of pids) {
    const match = new RegExp(`^${line}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"));
    kib += Number(match?.[1] ?? 0);
  }
  return kib * 1024;
}

/** The most descriptors a process here may have. */
export function hardDescriptorLimit(): number {
  const fields = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
  return fields?.[1] === "unlimited" ? Number.POSITIVE_INFINITY : Number(fields?.[1]);
}
