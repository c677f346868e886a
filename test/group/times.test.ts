/** Times that others write down are shown as dates one day: what no date can be is not taken. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { shownGroup } from "../../src/app/operated/group.ts";
import { readRecord } from "../../src/group/record.ts";
import { readWord, type Word, writeWord } from "../../src/group/word.ts";
import { REPORT } from "../control/harness.ts";
import { fakeGroup } from "../support/operated/group.ts";

/** The last ms that a Date holds. */
const LAST = 8_640_000_000_000_000;

const WORD: Omit<Word, "v"> = {
  ...{ name: "lb-2:1666", version: "2.0.0", host: "h", startedAt: 1, at: 1, ttl: 3_500, leaving: false, seq: 1 },
  ...{ targets: 1, reporters: 1, active: 1, waiting: 0, knows: {}, draining: {}, drainingMore: false },
};

describe("a time that another balancer has written down", () => {
  it("is taken as far as a date goes, and can be shown", () => {
    const word = readWord(writeWord({ ...WORD, startedAt: LAST, at: LAST }));
    assert.equal(word?.startedAt, LAST);
    const view = fakeGroup(0);
    const members = view.members.map((member) => ({ ...member, startedAt: word!.startedAt }));
    assert.match(shownGroup({ ...view, members }).members[1]!.startedAt, /^\+275760-/);
  });

  it("is not taken beyond that", () => {
    for (const beyond of [{ startedAt: LAST + 1 }, { at: LAST + 1 }])
      assert.equal(readWord(writeWord({ ...WORD, ...beyond })), null);
    const record = { host: "10.0.0.7", key: "web", since: LAST, at: LAST, report: REPORT };
    assert.equal(readRecord(`${REPORT.pool}/x`, JSON.stringify(record))?.since, LAST);
    assert.equal(readRecord(`${REPORT.pool}/x`, JSON.stringify({ ...record, since: LAST + 1 })), null);
    assert.equal(readRecord(`${REPORT.pool}/x`, JSON.stringify({ ...record, at: LAST + 1 })), null);
  });
});
