/** "localhost" where the hosts file gives it two addresses: a server on one of them is found, whichever is looked up first. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, describe, test } from "node:test";
import { removeFolders } from "../support/folder.ts";
import { scriptCommand } from "../support/form.ts";
import { isolated, onMachine } from "./machine.ts";

const DEADLINE_MS = 30_000;
const skip = isolated ? false : "this machine's hosts file cannot be replaced here (no unshare)";

after(removeFolders);

describe("a client without a host", () => {
  test("with its server on 127.0.0.1 or ::1 alone: one name, and clients are served", { skip }, () => {
    const [file, ...args] = onMachine(scriptCommand("test/library/run-localhost.ts"));
    const { stdout, stderr, status } = spawnSync(file!, args, { encoding: "utf8", timeout: DEADLINE_MS });
    assert.equal(status, 0, stderr);
    const lines = stdout.trim().split("\n");
    assert.equal(lines.length, 2, stdout);
    for (const line of lines) {
      const { host, port, identity, address, answer } = JSON.parse(line);
      assert.deepEqual([identity, address, answer], [`default/127.0.0.1:${port}`, { host, port }, "hello"], line);
    }
  });
});
