/** What a listener's TLS has come to, in memory that all threads add to (32 bits each, wrapping). */

export const HANDSHAKES = 0;
/** Of these, by a ticket. */
export const RESUMED = 1;
export const FAILED = 2;
const COUNT = 3;

export interface TlsCounts {
  /** That were agreed on. */
  readonly handshakes: number;
  /** Of those, the ones that came back by a ticket. */
  readonly resumed: number;
  /** That were not agreed on, or not in time, or whose client is not to be trusted. */
  readonly failed: number;
}

export class TlsCounters {
  readonly buffer: SharedArrayBuffer;
  readonly #counts: Uint32Array;

  constructor(buffer = new SharedArrayBuffer(4 * COUNT)) {
    this.buffer = buffer;
    this.#counts = new Uint32Array(buffer);
  }

  /** `counter`: HANDSHAKES, RESUMED, FAILED. */
  add(counter: number): void {
    Atomics.add(this.#counts, counter, 1);
  }

  read(): TlsCounts {
    const [handshakes, resumed, failed] = this.#counts;
    return { handshakes: handshakes!, resumed: resumed!, failed: failed! };
  }
}
