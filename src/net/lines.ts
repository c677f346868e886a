import { HarmonyError } from "../util/errors.ts";

const LF = 0x0a;
const NOTHING = new Uint8Array(0);

/**
 * Cuts a byte stream into lines, however the bytes arrive. Holds at most one unfinished line; the rest of a chunk stays
 * in the chunk, so take every line with `next()` before the chunk's owner reads on.
 */
export class LineSplitter {
  /** In bytes, LF included. May be raised between lines. */
  limit: number;
  #held: Uint8Array | null = null;
  #heldLength = 0;
  #rest: Uint8Array = NOTHING;

  constructor(limit: number) {
    this.limit = limit;
  }

  push(chunk: Uint8Array): void {
    if (this.#rest.length > 0) throw new Error("push() before next() returned null");
    this.#rest = chunk;
  }

  /** The next line without its LF, valid until the next `push()`; null when more bytes are needed. Throws `LINE_TOO_LONG`. */
  next(): Uint8Array | null {
    if (this.#rest.length === 0) return null;
    if (this.#rest.length === 1 && this.#rest[0] === LF && this.#held === null) {
      this.#rest = NOTHING;
      return NOTHING;
    }
    const end = this.#rest.indexOf(LF);
    const part = end < 0 ? this.#rest : this.#rest.subarray(0, end);
    this.#rest = end < 0 ? NOTHING : this.#rest.subarray(end + 1);
    if (this.#heldLength + part.length + 1 > this.limit) {
      throw new HarmonyError("LINE_TOO_LONG", `a line is longer than ${this.limit} bytes`, { fault: "target" });
    }
    if (end >= 0 && this.#held === null) return part;
    if (part.length > 0) this.#hold(part);
    if (end < 0) return null;
    const line = this.#held?.subarray(0, this.#heldLength) ?? part;
    this.#held = null;
    this.#heldLength = 0;
    return line;
  }

  #hold(part: Uint8Array): void {
    this.#held ??= new Uint8Array(this.limit);
    this.#held.set(part, this.#heldLength);
    this.#heldLength += part.length;
  }
}
