/** As much of HTTP/1 as a check needs: the final head of an answer, and its body out of whatever frames it comes in. */

export interface Head {
  readonly status: number;
  /** Where the body begins. */
  readonly end: number;
  readonly chunked: boolean;
  /** null: it lasts until the connection is closed. */
  readonly length: number | null;
}

const STATUS_LINE = /^HTTP\/\d\.\d (\d{3})(?: [^\r\n]*)?\r?\n/;
const HEAD_END = /\r?\n\r?\n/;
/** Interim answers before the one that counts. */
const MOST_INTERIM = 10;
/** Chunks of a body that are looked through: each is work, whenever more of the body has come. */
const MOST_CHUNKS = 1_000;
/** What any answer begins with. */
const BEGINNING = "HTTP/";

/** null: it has not come as a whole yet. */
export function readHead(bytes: Buffer): Head | "bad" | null {
  const text = bytes.toString("latin1");
  let from = 0;
  for (let interim = 0; interim <= MOST_INTERIM; interim += 1) {
    const rest = text.slice(from);
    if (!rest.startsWith(BEGINNING.slice(0, rest.length))) return "bad";
    const end = HEAD_END.exec(rest);
    if (end === null) return null;
    const whole = `${rest.slice(0, end.index)}\n`;
    const status = Number(STATUS_LINE.exec(whole)?.[1]);
    if (!(status >= 100)) return "bad";
    from += end.index + end[0].length;
    if (status >= 200) return { status, end: from, ...framesOf(whole) };
  }
  return "bad";
}

function framesOf(head: string): Pick<Head, "chunked" | "length"> {
  const length = /^content-length:[ \t]*(\d{1,15})[ \t]*\r?$/im.exec(head)?.[1];
  return {
    chunked: /^transfer-encoding:.*\bchunked\b/im.test(head),
    length: length === undefined ? null : Number(length),
  };
}

/** What has come of the body. */
export function bodyOf(bytes: Buffer, { end, chunked, length }: Head): { bytes: Buffer; isWhole: boolean } {
  const rest = bytes.subarray(end);
  if (chunked) return unchunked(rest);
  if (length === null) return { bytes: rest, isWhole: false };
  return { bytes: rest.subarray(0, length), isWhole: rest.length >= length };
}

/** A chunk is a line with its size in hexadecimal digits, its bytes, and the end of a line; one of size 0 is the last. */
function unchunked(bytes: Buffer): { bytes: Buffer; isWhole: boolean } {
  const parts: Buffer[] = [];
  for (let at = 0; parts.length < MOST_CHUNKS; ) {
    const lineEnd = bytes.indexOf("\n", at);
    if (lineEnd === -1) return { bytes: Buffer.concat(parts), isWhole: false };
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    if (!(size > 0)) return { bytes: Buffer.concat(parts), isWhole: true }; // the last one, or none at all
    parts.push(bytes.subarray(lineEnd + 1, lineEnd + 1 + size));
    at = lineEnd + 1 + size;
    at += bytes[at] === 13 ? 2 : 1; // its CR and LF
  }
  return { bytes: Buffer.concat(parts), isWhole: true }; // as far as it is looked at
}
