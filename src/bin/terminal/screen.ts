/**
 * A terminal's whole screen, which is redrawn in place. Only parts that differ from what stands there are written, all of a frame at
 * once: over a slow line a frame is a few hundred bytes. Ownership: who opens it closes it; the terminal is then as it was.
 */
import { type Line, painted } from "./line.ts";
import type { Paper } from "./paper.ts";
import { cutTo, widthOf } from "./text.ts";

/** Another page than the one with the user's lines on it, no cursor, no wrapping. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J";
export const LEAVE = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";
const CLEAR = "\x1b[0m\x1b[H\x1b[2J";
const CLEAR_TO_END = "\x1b[K";

export class Screen {
  readonly #write: (text: string) => void;
  #shown: readonly Line[] = [];
  #size = "";
  #isOpen = true;

  constructor(write: (text: string) => void) {
    this.#write = write;
    write(ENTER);
  }

  /** What does not fit is left out: its writer knows the size. */
  draw(lines: readonly Line[], { columns, rows, colour, unicode }: Paper): void {
    if (!this.#isOpen) return;
    const size = `${columns}x${rows}`;
    let text = "";
    if (size !== this.#size) {
      this.#shown = [];
      text = CLEAR;
    }
    this.#size = size;
    const next = lines.slice(0, rows).map((line) => fitted(line, columns, unicode));
    for (let row = 0; row < Math.max(next.length, this.#shown.length); row++) {
      text += difference(row, this.#shown[row] ?? [], next[row] ?? [], colour);
    }
    this.#shown = next;
    if (text !== "") this.#write(text);
  }

  /** What stands there may be another program's: the next frame is written in whole. */
  forget(): void {
    this.#size = "";
  }

  /** Idempotent. */
  close(): void {
    if (this.#isOpen) this.#write(LEAVE);
    this.#isOpen = false;
  }
}

function fitted(line: Line, columns: number, unicode: boolean): Line {
  let left = columns;
  const parts: { text: string; manner: Line[number]["manner"] }[] = [];
  for (const { text, manner } of line) {
    if (left <= 0) break;
    const cut = cutTo(text, left, "end", unicode ? "…" : "~");
    left -= widthOf(cut);
    parts.push({ text: cut, manner });
  }
  return parts;
}

/** Parts that stand where they stood and say what they said stay. */
function difference(row: number, before: Line, after: Line, colour: boolean): string {
  let text = "";
  let column = 0;
  let beforeColumn = 0;
  let isAt = false;
  for (const [index, part] of after.entries()) {
    const old = before[index];
    const stays = old !== undefined && beforeColumn === column && old.text === part.text && old.manner === part.manner;
    if (!stays) text += (isAt ? "" : moveTo(row, column)) + painted(part, colour);
    isAt = !stays;
    column += widthOf(part.text);
    beforeColumn += old === undefined ? 0 : widthOf(old.text);
  }
  const oldWidth = before.reduce((sum, { text }) => sum + widthOf(text), 0);
  if (oldWidth > column) text += (isAt ? "" : moveTo(row, column)) + CLEAR_TO_END;
  return text;
}

function moveTo(row: number, column: number): string {
  return `\x1b[${row + 1};${column + 1}H`;
}
