import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { PATIENCE } from "./kit.ts";

/** Enough for each runtime to start. */
const DESCRIPTORS = 100;
const script = fileURLToPath(new URL("crowded-connect.ts", import.meta.url));

function command(): string[] {
  if (process.versions.deno !== undefined) return [process.execPath, "run", "-A", "--no-check", script];
  if (process.versions.bun !== undefined) return [process.execPath, script];
  return [process.execPath, "--import", "tsx", script];
}

it("out of descriptors, connect() blames this process and not the peer, and recovers", {
  skip: process.platform === "linux" ? false : "limits descriptors with the shell of Linux",
}, () => {
  const { stdout, stderr } = spawnSync("sh", ["-c", `ulimit -n ${DESCRIPTORS} && exec "$@"`, "sh", ...command()], {
    encoding: "utf8",
    timeout: PATIENCE,
    env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" },
  });
  const first = "EMFILE"; // says the file that could not be opened any more
  assert.deepEqual(JSON.parse(stdout || "null"), [first, "EMFILE", "EMFILE", "connected", "ECONNREFUSED"], stderr);
});
