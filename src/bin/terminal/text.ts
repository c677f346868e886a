/** Text as a terminal shows it: nothing in it steers the terminal, and so many columns wide. */

/** Controls, and what turns the direction of the text around: a name that somebody else chose must not rewrite what stands before it. */
const STEERING = /[\p{Cc}\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;
/** Printable ASCII: most of what there is. */
const PLAIN = /^[\x20-\x7e]*$/;
/** Marks that stand on the letter before them, and joiners. */
const NO_COLUMN = /^[\p{Mn}\p{Me}\u200b\u200c\u200d]$/u;
/** Where such marks begin. */
const FIRST_MARK = 0x300;
/** East Asian letters and pictures, which have two columns. */
const WIDE: readonly (readonly [from: number, to: number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1faff],
  [0x20000, 0x3fffd],
];

/** What steers is shown by its number instead. */
export function harmless(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(STEERING, (sign) => `\\u{${sign.codePointAt(0)!.toString(16)}}`);
}

export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const sign of text) width += signWidth(sign);
  return width;
}

function signWidth(sign: string): number {
  const point = sign.codePointAt(0)!;
  if (point < FIRST_MARK) return 1;
  if (WIDE.some(([from, to]) => point >= from && point <= to)) return 2;
  return NO_COLUMN.test(sign) ? 0 : 1;
}

/** Where a text that is too long is cut: names of targets differ at both ends. */
export type Cut = "end" | "middle";

/** At most so many columns of it, with `mark` where it was cut. */
export function cutTo(text: string, width: number, cut: Cut, mark: string): string {
  if (widthOf(text) <= width) return text;
  const room = width - widthOf(mark);
  if (room <= 0) return mark.slice(0, Math.max(0, width));
  if (cut === "end") return head(text, room) + mark;
  const front = Math.floor(room / 2);
  return head(text, front) + mark + tail(text, room - front);
}

function head(text: string, width: number): string {
  let left = width;
  let taken = "";
  for (const sign of text) {
    left -= signWidth(sign);
    if (left < 0) break;
    taken += sign;
  }
  return taken;
}

function tail(text: string, width: number): string {
  let left = width;
  let taken = "";
  for (const sign of [...text].reverse()) {
    left -= signWidth(sign);
    if (left < 0) break;
    taken = sign + taken;
  }
  return taken;
}

/** `text` and as many blanks as it is short of. */
export function padded(text: string, width: number, right: boolean): string {
  const blanks = " ".repeat(Math.max(0, width - widthOf(text)));
  return right ? blanks + text : text + blanks;
}
