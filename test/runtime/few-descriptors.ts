/** Programs of the suite started with few descriptors. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { bundle } from "../../scripts/build/bundle.ts";

/** Enough for each runtime to start, and for some connections. */
const DESCRIPTORS = 100;

/** Why these tests are skipped, or false. */
export const skip = process.platform === "linux" ? false : "limits descriptors with the shell of Linux";

/**
 * The command line that runs a TypeScript file of this folder on the runtime of the tests. On Node it runs bundled: tsx goes
 * on opening and closing files of its cache while the program runs, and would free a descriptor that the program took.
 */
export async function withFewDescriptors(script: string): Promise<[string, ...string[]]> {
  const limited = ["-c", `ulimit -n ${DESCRIPTORS} && exec "$@"`, "sh", process.execPath];
  const path = fileURLToPath(new URL(script, import.meta.url));
  if (process.versions.deno !== undefined) return ["sh", ...limited, "run", "-A", "--no-check", path];
  if (process.versions.bun !== undefined) return ["sh", ...limited, path];
  const folder = mkdtempSync(join(tmpdir(), "harmony-crowded-"));
  after(() => rmSync(folder, { recursive: true }));
  const bundled = join(folder, "program.mjs");
  await bundle(`test/runtime/${script}`, bundled, { condition: "node" });
  return ["sh", ...limited, bundled];
}
