import { closeSync, openSync, readFileSync } from "node:fs";
import { devNull } from "node:os";
import { codeOf, type NetError, netError } from "./net-error.ts";

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

/**
 * Out of descriptors, Bun 1.4.5 says of a connect that it was refused, or that the name does not resolve, and the peer
 * would be blamed. Whether one more file can be opened tells. Costs a few µs, and only where a connect has failed.
 */
export function blameSelf(error: NetError, doing: string): NetError {
  if (error.code !== "ECONNREFUSED" && error.code !== "ENOTFOUND") return error;
  try {
    closeSync(openSync(devNull, "r"));
    return error;
  } catch (cause) {
    return codeOf(cause) === "EMFILE" ? netError("EMFILE", doing, cause) : error;
  }
}
