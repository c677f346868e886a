/** The `reporters` file: whatever stands in it, a change concerns one line. */
import assert from "node:assert/strict";
import { changeKeys, enterReporter, parseReporters } from "../../../src/control/keys/reporters-file.ts";
import fc from "../../support/draws.ts";
import { type Corpus, corpus, refusedWith } from "../corpus.ts";
import { mutated } from "../mutations.ts";
import { assertReadsBack, DICTIONARY, WORDS } from "./key-file.ts";

const KEYS = [1, 2, 3, 4].map((fill) => Buffer.alloc(32, fill));
const texts = KEYS.map((key) => key.toString("base64url"));
const NEW = Buffer.alloc(32, 9);

const line = fc
  .tuple(
    fc.constantFrom("alice", "bob", "web-1"),
    fc.subarray(texts, { minLength: 1, maxLength: 2 }),
    fc.subarray([...WORDS]),
  )
  .map(([name, keys, words]) => [name, keys.join(","), ...words].join(" "));
const file = fc
  .array(fc.oneof(line, fc.constantFrom("# a remark", "")), { maxLength: 4 })
  .map((lines) => `${lines.join("\n")}\n`);

export const reportersFiles: Corpus = corpus(
  "reporters-files",
  mutated(file, [...DICTIONARY, ...texts, "alice", "insecure"]),
  (text) => {
    const read = refusedWith(["BAD_KEY"], () => parseReporters(text, "reporters"));
    if (!("value" in read)) return undefined;
    for (const { limits } of read.value) assertReadsBack(limits);
    const told = (all: typeof read.value) =>
      all.map(({ id, publicKey }) => `${id} ${Buffer.from(publicKey).toString("base64url")}`);
    const before = told(read.value);
    const { limits } = read.value[0] ?? { limits: {} };
    const entered = enterReporter(text, "newcomer", NEW, limits);
    assert.deepEqual(told(parseReporters(entered, "reporters")), [...before, `newcomer ${NEW.toString("base64url")}`]);
    const name = read.value[0]?.id ?? "nobody";
    const others = before.filter((each) => !each.startsWith(`${name} `));
    const changed = told(parseReporters(changeKeys(text, name, [NEW]), "reporters"));
    assert.deepEqual(
      changed.filter((each) => !each.startsWith(`${name} `)),
      others,
    );
    assert.equal(changed.length, others.length + (before.length > 0 ? 1 : 0));
    return undefined;
  },
);
