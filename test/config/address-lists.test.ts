import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { filesOf, readAddresses, readAddressesInSlices } from "../../src/config/address-lists.ts";
import { AddressSet, type AddressSetData } from "../../src/edge/access/address-set.ts";
import { addressWords } from "../../src/util/client-key.ts";
import { amount } from "../support/amount.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";

after(removeFolders);

function fileOf(text: string): string {
  const file = join(temporaryFolder("lists"), "list.txt");
  writeFileSync(file, text);
  return file;
}

function has(data: AddressSetData | null, host: string): boolean {
  return new AddressSet(data!).has(addressWords(host, new Uint32Array(4)), 0);
}

function problemsOf(text: string): string[] {
  const problems: string[] = [];
  assert.equal(readAddresses([{ file: fileOf(text) }], "deny", problems), null);
  return problems.map((problem) => problem.replace(/\/\S+\//, ""));
}

describe("a list of addresses", () => {
  it("is what the option has and what its files have, comments, spaces and empty lines aside", () => {
    const file = fileOf("# who is not welcome\n\n10.0.0.0/8   # a test network\r\n\t2001:db8::/32\n192.0.2.7");
    const problems: string[] = [];
    const set = readAddresses([{ cidr: "198.51.100.1" }, { file }, { file: fileOf("") }], "deny", problems);
    assert.deepEqual(problems, []);
    for (const host of ["198.51.100.1", "10.9.9.9", "2001:db8::1", "192.0.2.7"]) assert.ok(has(set, host), host);
    assert.ok(!has(set, "192.0.2.8"));
    assert.equal(new AddressSet(set!).entries, 4);
  });

  it("names the file and the line of what is none, at most five of a file", () => {
    assert.deepEqual(problemsOf("10.0.0.1\n10.0.0.0/33\nevil.test # no names\n"), [
      'deny: list.txt:2: "10.0.0.0/33" is no address, nor a network such as 10.0.0.0/8 or 2001:db8::/32',
      'deny: list.txt:3: "evil.test" is no address, nor a network such as 10.0.0.0/8 or 2001:db8::/32',
    ]);
    const many = problemsOf("x\n".repeat(9));
    assert.equal(many.length, 6);
    assert.equal(many[5], "deny: list.txt: 4 more lines are no addresses");
    assert.ok(problemsOf(`${"x".repeat(100_000)}\n`)[0]!.length < 200);
  });

  it("says so of a file that is not there, or has no end", () => {
    const problems: string[] = [];
    assert.equal(readAddresses([{ file: "/nowhere/list.txt" }, { file: "/dev/null" }], "allow", problems), null);
    assert.match(problems[0]!, /^allow: the file cannot be read: ENOENT.*\/nowhere\/list\.txt/);
    assert.equal(problems[1], "allow: /dev/null is no regular file");
  });

  it("has files to look at, and others not", () => {
    assert.deepEqual(filesOf([{ cidr: "::1" }, { file: "/a/b" }]), ["/a/b"]);
  });

  it("lets others have turns while it is read, however long it is", async () => {
    const count = amount(100_000);
    const file = fileOf(
      Array.from({ length: count }, (_, i) => `${20 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.0/25`).join("\n"),
    );
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const set = await readAddressesInSlices([{ file }], "deny", []);
    clearInterval(timer);
    assert.ok(turns > 1, `${turns} turns`);
    assert.ok(has(set, "20.0.1.127") && !has(set, "20.0.1.128"));
  });
});
