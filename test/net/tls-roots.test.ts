import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { it } from "node:test";
import { certificateFiles } from "../support/certificates.ts";
import { scriptCommand } from "../support/form.ts";
import { PATIENCE_MS } from "../support/wait.ts";

it("authorities that are given replace those that are trusted by default", () => {
  const [command, ...args] = scriptCommand("test/net/tls-roots-connect.ts");
  // Each runtime's way to add to its own: the server's authority is among those that are trusted by default.
  const trusted = { DENO_CERT: certificateFiles.ca, NODE_EXTRA_CA_CERTS: certificateFiles.ca };
  const { stdout, stderr } = spawnSync(command!, args, {
    encoding: "utf8",
    timeout: PATIENCE_MS,
    env: { ...process.env, ...trusted, DENO_NO_UPDATE_CHECK: "1" },
  });
  assert.deepEqual(JSON.parse(stdout || assert.fail(stderr)), ["connected", "connected", "ETLS"]);
});
