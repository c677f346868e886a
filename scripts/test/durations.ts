/**
 * How long each file took the last time, so that the long ones are begun first: one that is begun last keeps all other
 * processors waiting.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "../runtimes.ts";
import type { FileResult } from "./summary.ts";

const FILE = join(root, "node_modules/.cache/test-seconds.json");

const known: Record<string, number> = read();

function read(): Record<string, number> {
  try {
    return JSON.parse(readFileSync(FILE, "utf8")) as Record<string, number>;
  } catch {
    return {}; // the first run
  }
}

/** Seconds; what never ran may be long. */
export function lastDuration(form: string, file: string): number {
  return known[`${form} ${file}`] ?? Number.POSITIVE_INFINITY;
}

export function rememberDurations(results: readonly FileResult[]): void {
  for (const { form, file, seconds } of results) known[`${form} ${file}`] = Math.round(seconds * 10) / 10;
  mkdirSync(dirname(FILE), { recursive: true });
  writeFileSync(FILE, JSON.stringify(known, null, 1));
}
