import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { hostEnvironment } from "../../src/control/keys/key-places.ts";
import { Keys } from "../../src/control/keys/keys.ts";
import { formatKeyBytes } from "../../src/control/keys/public-key.ts";
import { Reporters } from "../../src/control/keys/reporters.ts";
import { readSeen, writeSeen } from "../../src/control/keys/seen-file.ts";
import { ManualClock } from "../support/clock.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";

after(removeFolders);

const key = (number: number) => new Uint8Array(32).fill(number);
const text = (...numbers: number[]) => numbers.map((number) => formatKeyBytes(key(number))).join(",");
const code = (expected: string) => (error: unknown) => (error as { code?: string }).code === expected;

function office(content: string) {
  const folder = temporaryFolder("reporters");
  const file = join(folder, "reporters");
  writeFileSync(file, content, { mode: 0o600 });
  const keys = new Keys([], null, hostEnvironment(), { reporters: file });
  const clock = new ManualClock();
  const reporters = new Reporters({ reporters: file, like: folder }, keys, clock);
  return { folder, file, keys, clock, reporters, read: () => readFileSync(file, "utf8") };
}

describe("a reporter that exchanges its key", () => {
  it("has both in its line until it comes with the new one; the rest of the file stays as it is", async () => {
    const { reporters, keys, read } = office(`# ours\ndb ${text(9)}\n  web   ${text(1)}  port=80\n`);
    await reporters.rotate("web", key(1), key(2));
    assert.equal(read(), `# ours\ndb ${text(9)}\n  web   ${text(1, 2)}  port=80\n`);
    await reporters.rotate("web", key(1), key(2));
    await reporters.came("web", key(1));
    assert.equal(read(), `# ours\ndb ${text(9)}\n  web   ${text(1, 2)}  port=80\n`);
    assert.equal(keys.findByPublicKey(key(2))?.id, "web");
    await reporters.came("web", key(2));
    assert.equal(read(), `# ours\ndb ${text(9)}\n  web   ${text(2)}  port=80\n`);
    await reporters.came("web", key(2));
    await reporters.rotate("web", key(2), key(2));
    assert.equal(read(), `# ours\ndb ${text(9)}\n  web   ${text(2)}  port=80\n`);
  });

  it("that begins anew has the newest beside the one that it has proved", async () => {
    const { reporters, read } = office(`web ${text(1)}\n`);
    await reporters.rotate("web", key(1), key(2));
    await reporters.rotate("web", key(1), key(3));
    assert.equal(read(), `web ${text(1, 3)}\n`);
    await reporters.rotate("web", key(3), key(4));
    assert.equal(read(), `web ${text(3, 4)}\n`);
  });

  it("may do so a few times a minute, and say the same again as often as it likes", async () => {
    const { reporters, clock, read } = office(`web ${text(1)}\ndb ${text(20)}\n`);
    for (let n = 2; n <= 6; n += 1) assert.equal(await reporters.rotate("web", key(1), key(n)), true);
    await assert.rejects(reporters.rotate("web", key(1), key(7)), { code: "QUOTA", retry: true });
    for (let n = 0; n < 9; n += 1) assert.equal(await reporters.rotate("web", key(1), key(6)), false);
    assert.equal(await reporters.rotate("db", key(20), key(21)), true);
    assert.equal(read(), `web ${text(1, 6)}\ndb ${text(20, 21)}\n`);
    clock.advance(60_000);
    assert.equal(await reporters.rotate("web", key(1), key(7)), true);
  });

  it("is refused without its line, with another's key, and where the file is broken or gone", async () => {
    const { reporters, file, read } = office(`web ${text(1)}\ndb ${text(2)}\n`);
    await assert.rejects(reporters.rotate("web", key(1), key(2)), code("KEY_TAKEN"));
    await assert.rejects(reporters.rotate("web", key(2), key(3)), code("REVOKED"));
    await assert.rejects(reporters.rotate("other", key(1), key(3)), code("REVOKED"));
    assert.equal(read(), `web ${text(1)}\ndb ${text(2)}\n`);
    writeFileSync(file, "web\n");
    await assert.rejects(reporters.rotate("web", key(1), key(3)), code("BAD_KEY"));
    rmSync(file);
    await assert.rejects(reporters.rotate("web", key(1), key(3)), code("REVOKED"));
    assert.ok(!existsSync(file));
  });
});

describe("what was last seen of reporters", () => {
  it("is written when it changes, or every half minute, and forgotten with the reporter's line", async () => {
    const folder = temporaryFolder("seen");
    const files = { seen: join(folder, "seen"), like: folder };
    const isReporter = (name: string) => name !== "gone";
    const web = { name: "web", address: "10.0.0.5", targets: ["default/b", "default/a"] };
    await writeSeen(files, [], isReporter, 1_000);
    assert.ok(!existsSync(files.seen), "nobody, no file");
    await writeSeen(files, [web, { ...web, name: "gone" }, { ...web, name: "db" }], isReporter, 1_000);
    assert.deepEqual(readSeen(files.seen).web, { at: 1_000, address: "10.0.0.5", targets: ["default/a", "default/b"] });
    const { ino } = statSync(files.seen);
    await writeSeen(files, [web], isReporter, 30_999);
    assert.equal(statSync(files.seen).ino, ino, "not written for a few seconds more");
    assert.deepEqual(Object.keys(readSeen(files.seen)), ["web", "db"]);
    await writeSeen(files, [web], (name) => name === "web", 31_000);
    assert.deepEqual(Object.keys(readSeen(files.seen)), ["web"]);
    assert.equal(readSeen(files.seen).web?.at, 31_000);
    await writeSeen(
      files,
      [
        { ...web, targets: [] },
        { ...web, targets: ["default/c"] },
      ],
      isReporter,
      31_001,
    );
    assert.deepEqual(readSeen(files.seen).web, { at: 31_001, address: "10.0.0.5", targets: ["default/c"] });
    await writeSeen(files, [], isReporter, 99_000);
    assert.equal(readSeen(files.seen).web?.at, 31_001, "whoever is not there keeps its time");
    if (process.platform !== "win32") assert.equal(statSync(files.seen).mode & 0o777, 0o600);
  });

  it("is written anew where the file holds something else", async () => {
    const folder = temporaryFolder("seen");
    const files = { seen: join(folder, "seen"), like: folder };
    for (const content of ["", "{", "[]", '{"web":{"at":"now"}}']) {
      writeFileSync(files.seen, content, { mode: 0o600 });
      assert.deepEqual(readSeen(files.seen), {});
    }
    await writeSeen(files, [{ name: "web", address: "::1", targets: [] }], () => true, 5);
    assert.deepEqual(readSeen(files.seen), { web: { at: 5, address: "::1", targets: [] } });
  });
});
