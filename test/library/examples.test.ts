/** The examples of the first README, as they stand there, on the runtime that runs this file. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { removeFolders } from "../support/folder.ts";
import { scriptCommand } from "../support/form.ts";
import { endPrograms, Program } from "../support/program.ts";
import { folder, isolated, onMachine, taken } from "./machine.ts";

const PORTS = [3000, 1666, 1080, 1090];
const DEADLINE_MS = 30_000;

const example = (name: string) => fileURLToPath(new URL(`examples/${name}.cjs`, import.meta.url));

after(async () => {
  await endPrograms();
  removeFolders();
});

/** The lines that run-examples.ts printed. */
async function run(plans: object): Promise<{ answers?: string[]; printed?: string }[]> {
  const command = onMachine([
    ...scriptCommand("test/library/run-examples.ts"),
    JSON.stringify(plans),
    ...scriptCommand("").slice(0, -1),
  ]);
  const program = new Program(command, { env: { HARMONY_KEY: "", XDG_CONFIG_HOME: join(folder, "config") } });
  const { code } = await program.ended(DEADLINE_MS);
  assert.deepEqual({ code, stderr: program.stderr }, { code: 0, stderr: "" }, program.stderr + program.stdout);
  return program.printed as { answers?: string[]; printed?: string }[];
}

const busy = isolated ? [] : await taken(PORTS);
const noPorts = busy.length > 0 ? `ports ${busy.join(", ")} of this machine are taken` : false;
const noName = isolated ? false : "balance.mydomain cannot be given an address here (no unshare)";

/** SHA-256 of each example as the first README has it: a change here is a broken promise. */
const ORIGINALS = {
  "single-server": "ceb2800f49545503f6d4829a78486044b4a32ecc1069d1da36bd41ce64dda539",
  "multiple-balancer": "a950aec22454c7ec772e9c23ca0bb5052419d07760f1f0f770ae4e70c5e77483",
  "multiple-host1": "4949741703bb09443eec2e2ae266ea42495bf0a1c611f95842b052867c3cd974",
  "multiple-host2": "def10354bdf92f6395163976aa7fbb949703d599e62f33470641100108dfc67c",
};

describe("the examples of the first README", () => {
  test("single server: once the large one has closed, the other serves", { skip: noPorts }, async () => {
    // The large one is picked as soon as it is there, and leaves at its first answer. Connections may still overtake that.
    const [until, settlesAt] = ["served from port 1080", "served from port 1090"];
    const lines = await run([{ file: example("single-server"), until, ask: 4, settlesAt }]);
    assert.equal(lines.length, 1, "nothing is printed");
    assert.deepEqual(lines[0]!.answers, Array(4).fill(settlesAt));
  });
  test("multiple servers: a balancer, and hosts that come one after the other", { skip: noName }, async () => {
    const lines = await run([
      { file: example("multiple-balancer"), ask: 0 },
      { file: example("multiple-host1"), ask: 1, end: true },
      { file: example("multiple-host2"), ask: 1 },
    ]);
    assert.deepEqual(lines, [
      { answers: [] },
      { answers: ["served from port 1080, server 1"] },
      { answers: ["served from port 1080, server 2"] },
    ]);
  });
  test("they stand as they were written", () => {
    for (const [name, sha256] of Object.entries(ORIGINALS)) {
      assert.equal(
        createHash("sha256")
          .update(readFileSync(example(name)))
          .digest("hex"),
        sha256,
        name,
      );
    }
  });
});
