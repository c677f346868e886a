/** Of a balancer that is in no group nothing of one can be shown. */
import { HarmonyError } from "../util/errors.ts";

const NO_GROUP = "this balancer is in no group: those that are started with the same --group are one";

/** Throws `NO_GROUP` for null. */
export function inGroup<T>(seen: T | null): T {
  if (seen === null) throw new HarmonyError("NO_GROUP", NO_GROUP, { fault: "config" });
  return seen;
}
