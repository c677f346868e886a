/** Hardware instruction counts through `perf stat`, where the machine has counters: many virtual machines do not. */
import { execFileSync, spawn } from "node:child_process";

export interface Instructions {
  readonly user: number;
  readonly kernel: number;
}

const EVENTS = "instructions:u,instructions:k";

/** null where they work, otherwise the reason they do not. */
export function missingCounters(): string | null {
  try {
    // perf writes its counts to stderr; a shell folds them into the output.
    const out = execFileSync("sh", ["-c", `perf stat -x, -e ${EVENTS} true 2>&1`], { encoding: "utf8" });
    return out.includes("not supported") || out.includes("not counted")
      ? "this machine has no hardware counters"
      : null;
  } catch (error) {
    return `perf stat does not run (Debian package linux-perf): ${(error as Error).message.split("\n")[0]}`;
  }
}

/** Counts what the processes do while `work` runs. */
export async function countInstructions<T>(
  pids: readonly number[],
  work: () => Promise<T>,
): Promise<[T, Instructions]> {
  const perf = spawn("perf", ["stat", "-x,", "-e", EVENTS, "-p", pids.join(",")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let text = "";
  perf.stderr.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const ended = new Promise((resolve) => perf.once("exit", resolve));
  const result = await work();
  perf.kill("SIGINT"); // perf prints its counts on SIGINT
  await ended;
  const count = (event: string) =>
    Number(new RegExp(`^(\\d+),[^,]*,instructions:${event}`, "m").exec(text)?.[1] ?? Number.NaN);
  return [result, { user: count("u"), kernel: count("k") }];
}
