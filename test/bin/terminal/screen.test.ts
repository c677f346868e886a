/** The screen: what is written makes a terminal show each frame, and no more is written than differs. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { keysOf } from "../../../src/bin/terminal/keyboard.ts";
import { type Line, line, part } from "../../../src/bin/terminal/line.ts";
import { ENDLESS } from "../../../src/bin/terminal/paper.ts";
import { Screen } from "../../../src/bin/terminal/screen.ts";
import fc from "../../support/draws.ts";

/** As much of a terminal as the screen uses. */
class Terminal {
  rows: string[][] = [];
  written = 0;
  readonly #size: { readonly columns: number; readonly rows: number };
  #row = 0;
  #column = 0;
  isOther = false;

  constructor(columns: number, rows: number) {
    this.#size = { columns, rows };
    this.#clear();
  }

  write(text: string): void {
    this.written += text.length;
    const sequence = new RegExp(`${"\x1b"}\\[(\\??)([\\d;]*)([A-Za-z])|([^${"\x1b"}])`, "gsu");
    for (const [, mode, numbers = "", letter = "", sign = ""] of text.matchAll(sequence)) {
      if (sign !== "") this.#put(sign);
      else if (mode === "?") this.isOther = numbers === "1049" ? letter === "h" : this.isOther;
      else if (letter === "H") this.#move(numbers);
      else if (letter === "J") this.#clear();
      else if (letter === "K") this.rows[this.#row]!.fill(" ", this.#column);
      else assert.equal(letter, "m");
    }
  }

  get text(): string[] {
    return this.rows.map((row) => row.join("").trimEnd());
  }

  #put(sign: string): void {
    assert.ok(this.#column < this.#size.columns, "it writes beyond the edge");
    this.rows[this.#row]![this.#column++] = sign;
  }

  #move(numbers: string): void {
    const [row = 1, column = 1] = numbers === "" ? [] : numbers.split(";").map(Number);
    [this.#row, this.#column] = [row - 1, column - 1];
    assert.ok(this.#row < this.#size.rows);
  }

  #clear(): void {
    this.rows = Array.from({ length: this.#size.rows }, () => Array.from({ length: this.#size.columns }, () => " "));
  }
}

const SIZE = { columns: 20, rows: 4 };
const PAPER = { ...ENDLESS, ...SIZE, isTerminal: true, colour: true };

function opened() {
  const terminal = new Terminal(SIZE.columns, SIZE.rows);
  return { terminal, screen: new Screen((text) => terminal.write(text)) };
}

describe("the screen", () => {
  test("shows each frame, whatever was there before", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "1", " "), maxLength: 12 });
    const manner = fc.constantFrom("plain" as const, "bad" as const);
    const frame = fc.array(fc.array(fc.tuple(text, manner), { maxLength: 4 }), { maxLength: 6 });
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 5 }), (frames) => {
        const { terminal, screen } = opened();
        for (const rows of frames) {
          const lines: Line[] = rows.map((parts) => parts.map(([each, how]) => part(each, how)));
          screen.draw(lines, PAPER);
          const wanted = Array.from({ length: SIZE.rows }, (_, row) => {
            const whole = (lines[row] ?? []).map((each) => each.text).join("");
            return whole;
          });
          for (const [row, whole] of wanted.entries()) {
            if (whole.length <= SIZE.columns) assert.equal(terminal.text[row], whole.trimEnd());
          }
        }
      }),
    );
  });

  test("writes what differs, and nothing where nothing does", () => {
    const { terminal, screen } = opened();
    const frame = (count: string) => [
      line("web/1  ", part("up    ", "good"), count),
      line("web/2  ", part("down  ", "bad"), "0"),
    ];
    screen.draw(frame("10"), PAPER);
    const first = terminal.written;
    screen.draw(frame("10"), PAPER);
    assert.equal(terminal.written, first);
    screen.draw(frame("11"), PAPER);
    assert.equal(terminal.written - first, "\x1b[1;14H11".length);
    assert.deepEqual(terminal.text.slice(0, 2), ["web/1  up    11", "web/2  down  0"]);
  });

  test("is drawn anew when its size is another, or what stands there may be another program's", () => {
    const { terminal, screen } = opened();
    screen.draw([line("web")], PAPER);
    terminal.rows[0]![0] = "?";
    screen.forget();
    screen.draw([line("web")], PAPER);
    assert.equal(terminal.text[0], "web");
    screen.draw([line("a long line")], { ...PAPER, columns: 6 });
    assert.equal(terminal.text[0], "a lon…");
  });

  test("gives the terminal back, once", () => {
    const { terminal, screen } = opened();
    assert.equal(terminal.isOther, true);
    screen.close();
    assert.equal(terminal.isOther, false);
    const { written } = terminal;
    screen.close();
    screen.draw([line("late")], PAPER);
    assert.equal(terminal.written, written);
  });
});

describe("keys", () => {
  test("are letters, and what terminals send for others", () => {
    assert.deepEqual(keysOf("qr\x1b[A\x1b[6~\t\x03"), ["q", "r", "up", "page down", "tab", "ctrl-c"]);
    assert.deepEqual(keysOf("\x1b[1;5Cq\x1bOP"), ["unknown", "q", "unknown"]);
    assert.deepEqual(keysOf("\x1b"), ["escape"]);
  });
});
