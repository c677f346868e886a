import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { it } from "node:test";
import { PATIENCE_MS } from "../support/wait.ts";
import { skip, withFewDescriptors } from "./few-descriptors.ts";

it("out of descriptors, connect() blames this process and not the peer, and recovers", { skip }, async () => {
  const [command, ...args] = withFewDescriptors("crowded-connect.ts");
  const { stdout, stderr } = spawnSync(command, args, {
    encoding: "utf8",
    timeout: PATIENCE_MS,
    env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" },
  });
  const first = "EMFILE"; // says the file that could not be opened any more
  assert.deepEqual(JSON.parse(stdout || "null"), [first, "EMFILE", "EMFILE", "connected", "ECONNREFUSED"], stderr);
});
