import assert from "node:assert/strict";
import { MOST_REQUEUES } from "../../src/proxy/options.ts";
import type { CloseRecord } from "../../src/proxy/record.ts";

/**
 * What every record promises of the targets that failed its connection. `moved`: it has given up one that did not fail it. `waits`: where
 * all have failed, it may have waited for one to come up.
 */
export function assertTried(
  { cause, requeues, target, tried }: CloseRecord,
  requeue: number,
  { moved = false, waits = false } = {},
): void {
  assert.ok(tried.length <= 1 + (waits ? MOST_REQUEUES : requeue), `${tried.length} tried with requeue ${requeue}`);
  const left = tried.length - requeues;
  assert.ok(tried.length === 0 ? left === 0 : left === 0 || left === 1, `${tried.length} tried, ${requeues} requeues`);
  if (target !== null) assert.equal(requeues, tried.length, "it went from each that failed to another");
  if (cause === "connect-failed" && !moved) assert.equal(requeues, tried.length - 1, "the last one left none");
  if (cause === "no-targets") assert.equal(tried.length, 0);
}
