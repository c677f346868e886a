/** Tables fit the width, and lose the least worth first. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { lineText } from "../../../src/bin/terminal/line.ts";
import { ENDLESS } from "../../../src/bin/terminal/paper.ts";
import { type Column, table } from "../../../src/bin/terminal/table.ts";
import { harmless, widthOf } from "../../../src/bin/terminal/text.ts";
import fc from "../../support/draws.ts";

interface Row {
  readonly name: string;
  readonly count: number;
  readonly why: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: "NAME", value: ({ name }) => name, least: 8, cut: "middle" },
  { title: "COUNT", value: ({ count }) => String(count), right: true },
  { title: "WHY", value: ({ why }) => why, least: 6, worth: 1 },
];
const ROWS: readonly Row[] = [
  { name: "web/10.0.0.5:8080", count: 7, why: "it accepts" },
  { name: "db/one", count: 1200, why: "it refuses connections" },
];

function shown(rows: readonly Row[], columns: number, unicode = true): string[] {
  return table(COLUMNS, rows, { ...ENDLESS, columns, unicode }).map((line) => lineText(line, false));
}

describe("a table", () => {
  test("is aligned, words to the left and numbers to the right", () => {
    assert.deepEqual(shown(ROWS, 80), [
      "NAME               COUNT  WHY",
      "web/10.0.0.5:8080      7  it accepts",
      "db/one              1200  it refuses connections",
    ]);
    assert.deepEqual(shown([], 80), []);
  });

  test("cuts the longest words first", () => {
    assert.deepEqual(shown(ROWS, 40), [
      "NAME             COUNT  WHY",
      "web/10.….5:8080      7  it accepts",
      "db/one            1200  it refuses conn…",
    ]);
  });

  test("leaves out what is worth least where cutting does not do, and never what has to be there", () => {
    assert.deepEqual(shown(ROWS, 16), ["NAME       COUNT", "web/…8080      7", "db/one      1200"]);
    assert.equal(shown(ROWS, 1)[0], "NAME      COUNT");
    assert.match(shown(ROWS, 16, false)[1]!, /^web\/~/);
  });

  test("is never wider than it may be, as long as what has to be there fits", () => {
    const row = fc.record({
      name: fc.string({ unit: "binary", maxLength: 40 }),
      count: fc.nat(99_999),
      why: fc.string({ maxLength: 60 }),
    });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 8 }), fc.integer({ min: 15, max: 100 }), (rows, columns) => {
        const lines = table(COLUMNS, rows, { ...ENDLESS, columns });
        return lines.every((line) => widthOf(line.map(({ text }) => text).join("")) <= columns);
      }),
    );
  });

  test("shows what steers a terminal by its number", () => {
    const [, text] = shown([{ name: "a\x1b[2J", count: 1, why: "" }], 80);
    assert.ok(text!.startsWith(harmless("a\x1b[2J")));
  });
});
