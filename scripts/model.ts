/**
 * `make model`: asks Spin whether the handshake of the control channel keeps what it promises, and whether Spin finds the attack
 * where something is left out of it. CASE=… takes only those whose name begins so.
 */
import { CASES, type Case, PROPERTIES, type Property } from "./model/cases.ts";
import { check, missing } from "./model/spin.ts";

const lacking = missing();
if (lacking !== null) {
  console.log(`skipped: ${lacking}`);
} else {
  const { CASE = "" } = process.env;
  let failed = 0;
  for (const each of CASES.filter(({ name }) => name.startsWith(CASE))) if (!(await isAsExpected(each))) failed += 1;
  process.exitCode = failed === 0 ? 0 : 1;
}

async function isAsExpected(each: Case): Promise<boolean> {
  const { broken, states, seconds } = await check(each);
  const isAs = broken === each.breaks;
  const found = `${said(broken)}${isAs ? "" : `, but it should be: ${said(each.breaks)}`}`;
  console.log(`${isAs ? "as expected" : "FAILED"}: ${each.name}: ${found} (${states} states, ${seconds.toFixed(1)} s)`);
  return isAs;
}

function said(property: Property | null): string {
  return property === null ? "everything holds" : `not true that ${PROPERTIES[property]}`;
}
