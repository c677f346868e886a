/** What others say, as part of a reason. */

const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;
const MOST = 120;

/** Printable, on one line, and no longer than a line of a log has room for. */
export function oneLine(text: string): string {
  return text.replaceAll(UNPRINTABLE, " ").trim().slice(0, MOST);
}
