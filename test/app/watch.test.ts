/** When a document's files count as changed. */
import assert from "node:assert/strict";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { documentFilesOf } from "../../src/config/document/read-document.ts";
import { FileWatch } from "../../src/util/file-watch.ts";
import { ManualClock } from "../support/clock.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";

after(removeFolders);

const LOOK_MS = 500;

function watched(text: string) {
  const folder = temporaryFolder("watch");
  const file = join(folder, "harmony.toml");
  writeFileSync(file, text);
  const clock = new ManualClock();
  let changes = 0;
  const watch: FileWatch = new FileWatch({
    clock,
    files: documentFilesOf(file),
    onChange: () => {
      changes++;
      watch.reading();
    },
  });
  watch.start();
  return { folder, file, clock, watch, changes: () => changes, look: () => clock.advance(LOOK_MS) };
}

describe("a document that is watched", () => {
  it("has changed once it is the same at two looks, however often it was written before", () => {
    const { file, look, changes } = watched("a");
    for (const text of ["bb", "ccc", "dddd"]) {
      writeFileSync(file, text);
      look();
      assert.equal(changes(), 0, "it may still be being written");
    }
    look();
    assert.equal(changes(), 1);
    look();
    look();
    assert.equal(changes(), 1);
  });

  it("has changed once for a file that is replaced, and for one that goes", () => {
    const { file, look, changes } = watched("a");
    writeFileSync(`${file}.new`, "a");
    renameSync(`${file}.new`, file);
    for (let i = 0; i < 4; i++) look();
    assert.equal(changes(), 1);
    rmSync(file);
    for (let i = 0; i < 4; i++) look();
    assert.equal(changes(), 2);
  });

  it("has changed when another file is included, or one of those has changed", () => {
    const { folder, look, changes } = watched('include = ["*.toml"]');
    for (let i = 0; i < 4; i++) look();
    assert.equal(changes(), 0);
    for (const text of ["x = 1", "x = 22"]) {
      const before = changes();
      writeFileSync(join(folder, "other.toml"), text);
      for (let i = 0; i < 4; i++) look();
      assert.equal(changes(), before + 1, text);
    }
  });

  it("has changed when that happened before the first look at it", () => {
    const file = join(temporaryFolder("watch"), "harmony.toml");
    writeFileSync(file, "a");
    const clock = new ManualClock();
    let changes = 0;
    const watch = new FileWatch({ clock, files: documentFilesOf(file), onChange: () => void changes++ });
    writeFileSync(file, "bb");
    watch.start();
    clock.advance(LOOK_MS);
    clock.advance(LOOK_MS);
    assert.equal(changes, 1);
    watch.close();
  });

  it("has not changed when it was read for another reason meanwhile", () => {
    const { file, look, changes, watch } = watched("a");
    writeFileSync(file, "bb");
    look();
    watch.reading();
    for (let i = 0; i < 4; i++) look();
    assert.equal(changes(), 0);
  });

  it("is looked at no more once that is closed", () => {
    const { clock, watch } = watched("a");
    watch.close();
    assert.equal(clock.pending, 0);
  });
});
