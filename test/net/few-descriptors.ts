/** Programs of the suite started with few descriptors. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { bundle } from "../../scripts/build/bundle.ts";
import { scriptCommand } from "../support/form.ts";

/** Enough for each runtime to start, and for some connections. */
const DESCRIPTORS = 100;

/** Why these tests are skipped, or false. */
export const skip = process.platform === "linux" ? false : "limits descriptors with the shell of Linux";

/**
 * The command line that runs a TypeScript file of this folder on the runtime of the tests. On Node it runs bundled: tsx goes
 * on opening and closing files of its cache while the program runs, and would free a descriptor that the program took.
 */
export async function withFewDescriptors(script: string): Promise<[string, ...string[]]> {
  const file = `test/net/${script}`;
  const onNode = process.versions.deno === undefined && process.versions.bun === undefined;
  const command = onNode ? [process.execPath, await bundled(file)] : scriptCommand(file);
  return ["sh", "-c", `ulimit -n ${DESCRIPTORS} && exec "$@"`, "sh", ...command];
}

async function bundled(file: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "harmony-crowded-"));
  after(() => rmSync(folder, { recursive: true }));
  const program = join(folder, "program.mjs");
  await bundle(file, program, { condition: "node" });
  return program;
}
