/** Targets that have asked for a listener for their pool. */
import { isDead, type Row } from "./entry.ts";
import type { Asking } from "./report.ts";

/** First come, first. What is down without a reporter counts as gone, but in panic. */
export function askingOf(rows: Iterable<Row>, panics: { has(identity: string): boolean }): Asking[] {
  const asking: Asking[] = [];
  for (const { identity, registered, shared } of rows) {
    const isThere = registered !== null && (!isDead(registered) || panics.has(identity));
    const report = isThere ? registered.report : shared?.report;
    if (report?.listen === undefined) continue;
    asking.push({ target: identity, pool: report.pool, listen: report.listen, options: report.options ?? {} });
  }
  return asking;
}
