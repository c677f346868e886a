/** Numbers and vectors, as TLS writes them (RFC 8446, 3), one after the other. */

const NOTHING = new Uint8Array(0);

/** Beyond the end it reads zeros and nothing, and is torn from then on: whoever reads asks once, when he is through. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #isTorn = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isTorn(): boolean {
    return this.#isTorn;
  }

  get isAtEnd(): boolean {
    return this.#isTorn || this.#at === this.#bytes.length;
  }

  skip(count: number): void {
    this.#take(count);
  }

  number8(): number {
    return this.#take(1)[0] ?? 0;
  }

  number16(): number {
    const bytes = this.#take(2);
    return bytes.length === 0 ? 0 : (bytes[0]! << 8) | bytes[1]!;
  }

  /** A view of as many bytes as the byte before them says. */
  vector8(): Uint8Array {
    return this.#take(this.number8());
  }

  /** The same with two bytes before. */
  vector16(): Uint8Array {
    return this.#take(this.number16());
  }

  #take(count: number): Uint8Array {
    if (this.#isTorn || this.#at + count > this.#bytes.length) {
      this.#isTorn = true;
      return NOTHING;
    }
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }
}
