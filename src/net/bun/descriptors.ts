import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";
import { limitInProc } from "../../util/descriptor-limit.ts";
import { type NetError, netCodeOf, netError } from "../net-error.ts";

/** Left for what is open beside the connections that are counted: files, listeners, control connections. */
const RESERVE = 32;

/**
 * Connections that this process may hold before it runs out of descriptors; Infinity where the system does not say (no
 * /proc). Bun, out of descriptors, tries to accept over and over at full speed.
 */
export function connectionLimit(): number {
  const limit = limitInProc();
  return limit === null ? Number.POSITIVE_INFINITY : Math.max(1, limit - RESERVE);
}

/**
 * Out of descriptors, Bun 1.4.5 reports that a connect was refused or that the name does not resolve, which would blame the
 * peer. Opening one more file shows which it was. Costs a few µs, and only where a connect has failed.
 */
export function blameSelf(error: NetError, doing: string): NetError {
  if (error.code !== "ECONNREFUSED" && error.code !== "ENOTFOUND") return error;
  try {
    closeSync(openSync(devNull, "r"));
    return error;
  } catch (cause) {
    return netCodeOf(cause) === "EMFILE" ? netError("EMFILE", doing, cause) : error;
  }
}
