/** Which form of the programs is tested: from source on the runtime at hand, or what HARMONY_TEST_FORM names. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loader } from "../../scripts/runtimes.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const exe = process.platform === "win32" ? ".exe" : "";

export type ProgramName = "harmony-balancer" | "harmony-reporter";

export const form: string = process.env.HARMONY_TEST_FORM ?? "source";
export const compiled: boolean = form !== "source";

export const onDeno: boolean = form === "deno" || (!compiled && "deno" in process.versions);

/** A folder with the programs in one file each, which the test runner made of the source that it tests (Node alone). */
const bundles = process.env.HARMONY_TEST_PROGRAMS;

/** The command line that starts the program, without its arguments. */
export function programCommand(name: ProgramName): [string, ...string[]] {
  if (form === "bun") return [join(root, "dist", name + exe)];
  if (form === "deno") return [join(root, "dist/deno", name + exe)];
  if (form !== "source") throw new Error(`HARMONY_TEST_FORM is "${form}": bun, deno, or not set for the source`);
  return bundles ? [process.execPath, join(bundles, `${name}.mjs`)] : scriptCommand(`src/bin/${name}.ts`);
}

/** The command line that runs a TypeScript file of the project on the runtime at hand. */
export function scriptCommand(file: string): [string, ...string[]] {
  const path = join(root, file);
  if ("bun" in process.versions) return [process.execPath, path];
  if ("deno" in process.versions) {
    return [process.execPath, "run", "-A", "--no-check", "--config", join(root, "deno.json"), path];
  }
  return [process.execPath, "--import", loader, path];
}
