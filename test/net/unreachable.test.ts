import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { it } from "node:test";
import { scriptCommand } from "../support/form.ts";
import {
  inUnreachableNetwork,
  SILENT_NEIGHBOUR,
  skip,
  UNREACHABLE_HOST,
  UNREACHABLE_NETWORK,
} from "../support/unreachable.ts";
import { PATIENCE_MS } from "../support/wait.ts";

it("a host that cannot be reached is told from one that refuses", { skip }, () => {
  const addresses = [UNREACHABLE_HOST, UNREACHABLE_NETWORK, SILENT_NEIGHBOUR, "127.0.0.1", "::1", "localhost"];
  const [command, ...args] = inUnreachableNetwork([...scriptCommand("test/net/unreachable-connect.ts"), ...addresses]);
  const { stdout, stderr } = spawnSync(command, args, {
    encoding: "utf8",
    timeout: PATIENCE_MS,
    env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" },
  });
  const refused = "ECONNREFUSED";
  const expected = ["EHOSTUNREACH", "ENETUNREACH", "EHOSTUNREACH", refused, refused, refused];
  assert.deepEqual(JSON.parse(stdout || "null"), expected, stderr);
});
