import { readFileSync } from "node:fs";

/** Descriptors that this process may have open, as Linux tells in /proc; null: it cannot be read (another system, or Deno without -A). */
export function limitInProc(): number | null {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return soft === undefined ? null : Number(soft);
  } catch (error) {
    void error; // whatever is in the way, the limit is not known
    return null;
  }
}
