/**
 * Cuts a shared buffer into typed arrays, one after the other. Every thread makes the same cuts in the same order and so finds
 * the same arrays; a cutter without a buffer makes none and only adds up their sizes.
 */
export class Cutter {
  /** Bytes cut so far. */
  offset = 0;
  readonly #buffer: SharedArrayBuffer | null;

  constructor(buffer: SharedArrayBuffer | null) {
    this.#buffer = buffer;
  }

  ints(length: number): Int32Array {
    const start = this.#advance(4 * length);
    return this.#buffer === null ? new Int32Array(0) : new Int32Array(this.#buffer, start, length);
  }

  doubles(length: number): Float64Array {
    const start = this.#advance(8 * length);
    return this.#buffer === null ? new Float64Array(0) : new Float64Array(this.#buffer, start, length);
  }

  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#buffer === null ? new Uint8Array(0) : new Uint8Array(this.#buffer, start, length);
  }

  /** Arrays start on cache lines (64 bytes), so that no two of them share one. */
  #advance(bytes: number): number {
    const start = this.offset;
    this.offset += Math.ceil(bytes / 64) * 64;
    return start;
  }
}
