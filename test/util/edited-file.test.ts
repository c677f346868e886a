import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { editFile } from "../../src/util/edited-file.ts";
import { UnsafeFile } from "../../src/util/secret-file.ts";
import { ManualClock } from "../support/clock.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { settle, until } from "../support/wait.ts";

const posix = process.platform === "win32" ? { skip: "no file modes on Windows" } : {};
const root =
  process.getuid?.() === 0 && !("deno" in process.versions) ? {} : { skip: "only root may give files to other users" };

after(removeFolders);

function newFile(text?: string): { path: string; folder: string; options: { like: string } } {
  const folder = temporaryFolder("edited");
  const path = join(folder, "file");
  if (text !== undefined) writeFileSync(path, text, { mode: 0o600 });
  return { path, folder, options: { like: folder } };
}

describe("a file that is edited", () => {
  it("appears, changes, and stays as it is where the text is the same; nothing else is left in the folder", async () => {
    const { path, folder, options } = newFile();
    await editFile(path, (text) => text, options);
    assert.ok(!existsSync(path), "no text, no file");
    await editFile(path, (text) => `${text}one\n`, options);
    await editFile(path, (text) => `${text}two\n`, options);
    assert.equal(readFileSync(path, "utf8"), "one\ntwo\n");
    const before = statSync(path).ino;
    await editFile(path, (text) => text, options);
    assert.equal(statSync(path).ino, before);
    assert.deepEqual(readdirSync(folder), ["file"]);
  });

  it("is as it was where the change is given up, and nothing is left", async () => {
    const { path, folder, options } = newFile("one\n");
    const change = () => {
      throw new Error("no");
    };
    await assert.rejects(editFile(path, change, options), /no/);
    assert.equal(readFileSync(path, "utf8"), "one\n");
    assert.deepEqual(readdirSync(folder), ["file"]);
  });

  it("waits for no pipe that somebody has put in the place of its lock, and takes it away", posix, async () => {
    const { path, folder, options } = newFile("one\n");
    const clock = new ManualClock();
    execFileSync("mkfifo", [`${path}.lock`]);
    const edited = editFile(path, (text) => `${text}two\n`, { ...options, clock });
    for (let ms = 0; ms < 3_000; ms += 20) {
      clock.advance(20);
      await settle(2);
    }
    await edited;
    assert.equal(readFileSync(path, "utf8"), "one\ntwo\n");
    assert.deepEqual(readdirSync(folder), ["file"]);
  });

  it("gets every change of all that edit it at the same time", async () => {
    const { path, options } = newFile();
    const numbers = Array.from({ length: 40 }, (_, number) => `${number}`);
    await Promise.all(numbers.map((number) => editFile(path, (text) => `${text}${number}\n`, options)));
    assert.deepEqual(readFileSync(path, "utf8").trim().split("\n").sort(), numbers.sort());
  });

  it("loses nothing that somebody writes into it meanwhile who takes no lock", async () => {
    const { path, options } = newFile("# ours\n");
    let looks = 0;
    const change = (text: string) => {
      looks += 1;
      if (looks === 1) writeFileSync(path, "# ours, and a person's\n");
      return `${text}entered\n`;
    };
    await editFile(path, change, options);
    assert.equal(readFileSync(path, "utf8"), "# ours, and a person's\nentered\n");
  });

  it("is not written by one whose lock was taken away", async () => {
    const { path, options } = newFile("one\n");
    let looks = 0;
    const change = (text: string) => {
      looks += 1;
      if (looks === 1) writeFileSync(`${path}.lock`, "another's");
      return `${text}two\n`;
    };
    const clock = new ManualClock();
    const edited = editFile(path, change, { ...options, clock });
    await until("it waits for the other one's lock", () => clock.pending === 1);
    assert.equal(readFileSync(path, "utf8"), "one\n");
    for (let ms = 0; ms <= 2_100; ms += 20) {
      clock.advance(20);
      await settle(4);
    }
    await edited;
    assert.equal(readFileSync(path, "utf8"), "one\ntwo\n");
  });

  it("waits for a lock whose holder lives, and takes one away that stays the same for two seconds", async () => {
    const { path, folder, options } = newFile("one\n");
    const clock = new ManualClock();
    const lock = `${path}.lock`;
    writeFileSync(lock, "the first holder");
    const edited = editFile(path, (text) => `${text}two\n`, { ...options, clock });
    const pass = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 20) {
        clock.advance(20);
        await settle(4);
      }
    };
    await settle(4);
    await pass(1_900);
    writeFileSync(lock, "the second holder");
    await pass(1_900);
    assert.equal(readFileSync(path, "utf8"), "one\n", "each of them had it for less than two seconds");
    await pass(200);
    await edited;
    assert.equal(readFileSync(path, "utf8"), "one\ntwo\n");
    assert.deepEqual(readdirSync(folder), ["file"]);
  });

  it(
    "keeps its mode; a new one is its owner's alone, or has the mode of the file that it is to be like",
    posix,
    async () => {
      const { path, folder, options } = newFile("one\n");
      chmodSync(path, 0o640);
      await editFile(path, () => "two\n", options);
      assert.equal(statSync(path).mode & 0o777, 0o640);
      await editFile(join(folder, "alone"), () => "x", options);
      assert.equal(statSync(join(folder, "alone")).mode & 0o777, 0o600);
      await editFile(join(folder, "shared"), () => "x", { like: path });
      assert.equal(statSync(join(folder, "shared")).mode & 0o777, 0o640);
    },
  );

  it("stays its owner's, and a new one is the folder's owner's", root, async () => {
    const { path, folder, options } = newFile("one\n");
    chmodSync(path, 0o640);
    chownSync(path, 12_345, process.getgid!());
    await editFile(path, () => "two\n", options);
    assert.equal(statSync(path).uid, 12_345);
    chownSync(folder, 12_346, 12_347);
    await editFile(join(folder, "new"), () => "x", options);
    const { uid, gid } = statSync(join(folder, "new"));
    assert.deepEqual([uid, gid], [12_346, 12_347]);
  });

  it("may be behind a link, which stays one", posix, async () => {
    const { path, folder, options } = newFile("one\n");
    const link = join(folder, "link");
    symlinkSync(path, link);
    await editFile(link, () => "two\n", options);
    assert.equal(readFileSync(path, "utf8"), "two\n");
    assert.deepEqual(readdirSync(folder).sort(), ["file", "link"]);
  });

  it("that others may read is not touched", posix, async () => {
    const { path, options } = newFile("one\n");
    chmodSync(path, 0o644);
    await assert.rejects(
      editFile(path, () => "two\n", options),
      (error) => error instanceof UnsafeFile,
    );
    assert.equal(readFileSync(path, "utf8"), "one\n");
  });
});
