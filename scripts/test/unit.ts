/**
 * Loads several test files into one process, which saves starting one for each: `unit.ts FOLDER…`. For tests that share nothing
 * and open nothing: no sockets, no processes, no files of their own.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root, testFiles } from "../runtimes.ts";
import { isUnit } from "./forms.ts";

for (const folder of process.argv.slice(2)) {
  for (const file of testFiles(folder).filter(isUnit)) await import(pathToFileURL(join(root, file)).href);
}
