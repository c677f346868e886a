/**
 * `make chaos MINUTES=60`: chaos on the compiled programs (test/chaos/), on each form and engine in turn, which share the time.
 * FORM=compiled-deno-portable runs that one alone. SEED begins with the life of that seed, as a failure names it: together with
 * FORM it makes the same things happen again.
 */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { loader, node, root } from "./runtimes.ts";
import { type Form, forms } from "./test/forms.ts";

const minutes = Number(process.env.MINUTES || 4);
const compiled = forms.filter(({ built }) => built);
const chosen = compiled.filter(({ name }) => !process.env.FORM || name === process.env.FORM);
if (chosen.length === 0) {
  console.error(`No form is called ${process.env.FORM}: choose from ${compiled.map(({ name }) => name).join(", ")}.`);
  process.exit(2);
}
const failed = chosen.filter((form) => !run(form));
if (failed.length > 0) console.log(`\nfailed: ${failed.map(({ name }) => name).join(", ")}`);
process.exitCode = failed.length > 0 ? 1 : 0;

function run({ env, name, prepare }: Form): boolean {
  const prepared = prepare();
  if ("missing" in prepared) {
    console.log(`${name}: skipped, ${prepared.missing}`);
    return true;
  }
  console.log(`${name}:`);
  const { status } = spawnSync(node, ["--import", loader, join(root, "test/chaos/program.ts")], {
    env: { ...process.env, ...env, MINUTES: String(minutes / chosen.length) },
    stdio: "inherit",
  });
  return status === 0;
}
