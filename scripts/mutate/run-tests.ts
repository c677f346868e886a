/** Loads the test files that are its arguments into this process, in their order. first-failure.mjs ends it at the first failure. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "../runtimes.ts";

for (const file of process.argv.slice(2)) await import(pathToFileURL(join(root, file)).href);
