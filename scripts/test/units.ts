/**
 * What starts no process and shares nothing with other files: those of such a room run in one process, which saves starting one for each.
 */

/** The beginnings of their paths; the first that fits is a file's. */
const UNITS = [
  "admin/",
  "app/",
  "pool/threads",
  "pool/",
  "control/",
  "config/",
  "targets/",
  "telemetry/",
  "proxy/",
  "edge/",
  "util/",
].map((path) => `test/${path}`);
/** They start processes; or make a folder when they are loaded, which another file's end would remove. */
const NOT_UNIT = ["control/native", "control/python", "targets/health/exec", "app/reporter-socket"].map(
  (name) => `test/${name}.test.ts`,
);

/** What is run in one process, and what it is called: a file by its path, several by their room's. */
export interface Batch {
  readonly name: string;
  readonly files: readonly string[];
}

function unitOf(file: string): string | undefined {
  return NOT_UNIT.includes(file) ? undefined : UNITS.find((unit) => file.startsWith(unit));
}

export function isUnit(file: string): boolean {
  return unitOf(file) !== undefined;
}

/** In the order of the files. */
export function batchesOf(files: readonly string[]): Batch[] {
  const batches = new Map<string, string[]>();
  for (const file of files) {
    const name = unitOf(file) ?? file;
    batches.set(name, [...(batches.get(name) ?? []), file]);
  }
  return [...batches].map(([name, all]) => ({ name: all.length === 1 ? all[0]! : name, files: all }));
}
