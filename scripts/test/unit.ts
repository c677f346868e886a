/**
 * Loads several test files into one process, which saves starting one for each: `unit.ts BEGINNING` of their paths. For tests
 * that share nothing and open nothing: no sockets, no processes.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "../runtimes.ts";
import { unitFiles } from "./forms.ts";

for (const file of unitFiles(process.argv[2]!)) await import(pathToFileURL(join(root, file)).href);
