/** Loads the test files that HARMONY_TEST_FILES lists, with commas, into one process. They share nothing, and start no processes. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "../runtimes.ts";

for (const file of process.env.HARMONY_TEST_FILES!.split(",")) await import(pathToFileURL(join(root, file)).href);
