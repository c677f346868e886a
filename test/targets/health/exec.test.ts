import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { runtime } from "#runtime";
import { Checker } from "../../../src/targets/health/checker.ts";
import { systemClock } from "../../../src/util/clock.ts";
import { removeFolders, temporaryFolder } from "../../support/folder.ts";
import { until, within } from "../../support/wait.ts";

const SERVER = { host: "10.0.0.7", port: 8080 };
const checker = new Checker({ runtime, clock: systemClock });
after(async () => {
  await checker.close();
  removeFolders();
});

function exec(command: string[], timeout = 20_000) {
  const check = { kind: "exec", command, address: null, port: null, interval: 1, timeout, rise: 1, fall: 1 } as const;
  return within(`${command.join(" ")} to end`, checker.run(check, SERVER));
}
const sh = (script: string, ...more: string[]) => ["sh", "-c", script, ...more];

describe("a check by a program", { skip: process.platform === "win32" }, () => {
  it("passes with exit code 0, and has the first line of what it says", async () => {
    const passed = await exec(sh("echo fine; exit 0"));
    assert.deepEqual([passed.ok, passed.reason.slice(0, 11)], [true, "exit code 0"]);
    const failed = await exec(sh("echo; echo no such role >&2; exit 3"));
    assert.deepEqual([failed.ok, failed.reason], [false, "exit code 3: no such role"]);
    assert.match((await exec(sh("kill -9 $$"))).reason, /^ended by SIGKILL$|^exit code 137/);
  });

  it("tells the program where the server is, and no key of ours", async () => {
    const secrets = ["HARMONY_KEY", "HARMONY_GROUP", "HARMONY_GROUP_PASSWORD"];
    for (const name of secrets) process.env[name] = "a secret that is nobody's";
    const shown = secrets.map((name) => `$${name}`).join("");
    const said = await exec(sh(`echo "$TARGET_HOST:$TARGET_PORT $1 ${shown}."; exit 1`, "sh", "{host}/{port}"));
    for (const name of secrets) delete process.env[name];
    assert.equal(said.reason, "exit code 1: 10.0.0.7:8080 10.0.0.7/8080 .");
  });

  it("is no shell's matter unless one is asked for", async () => {
    const folder = temporaryFolder("exec");
    const { ok } = await exec(["ls", `${folder};true`]);
    assert.equal(ok, false);
  });

  it("fails where there is no such program", async () => {
    const { ok, reason } = await exec(["/nowhere/check"]);
    assert.equal(ok, false);
    assert.match(reason, /^cannot start \/nowhere\/check: /);
  });

  it("ends the program at its time, and all that it has started", async () => {
    const file = join(temporaryFolder("exec"), "pid");
    const { ok, reason } = await exec(sh(`sleep 600 & echo $! > ${file}; wait`), 500);
    assert.deepEqual([ok, reason], [false, "no answer within 500ms"]);
    const pid = Number(readFileSync(file, "utf8"));
    await until("the descendant to be gone", () => isGone(pid));
  });

  it("leaves nothing running that the program has left behind, and does not wait for it", async () => {
    const file = join(temporaryFolder("exec"), "pid");
    const { ok } = await exec(sh(`sleep 600 & echo $! > ${file}`));
    assert.equal(ok, true);
    const pid = Number(readFileSync(file, "utf8"));
    await until("the descendant to be gone", () => isGone(pid));
  });

  it("is not held up by a program that says more than anybody reads", async () => {
    const { ok, reason } = await exec(sh("head -c 5000000 /dev/zero | tr '\\0' x; exit 1"));
    assert.equal(ok, false);
    assert.ok(reason.length < 200, reason.slice(0, 300));
  });
});

/** Also where nobody has reaped it yet. */
function isGone(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.startsWith("Z");
  } catch {
    return true;
  }
}
