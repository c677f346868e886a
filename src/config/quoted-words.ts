/**
 * Words with blanks between them, of which parts may be quoted: `send:"PING\r\n" expect:+PONG`. Between single quotes everything stands
 * for itself; elsewhere a backslash begins one of the escapes below, and between double quotes a blank is one character more.
 */

/** `bytes`: its text in UTF-8, a character for each byte. `quotedFrom`: where its first quote stood; null: it has none. */
export interface QuotedWord {
  readonly bytes: string;
  readonly quotedFrom: number | null;
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  "0": "\0",
  "\\": "\\",
  '"': '"',
  "'": "'",
};
/** Of ASCII alone: a byte of a longer character may look like another one of Latin-1. */
const BLANK = /[ \t\n\v\f\r]/;
const BARE = /^[!#-&(-+\--[\]-~]+$/; // printable, without quotes, commas and backslashes

/** A text tells what is wrong, as the rest of a sentence. */
export function readQuoted(text: string): readonly QuotedWord[] | string {
  const given = Buffer.from(text, "utf8").toString("latin1");
  const words: QuotedWord[] = [];
  let word: { bytes: string; quotedFrom: number | null } | null = null;
  let quote: string | null = null;
  for (let at = 0; at < given.length; at += 1) {
    const char = given[at]!;
    if (quote === null && BLANK.test(char)) {
      if (word !== null) words.push(word);
      word = null;
      continue;
    }
    word ??= { bytes: "", quotedFrom: null };
    if (char === quote) {
      quote = null;
    } else if (quote === null && (char === '"' || char === "'")) {
      quote = char;
      word.quotedFrom ??= word.bytes.length;
    } else if (char === "\\" && quote !== "'") {
      const escaped = escapeAt(given, at);
      if (escaped === null)
        return `\\${given[at + 1] ?? ""} is no escape: \\n, \\r, \\t, \\0, \\xHH, \\\\, \\" and \\' are`;
      word.bytes += escaped.char;
      at += escaped.length - 1;
    } else {
      word.bytes += char;
    }
  }
  if (quote !== null) return `a ${quote} is not closed`;
  if (word !== null) words.push(word);
  return words;
}

function escapeAt(text: string, at: number): { char: string; length: number } | null {
  const name = text[at + 1] ?? "";
  const hex = /^[0-9a-fA-F]{2}$/.exec(text.slice(at + 2, at + 4));
  if (name === "x") return hex && { char: String.fromCharCode(Number.parseInt(hex[0], 16)), length: 4 };
  return Object.hasOwn(ESCAPES, name) ? { char: ESCAPES[name]!, length: 2 } : null;
}

/** The shortest text that reads back as these bytes; `bare`: it may stand without quotes where it can. */
export function quoteBytes(bytes: string, bare = true): string {
  if (bare && BARE.test(bytes)) return bytes;
  const inner = bytes.replace(/[^ -~]|["\\]/g, (char) => {
    const name = Object.entries(ESCAPES).find(([, each]) => each === char)?.[0];
    return `\\${name ?? `x${char.charCodeAt(0).toString(16).padStart(2, "0")}`}`;
  });
  return `"${inner}"`;
}

export function bytesOf(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

export function textOfBytes(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}
