/** Text, units and lines as a terminal shows them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { line, lineText, part } from "../../../src/bin/terminal/line.ts";
import { paperOf } from "../../../src/bin/terminal/paper.ts";
import { cutTo, harmless, padded, widthOf } from "../../../src/bin/terminal/text.ts";
import {
  AMOUNT,
  amountText,
  BYTES,
  bytesText,
  MS,
  msText,
  partText,
  SPAN,
  spanText,
} from "../../../src/bin/terminal/units.ts";
import fc from "../../support/draws.ts";

const anyText = fc.string({ unit: "binary" });

describe("text for a terminal", () => {
  test("never steers it, whatever the name of a target or a reporter's software is", () => {
    assert.equal(harmless("web\x1b[2Jup\r\n"), "web\\u{1b}[2Jup\\u{d}\\u{a}");
    assert.equal(harmless("abc\u202egnp"), "abc\\u{202e}gnp");
    assert.equal(harmless("Grüße 東京"), "Grüße 東京");
    fc.assert(fc.property(anyText, (text) => !/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(harmless(text))));
  });

  test("is as wide as it looks", () => {
    const cases: [text: string, width: number][] = [
      ["web", 3],
      ["東京", 4],
      ["e\u0301", 1],
      ["🙂", 2],
      ["", 0],
    ];
    for (const [text, width] of cases) assert.equal(widthOf(text), width, text);
  });

  test("is cut to the width that there is, at its end or in its middle, and never beyond", () => {
    assert.equal(cutTo("web/10.0.0.5:8080", 9, "middle", "…"), "web/…8080");
    assert.equal(cutTo("it refuses connections", 11, "end", "…"), "it refuses…");
    assert.equal(cutTo("web", 3, "end", "…"), "web");
    const cut = fc.constantFrom("end" as const, "middle" as const);
    fc.assert(
      fc.property(anyText.map(harmless), fc.nat(40), cut, (text, width, where) => {
        const short = cutTo(text, width, where, "…");
        return widthOf(short) <= width && (widthOf(text) > width || short === text);
      }),
    );
  });

  test("is filled up to the width of its column, on either side", () => {
    assert.equal(padded("東", 4, false), "東  ");
    assert.equal(padded("12", 4, true), "  12");
  });
});

describe("units", () => {
  test("of times are two at most", () => {
    const [s, m, h, d] = [1_000, 60_000, 3_600_000, 86_400_000];
    const cases: [ms: number, text: string][] = [
      [-5, "0s"],
      [0, "0ms"],
      [850, "850ms"],
      [12.9 * s, "12s"],
      [4 * m + 5 * s, "4m05s"],
      [3 * h + 20 * m, "3h20m"],
      [12 * d + 4 * h, "12d04h"],
    ];
    for (const [ms, text] of cases) assert.equal(spanText(ms), text);
  });

  test("of amounts are powers of a thousand, with three digits", () => {
    const cases: [amount: number, text: string, bytes: string][] = [
      [0, "0", "0 B"],
      [999, "999", "999 B"],
      [1_000, "1.0k", "1.0 kB"],
      [34_540, "34.5k", "34.5 kB"],
      [678_000, "678k", "678 kB"],
      [999_600, "1.0M", "1.0 MB"],
      [9_100_000_000, "9.1G", "9.1 GB"],
    ];
    for (const [amount, text, bytes] of cases) assert.deepEqual([amountText(amount), bytesText(amount)], [text, bytes]);
    assert.equal(amountText(0.42), "0.4");
  });

  test("never need more room than their columns have", () => {
    const [year, most] = [365 * 86_400_000, 1e17];
    fc.assert(fc.property(fc.double({ min: 0, max: year, noNaN: true }), (ms) => spanText(ms).length <= SPAN + 1));
    fc.assert(fc.property(fc.double({ min: 0, max: most, noNaN: true }), (n) => amountText(n).length <= AMOUNT));
    fc.assert(fc.property(fc.double({ min: 0, max: most, noNaN: true }), (n) => bytesText(n).length <= BYTES));
    fc.assert(fc.property(fc.double({ min: 0, max: 99_999, noNaN: true }), (ms) => msText(ms).length <= MS));
  });

  test("of parts say that there is something where it rounds to nothing", () => {
    assert.deepEqual([0, 0.001, 0.5, 1, null].map(partText), ["0%", "<1%", "50%", "100%", "-"]);
  });
});

describe("a line", () => {
  const shown = line(part("down", "bad"), " for 3s  ");

  test("has colour where that is wanted, and says the same without", () => {
    assert.equal(lineText(shown, true), "\x1b[31mdown\x1b[0m for 3s");
    assert.equal(lineText(shown, false), "down for 3s");
  });
});

describe("the paper", () => {
  test("is not redrawn on a dumb terminal, whose width counts all the same", () => {
    const screen = { isTTY: true, columns: 50, rows: 20 };
    const of = (term: string) => paperOf(screen, { TERM: term }, "linux");
    assert.deepEqual([of("xterm").isTerminal, of("xterm").columns], [true, 50]);
    assert.deepEqual([of("dumb").isTerminal, of("dumb").columns, of("dumb").rows], [false, 50, 20]);
  });

  const terminal = { isTTY: true, columns: 100, rows: 30 };

  test("has colour on a terminal alone, and not where it is refused", () => {
    const isColoured = (stream: object, env: Record<string, string>) => paperOf(stream, env, "linux").colour;
    assert.equal(isColoured(terminal, {}), true);
    assert.equal(isColoured(terminal, { NO_COLOR: "1" }), false);
    assert.equal(isColoured(terminal, { TERM: "dumb" }), false);
    assert.equal(isColoured({}, {}), false);
  });

  test("is as wide as the terminal, and elsewhere as COLUMNS says, or endless", () => {
    const width = (stream: object, env: Record<string, string>) => paperOf(stream, env, "linux").columns;
    assert.equal(width(terminal, { COLUMNS: "40" }), 100);
    assert.equal(width({ isTTY: true, columns: 0 }, {}), 80);
    assert.equal(width({}, { COLUMNS: "40" }), 40);
    assert.equal(width({}, {}), Number.POSITIVE_INFINITY);
  });

  test("shows more than ASCII where the locale says so", () => {
    const more = (env: Record<string, string>) => paperOf(terminal, env, "linux").unicode;
    assert.deepEqual([{ LANG: "de_DE.UTF-8" }, { LANG: "C" }, { LC_ALL: "C", LANG: "de_DE.UTF-8" }].map(more), [
      true,
      false,
      false,
    ]);
  });
});
