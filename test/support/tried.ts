import assert from "node:assert/strict";
import type { CloseRecord } from "../../src/proxy/record.ts";

/** What every record promises of the targets that failed its connection. */
export function assertTried({ cause, requeues, target, tried }: CloseRecord, requeue: number): void {
  assert.ok(tried.length <= 1 + requeue, `${tried.length} tried with requeue ${requeue}`);
  const left = tried.length - requeues;
  assert.ok(tried.length === 0 ? left === 0 : left === 0 || left === 1, `${tried.length} tried, ${requeues} requeues`);
  if (target !== null) assert.equal(requeues, tried.length, "it went from each that failed to another");
  if (cause === "connect-failed") assert.equal(requeues, tried.length - 1, "the last one left none");
  if (cause === "no-targets") assert.equal(tried.length, 0);
}
