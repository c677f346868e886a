/** Where reporters tell of themselves, when nobody has said where. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { reporterSockets } from "../../src/admin/places.ts";
import { ReporterSocket } from "../../src/app/reporter-socket.ts";
import { loadReporter } from "../../src/config/load.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder("reporters");
process.env.RUNTIME_DIRECTORY = folder;
after(removeFolders);

const call = loadReporter({
  argv: ["--host", "127.0.0.1", "--port", "8080", "--insecure"],
  environment: {},
  program: { name: "harmony-reporter", usage: "", summary: "", footer: "" },
});
assert.ok(call.action === "run");
const { settings } = call;
const NAME = "reporter-default-8080";

async function open(warnings: string[], change = {}): Promise<ReporterSocket> {
  return ReporterSocket.open({ ...settings, ...change }, (message) => warnings.push(message));
}

describe("a reporter's socket", { skip: process.platform === "win32" && "Windows has none" }, () => {
  it("is beside that of another reporter of the same target, and both are found", async () => {
    const warnings: string[] = [];
    const [first, second] = [await open(warnings), await open(warnings)];
    assert.deepEqual(readdirSync(folder).toSorted(), [`${NAME}-2.sock`, `${NAME}.sock`]);
    assert.equal(reporterSockets([folder]).length, 2);
    await first.close();
    const third = await open(warnings);
    assert.deepEqual(readdirSync(folder).toSorted(), [`${NAME}-2.sock`, `${NAME}.sock`]);
    await Promise.all([second.close(), third.close()]);
    assert.deepEqual([readdirSync(folder), warnings], [[], []]);
  });

  it("at a place that was asked for is there or nowhere", async () => {
    const change = { statusSocket: { path: join(folder, "own.sock") } };
    const first = await open([], change);
    await assert.rejects(open([], change), { code: "EADDRINUSE" });
    assert.deepEqual(readdirSync(folder), ["own.sock"]);
    await first.close();
  });
});
