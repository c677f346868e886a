/** Runs Spin on one case of the model: Spin writes a C program that looks at every state, gcc compiles it, it looks. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../test/process.ts";
import { type Case, PROPERTIES, type Property } from "./cases.ts";

const MODEL = fileURLToPath(new URL("handshake.pml", import.meta.url));
/** ms. The longest takes minutes on a machine that does nothing else. */
const TIMEOUT_MS = 3_600_000;
/** MB */
const MEMORY = 12_000;
/** Steps of the longest history. */
const DEPTH = 200_000;

/** What has to be installed first, or null. */
export function missing(): string | null {
  const lacking = ["spin", "gcc"].filter((tool) => spawnSync(tool, [tool === "spin" ? "-V" : "--version"]).error);
  return lacking.length === 0 ? null : `${lacking.join(" and ")} not installed (Debian: apt-get install spin gcc)`;
}

export interface Finding {
  /** null: Spin has looked at everything and every property holds. */
  readonly broken: Property | null;
  readonly states: number;
  readonly seconds: number;
}

/** Rejects where Spin did not come to an end. */
export async function check({ defines, breaks, long }: Case): Promise<Finding> {
  const folder = mkdtempSync(join(tmpdir(), "harmony-model-"));
  const started = performance.now();
  try {
    const model = defines.map((define) => `-D${define}`).join(" ");
    // To compile with -O2 takes half a minute, and pays only for millions of states. What is broken is shown in the fewest steps (BFS).
    const compiler = `${long ? "-O2" : "-O0"} ${breaks === null ? "-DCOLLAPSE" : "-DBFS"}`;
    await finished(folder, `spin ${model} -a ${quoted(MODEL)}`);
    await finished(folder, `gcc -w -DSAFETY -DMEMLIM=${MEMORY} ${compiler} -o pan pan.c`);
    const output = await finished(folder, `./pan -n -m${DEPTH}`);
    return { ...verdict(output), seconds: (performance.now() - started) / 1000 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function finished(folder: string, command: string): Promise<string> {
  const { code, output } = await run(["sh", "-c", `cd ${quoted(folder)} && ${command}`], { timeout: TIMEOUT_MS });
  if (code !== 0) throw new Error(`${command} ended with ${code}:\n${output.slice(0, 2_000)}`);
  return output;
}

/** As the program that Spin makes says it; all that does not mean that everything was looked at is an error. */
export function verdict(output: string): Omit<Finding, "seconds"> {
  const states = Number(/(\d+) states, stored/.exec(output)?.[1]);
  const errors = Number(/errors: (\d+)/.exec(output)?.[1]);
  const number = /assertion violated .*?\(0==(\d+)\)/.exec(output)?.[1];
  const isComplete = !/Search not completed|max search depth too small|out of memory|reached -DMEMLIM/.test(output);
  if (errors === 0 && isComplete && states > 0) return { broken: null, states };
  if (errors === 1 && number !== undefined && number in PROPERTIES)
    return { broken: Number(number) as Property, states };
  throw new Error(`Spin did not come to an end:\n${output.slice(0, 2_000)}`);
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}
