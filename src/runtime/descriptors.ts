import { readFileSync } from "node:fs";

/** Files, listeners, control connections and whatever else is open beside the connections that are counted. */
const RESERVE = 32;

/**
 * Connections that this process may hold before it runs out of descriptors; Infinity where the system does not say (no
 * /proc). For runtimes that, out of descriptors, try to accept over and over at full speed.
 */
export function connectionLimit(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return soft === undefined ? Number.POSITIVE_INFINITY : Math.max(1, Number(soft) - RESERVE);
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
    return Number.POSITIVE_INFINITY;
  }
}
