/** Tables that fit the width: long words are cut first, as far as they may be, and then the columns of the least worth are left out. */
import { type Line, type Manner, type Part, part } from "./line.ts";
import type { Paper } from "./paper.ts";
import { type Cut, cutTo, padded, widthOf } from "./text.ts";

export interface Column<T> {
  readonly title: string;
  value(row: T): string | Part;
  /** Numbers stand to the right. */
  readonly right?: boolean;
  /** Those of the least worth go first; one without never goes. */
  readonly worth?: number;
  /** Never narrower: where a table is redrawn, columns of numbers stay where they are. */
  readonly room?: number;
  /** It may be cut to so many columns; one without is never cut. */
  readonly least?: number;
  readonly cut?: Cut;
  readonly manner?: Manner;
}

const GAP = 2;

/** The head, and a line a row; nothing where there are no rows. */
export function table<T>(columns: readonly Column<T>[], rows: readonly T[], paper: Paper): Line[] {
  if (rows.length === 0) return [];
  const cells = rows.map((row) => columns.map((column) => cellOf(column, row)));
  const wanted = columns.map(({ title, room = 0 }, index) => Math.max(room, widest(title, cells, index)));
  const shown = fitting(columns, wanted, paper.columns);
  const mark = paper.unicode ? "…" : "~";
  const lineOf = (parts: readonly Part[]): Line =>
    shown.map(({ index, width }, place) => {
      const { right = false, cut = "end" } = columns[index]!;
      const { text, manner } = parts[index]!;
      const gap = place === shown.length - 1 ? "" : " ".repeat(GAP);
      return { text: padded(cutTo(text, width, cut, mark), width, right) + gap, manner };
    });
  return [lineOf(columns.map(({ title }) => part(title, "quiet"))), ...cells.map(lineOf)];
}

function cellOf<T>({ value, manner }: Column<T>, row: T): Part {
  const cell = value(row);
  return typeof cell === "string" ? part(cell, manner) : cell;
}

function widest(title: string, cells: readonly (readonly Part[])[], index: number): number {
  let most = widthOf(title);
  for (const parts of cells) most = Math.max(most, widthOf(parts[index]!.text));
  return most;
}

interface Place {
  readonly index: number;
  readonly width: number;
}

function fitting<T>(columns: readonly Column<T>[], wanted: readonly number[], room: number): Place[] {
  let kept = columns.map((_, index) => index);
  for (;;) {
    const widths = cutWidths(
      kept.map((index) => ({ width: wanted[index]!, least: columns[index]!.least ?? wanted[index]! })),
      room - GAP * (kept.length - 1),
    );
    const leaving = leastWorth(columns, kept);
    if (widths !== null || leaving === null)
      return kept.map((index, place) => ({ index, width: widths?.[place] ?? columns[index]!.least ?? wanted[index]! }));
    kept = kept.filter((index) => index !== leaving);
  }
}

/** The widest gives way first. null: there is not room enough. */
function cutWidths(given: readonly { width: number; least: number }[], room: number): number[] | null {
  const widths = given.map(({ width }) => width);
  for (let over = widths.reduce((sum, width) => sum + width, 0) - room; over > 0; over--) {
    let chosen = -1;
    for (const [index, { least }] of given.entries()) {
      if (widths[index]! > least && (chosen === -1 || widths[index]! > widths[chosen]!)) chosen = index;
    }
    if (chosen === -1) return null;
    widths[chosen]!--;
  }
  return widths;
}

function leastWorth<T>(columns: readonly Column<T>[], kept: readonly number[]): number | null {
  const worth = (index: number) => columns[index]!.worth ?? Number.POSITIVE_INFINITY;
  const [least] = [...kept].sort((a, b) => worth(a) - worth(b) || b - a);
  return least === undefined || worth(least) === Number.POSITIVE_INFINITY ? null : least;
}
