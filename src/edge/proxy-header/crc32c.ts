/** CRC32c (RFC 3309, appendix B): Castagnoli's polynomial, bits reversed. */

const POLYNOMIAL = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ POLYNOMIAL : remainder >>> 1;
  return remainder;
});

export class Crc32c {
  #remainder = 0xffff_ffff;

  add(bytes: Uint8Array): void {
    let remainder = this.#remainder;
    for (const byte of bytes) remainder = TABLE[(remainder ^ byte) & 0xff]! ^ (remainder >>> 8);
    this.#remainder = remainder;
  }

  /** Unsigned, of all that has been added. */
  get value(): number {
    return ~this.#remainder >>> 0;
  }
}
