import assert from "node:assert/strict";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { WatchedList } from "../../src/app/watched-list.ts";
import { AddressSet } from "../../src/edge/access/address-set.ts";
import { addressWords } from "../../src/util/client-key.ts";
import { ManualClock } from "../support/clock.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { until } from "../support/wait.ts";

after(removeFolders);

function watched() {
  const folder = temporaryFolder("watched-lists");
  const files = { allow: join(folder, "allow.txt"), deny: join(folder, "deny.txt") };
  writeFileSync(files.allow, "10.0.0.0/8\n");
  writeFileSync(files.deny, "10.0.0.1\n");
  const clock = new ManualClock();
  const changes: string[] = [];
  const problems: string[] = [];
  const entries = {
    allow: [{ file: files.allow }],
    deny: [{ cidr: "192.0.2.1" }, { file: files.deny }],
    senders: [{ cidr: "::1" }],
  };
  const lists = Object.entries(entries).map(
    ([option, entries]) =>
      new WatchedList({
        option,
        entries,
        clock,
        onChange: (data) => {
          const has = (host: string) => new AddressSet(data).has(addressWords(host, new Uint32Array(4)), 0);
          changes.push(`${option} ${["192.0.2.1", "10.0.0.1", "10.0.0.2"].filter(has).join(" ")}`);
        },
        onProblem: (problem) => problems.push(problem),
      }),
  );
  for (const list of lists) list.start();
  const close = () => {
    for (const list of lists) list.close();
  };
  const looks = (count: number) => {
    for (let i = 0; i < count; i++) clock.advance(500);
  };
  return { files, close, looks, changes, problems };
}

describe("lists that are watched", () => {
  it("are read again when a file has changed and rests, each by itself, with what the option has", async () => {
    const { changes, files, close, looks, problems } = watched();
    looks(3);
    writeFileSync(`${files.deny}.new`, "10.0.0.2\n");
    renameSync(`${files.deny}.new`, files.deny);
    looks(1);
    assert.deepEqual(changes, [], "it may still be being written");
    looks(3);
    await until("what the lists have become", () => changes.length > 0);
    assert.deepEqual(changes, ["deny 192.0.2.1 10.0.0.2"]);
    assert.deepEqual(problems, []);
    close();
  });

  it("stay what they are while a file cannot be used, which is told once", async () => {
    const { changes, files, close, looks, problems } = watched();
    writeFileSync(files.deny, "10.0.0.2\nnobody\n");
    looks(6);
    await until("what the lists have become", () => problems.length > 0);
    assert.match(problems.join(), /^deny: .*deny\.txt:2: "nobody" is no address/);
    rmSync(files.deny);
    looks(6);
    await until("what the lists have become", () => problems.length > 1);
    assert.match(problems[1]!, /^deny: the file cannot be read: ENOENT/);
    writeFileSync(files.deny, "10.0.0.2\n");
    looks(6);
    await until("what the lists have become", () => changes.length > 0);
    assert.deepEqual([changes, problems.length], [["deny 192.0.2.1 10.0.0.2"], 2]);
    close();
  });

  it("are not looked at any more once that is over", () => {
    const { changes, files, close, looks } = watched();
    close();
    writeFileSync(files.deny, "10.0.0.2\n");
    looks(6);
    assert.deepEqual(changes, []);
  });
});
