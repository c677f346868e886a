import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { commandHeadroom } from "../../src/host/command.ts";
import { within } from "../support/wait.ts";

const never = new AbortController().signal;
const sh = (script: string, timeout?: number, over = never) => commandHeadroom(["sh", "-c", script], timeout)(0, over);

describe("a command that says what is left", { skip: process.platform === "win32" }, () => {
  it("prints percent on its first line", async () => {
    assert.equal(await sh("echo 42"), 0.42);
    assert.equal(await sh("printf ' 12.5 %%'; echo; echo more"), 0.125);
    assert.equal(await sh("echo a warning >&2; echo 100"), 1);
    assert.equal(await sh("echo 0"), 0);
  });

  it("fails with anything else, which is quoted", async () => {
    await assert.rejects(sh("echo 101"), /has printed "101": .* a number from 0 to 100/);
    await assert.rejects(sh("echo -1"), /has printed "-1"/);
    await assert.rejects(sh("echo; echo 5"), /has printed "5": its first line/);
    await assert.rejects(sh("echo 5 apples"), /has printed "5 apples"/);
    await assert.rejects(sh("true"), /has printed nothing/);
    await assert.rejects(sh("echo no such pool >&2; exit 3"), /has ended with exit code 3: "no such pool"/);
    await assert.rejects(sh("head -c 1000000 /dev/zero | tr '\\0' 7"), /has printed "7{80}"/);
  });

  it("has a time to do so", async () => {
    await assert.rejects(sh("sleep 600", 200), /has not ended within 200ms/);
  });

  it("ends when nobody wants to know any more", async () => {
    const over = new AbortController();
    const asked = sh("sleep 600", 600_000, over.signal);
    over.abort();
    await assert.rejects(within("the command to end", asked), /has ended with (SIGKILL|exit code 137)/);
  });

  it("is said to be missing", async () => {
    await assert.rejects(commandHeadroom(["/nowhere/room"])(0, never), /cannot be started/);
  });
});
