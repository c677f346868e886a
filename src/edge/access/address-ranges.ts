/** CIDRs as they are read, many of them, until a set is made of them: numbers in arrays, so that 100,000 are no matter. */
import { parseRange } from "../../util/address.ts";
import { addressWords, isMapped, parseIpv4 } from "../../util/client-key.ts";
import { parseIpv6Words } from "../../util/ipv6-words.ts";
import type { Cidrs } from "./disjoint.ts";

/** Octal to some, decimal to others. */
const LEADING_ZERO = /(?:^|\.)0[0-9]/;

export class AddressRanges {
  readonly #v4 = new Rows(1);
  readonly #v6 = new Rows(4);
  readonly #address = new Uint32Array(4);

  get size(): number {
    return this.#v4.size + this.#v6.size;
  }

  get v4(): Cidrs {
    return this.#v4;
  }

  get v6(): Cidrs {
    return this.#v6;
  }

  /** `10.0.0.0/8`, `2001:db8::/32`, or one address; bits behind the prefix do not count. False: it is none of these, and nothing was added. */
  add(text: string): boolean {
    if (this.#addIpv4(text) || this.#addIpv6(text)) return true;
    const range = text.includes("%") ? null : parseRange(text); // a zone is one host's, and sets have none
    if (range === null) return false;
    addressWords(range.base.toString(), this.#address);
    // An IPv4 address that is written as IPv6 has its words behind those of the prefix that says so.
    if (range.base.kind() === "ipv4") this.#v4.add(this.#address.subarray(3), range.bits);
    else this.#v6.add(this.#address, range.bits);
    return true;
  }

  // What nearly all lines of long lists are, without the objects of parseRange().

  #addIpv4(text: string): boolean {
    const slash = text.indexOf("/");
    const address = parseIpv4(slash < 0 ? text : text.slice(0, slash));
    if (address < 0 || LEADING_ZERO.test(text)) return false;
    const bits = slash < 0 ? 32 : prefixLength(text, slash + 1);
    if (bits < 0 || bits > 32) return false;
    this.#address[0] = address;
    this.#v4.add(this.#address, bits);
    return true;
  }

  #addIpv6(text: string): boolean {
    const slash = text.indexOf("/");
    const address = this.#address;
    if (!parseIpv6Words(slash < 0 ? text : text.slice(0, slash), address) || isMapped(address)) return false;
    const bits = slash < 0 ? 128 : prefixLength(text, slash + 1);
    if (bits < 0 || bits > 128) return false;
    this.#v6.add(address, bits);
    return true;
  }
}

class Rows implements Cidrs {
  readonly width: number;
  #words: Uint32Array;
  #length = 0;

  constructor(width: number) {
    this.width = width;
    this.#words = new Uint32Array(16 * (width + 1));
  }

  get words(): Uint32Array {
    return this.#words.subarray(0, this.#length);
  }

  get size(): number {
    return this.#length / (this.width + 1);
  }

  add(address: Uint32Array, bits: number): void {
    if (this.#length === this.#words.length) {
      const more = new Uint32Array(2 * this.#length);
      more.set(this.#words);
      this.#words = more;
    }
    for (let i = 0; i < this.width; i++) this.#words[this.#length++] = masked(address[i]!, bits - 32 * i);
    this.#words[this.#length++] = bits;
  }
}

/** The first `bits` of a word. */
function masked(word: number, bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? word : word & (-1 << (32 - bits));
}

/** Digits to the end of the text; -1: there is anything else, or nothing, or too much. */
function prefixLength(text: string, from: number): number {
  if (from === text.length || text.length - from > 3) return -1;
  let bits = 0;
  for (let i = from; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    bits = 10 * bits + digit;
  }
  return bits;
}
