/** Places before the first chunk after which they are given back. */
const MOST_EMPTY = 256;

/** Bytes on their way, as views of the memory in which their sender left them: nothing is copied until somebody reads. */
export class ByteQueue {
  #chunks: Uint8Array[] = [];
  #first = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** The first bytes that lie together, at most `limit`; the queue must not be empty. */
  peek(limit: number): Uint8Array {
    const chunk = this.#chunks[this.#first]!;
    return chunk.length <= limit ? chunk : chunk.subarray(0, limit);
  }

  /** Drops the first `count` bytes. */
  drop(count: number): void {
    this.#length -= count;
    for (let left = count; left > 0; ) {
      const chunk = this.#chunks[this.#first]!;
      if (chunk.length > left) {
        this.#chunks[this.#first] = chunk.subarray(left);
        return;
      }
      left -= chunk.length;
      this.#chunks[this.#first] = undefined as unknown as Uint8Array;
      this.#first++;
      if (this.#first === this.#chunks.length || this.#first === MOST_EMPTY) {
        this.#chunks.splice(0, this.#first);
        this.#first = 0;
      }
    }
  }

  /** Takes the first bytes that lie together, at most `limit`. */
  shift(limit: number): Uint8Array {
    const chunk = this.peek(limit);
    this.drop(chunk.length);
    return chunk;
  }

  /** Copies up to `limit` bytes to `into` at `at`, without dropping them. Returns how many. */
  copy(into: Uint8Array, at: number, limit: number): number {
    const end = at + Math.min(limit, this.#length);
    let to = at;
    for (let i = this.#first; to < end; i++) {
      const chunk = this.#chunks[i]!;
      const part = chunk.length <= end - to ? chunk : chunk.subarray(0, end - to);
      into.set(part, to);
      to += part.length;
    }
    return end - at;
  }

  clear(): void {
    this.#chunks = [];
    this.#first = 0;
    this.#length = 0;
  }
}
