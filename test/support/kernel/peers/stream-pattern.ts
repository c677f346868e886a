/**
 * Bytes that can be checked where they arrive: byte n of a stream depends on the stream and on n, so a byte that is wrong,
 * missing, doubled or another stream's shows at once. Nothing is stored: a stream is a place in one table of random bytes.
 */
import { Buffer } from "node:buffer";
import { Random } from "../random.ts";

/** A prime, so that no buffer size divides it. */
const PERIOD = 1_000_003;
/** What a piece may have at most. */
const MOST = 1 << 20;

let table: Buffer | undefined;

function bytes(): Buffer {
  if (table === undefined) {
    table = Buffer.alloc(PERIOD + MOST);
    const random = new Random(20_250_707);
    for (let i = 0; i + 4 <= PERIOD + 3; i += 4) table.writeUInt32LE(random.word(), i);
    table.copy(table, PERIOD, 0, MOST);
  }
  return table;
}

export class StreamPattern {
  readonly #start: number;

  constructor(stream: number) {
    this.#start = Math.imul(stream + 1, 0x9e37_79b1) >>> 0;
  }

  /** `length` bytes from `offset` on. They are shared, and must not be changed. */
  piece(offset: number, length: number): Uint8Array {
    if (length > MOST) throw new RangeError("a piece of a pattern is too long");
    const at = (this.#start + offset) % PERIOD;
    return bytes().subarray(at, at + length);
  }

  /** Throws at the first byte that is not the stream's at its place. */
  check(offset: number, received: Uint8Array, whose: string): void {
    for (let done = 0; done < received.length; done += MOST) {
      const part = received.subarray(done, done + MOST);
      const expected = this.piece(offset + done, part.length);
      if (Buffer.compare(part, expected) === 0) continue;
      const wrong = part.findIndex((byte, i) => byte !== expected[i]);
      throw new Error(`${whose}: byte ${offset + done + wrong} of the stream is wrong`);
    }
  }
}
