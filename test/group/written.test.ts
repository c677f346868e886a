/** What balancers write down is read as it was meant, and anything else that may be found there counts for nothing. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readHint, writeHint } from "../../src/group/hint.ts";
import { type OwnTarget, readRecord, recordOf, writeRecord } from "../../src/group/record.ts";
import { readWord, type Word, writeWord } from "../../src/group/word.ts";
import fc from "../support/draws.ts";

const WORD: Omit<Word, "v"> = {
  ...{ name: "a:1666", version: "2.0.0", host: "a", startedAt: 5, at: 6, ttl: 3_500, leaving: false, seq: 7 },
  ...{ targets: 1, reporters: 2, active: 3, waiting: 4, knows: { b: 9 }, draining: { "p/x": 1 }, drainingMore: false },
};
const OWN: OwnTarget = {
  report: { pool: "p", port: 80, weight: 9, health: "down", reason: "no disk", drain: true, id: "x", instance: "i" },
  address: { host: "2001:db8::1", port: 80 },
  key: "k",
  fingerprint: "f",
  since: 1_000,
  seen: "2001:db8::1",
};

/** JSON that resembles what is written, with one field of it anything. */
function resembling(text: string): fc.Arbitrary<string> {
  const fields = Object.keys(JSON.parse(text) as object);
  return fc
    .tuple(fc.constantFrom(...fields, "other"), fc.jsonValue())
    .map(([field, value]) => JSON.stringify({ ...(JSON.parse(text) as object), [field]: value }));
}

function neverThrows(texts: fc.Arbitrary<string>, read: (text: string) => unknown): void {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), texts), (text) => {
      const found = read(text);
      assert.ok(found === null || typeof found === "object");
    }),
    { numRuns: 2_000 },
  );
}

describe("the word of a balancer", () => {
  it("is read as it was written", () => {
    const { v, ...word } = readWord(writeWord(WORD))!;
    assert.deepEqual(word, WORD);
  });

  it("may say more than this version knows, and nothing that is wrong", () => {
    const with_ = (more: object) => readWord(JSON.stringify({ ...JSON.parse(writeWord(WORD)), ...more }));
    assert.notEqual(with_({ later: true }), null);
    for (const wrong of [
      { v: 2 },
      { ttl: 0 },
      { ttl: 30_001 },
      { seq: -1 },
      { seq: 1.5 },
      { name: "x".repeat(201) },
      { knows: [] },
    ])
      assert.equal(with_(wrong), null, JSON.stringify(wrong));
  });

  it("is null for whatever else is found", () => neverThrows(resembling(writeWord(WORD)), readWord));
});

describe("the record of a target", () => {
  it("is read as it was written", () => {
    assert.deepEqual(JSON.parse(JSON.stringify(readRecord("p/x", writeRecord(recordOf(OWN), 5)))), { ...OWN, at: 5 });
  });

  it("may be without what an earlier release does not write", () => {
    const { fingerprint, seen, ...least } = OWN;
    assert.deepEqual(JSON.parse(JSON.stringify(readRecord("p/x", writeRecord(recordOf(least), 5)))), {
      ...least,
      at: 5,
    });
  });

  it("is none with an address that is a name, or a report that no reporter could have made", () => {
    const record = recordOf(OWN) as { report: object };
    const not = [
      { ...record, host: "localhost" },
      { ...record, report: { ...record.report, weight: -1 } },
      { ...record, report: { ...record.report, pool: "../x" } },
      { ...record, report: { ...record.report, port: 0 } },
    ];
    for (const each of not) assert.equal(readRecord("p/x", writeRecord(each, 5)), null, JSON.stringify(each));
  });

  it("is none under a name that no target in its pool can have", () => {
    const text = writeRecord(recordOf(OWN), 5);
    for (const name of ["p/10.0.0.1:80", "p/unix:/run/x"]) assert.notEqual(readRecord(name, text), null, name);
    for (const name of ["", "p", "q/x", "__proto__", "constructor", "p/\u001b[2J", "p/x\nfake", `p/${"x".repeat(700)}`])
      assert.equal(readRecord(name, text), null, name);
  });

  it("is null for whatever else is found", () =>
    neverThrows(resembling(writeRecord(recordOf(OWN), 5)), (text) => readRecord("p/x", text)));
});

describe("a hint", () => {
  const HINT = { t: "targets", by: "a", seq: 3, names: ["p/x"] } as const;

  it("is read as it was written", () => {
    assert.deepEqual(readHint(writeHint({ ...HINT, names: ["p/x"] })), HINT);
  });

  it("is null for whatever else comes", () => neverThrows(resembling(writeHint({ ...HINT, names: null })), readHint));
});
