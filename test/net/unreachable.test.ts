import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { it } from "node:test";
import { scriptCommand } from "../support/form.ts";
import {
  BLACKHOLE_HOST,
  inUnreachableNetwork,
  PROHIBITED_HOST,
  SILENT_NEIGHBOUR,
  skip,
  UNREACHABLE_HOST,
  UNREACHABLE_NETWORK,
} from "../support/unreachable.ts";
import { PATIENCE_MS } from "../support/wait.ts";

const NOT_REACHED = new Map([
  [UNREACHABLE_HOST, "EHOSTUNREACH"],
  [UNREACHABLE_NETWORK, "ENETUNREACH"],
  [BLACKHOLE_HOST, "EINVAL"],
  [PROHIBITED_HOST, "EACCES"],
]);

/** What the script prints in that network when it is given those addresses. */
function codesFrom(script: string, addresses: readonly string[]): unknown {
  const [command, ...args] = inUnreachableNetwork([...scriptCommand(script), ...addresses]);
  const { stdout, stderr } = spawnSync(command, args, {
    encoding: "utf8",
    timeout: PATIENCE_MS,
    env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" },
  });
  return JSON.parse(stdout || assert.fail(stderr));
}

it("a host that cannot be reached is told from one that refuses", { skip }, () => {
  const here = ["127.0.0.1", "::1", "localhost"];
  const refused = here.map(() => "ECONNREFUSED");
  assert.deepEqual(codesFrom("test/net/unreachable-connect.ts", [...NOT_REACHED.keys(), SILENT_NEIGHBOUR, ...here]), [
    ...NOT_REACHED.values(),
    "EHOSTUNREACH",
    ...refused,
  ]);
});

it("Bun's adapter finds out what Bun calls a refusal", {
  skip: skip || (!("bun" in process.versions) && "it is Bun's alone"),
}, () => {
  assert.deepEqual(codesFrom("test/net/bun-connect-errno.ts", [...NOT_REACHED.keys(), "127.0.0.1"]), [
    ...NOT_REACHED.values(),
    null,
  ]);
});
