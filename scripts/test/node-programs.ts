/**
 * The programs as one file each, for the tests on Node: they are started hundreds of times, and from some hundred files of
 * TypeScript that takes Node 20 twice the processor time.
 */
import { join, parse } from "node:path";
import { bundle } from "../build/bundle.ts";
import { programs } from "../build/programs.ts";
import { root } from "../runtimes.ts";

const folder = join(root, "node_modules/.cache/programs");

/** For test/support/form.ts. */
export const nodeEnv: NodeJS.ProcessEnv = { HARMONY_TEST_PROGRAMS: folder };

let bundled: Promise<unknown> | undefined;

/** Once for all forms of a run. */
export async function bundleNodePrograms(): Promise<void> {
  bundled ??= Promise.all(
    programs.flatMap(({ entries: [program, ...threads], name }) => [
      bundle(program, join(folder, `${name}.mjs`), { condition: "node" }),
      // Beside it, where it looks for them.
      ...threads.map((entry) => bundle(entry, join(folder, `${parse(entry).name}.mjs`), { condition: "node" })),
    ]),
  );
  await bundled;
}
