/**
 * Sets of addresses, written as CIDRs, in shared memory: made once, read by any thread, never changed.
 *
 * Each family's part is a sorted list of CIDRs of which none lies within another (disjoint.ts), so that an address can only be in the last
 * one that does not begin behind it. That one is found by a trie with compressed paths and levels (Nilsson and Karlsson, IP-Address Lookup
 * Using LC-Tries, 1999): a node says how many bits all of its CIDRs have in common, and tells them apart by as many of the next ones as it
 * takes to have about one for each value. So a look-up reads hardly more in a list of 100,000 than in one of ten.
 */
import { isMapped } from "../../util/client-key.ts";
import type { AddressRanges } from "./address-ranges.ts";
import { type Cidrs, type Disjoint, disjoint } from "./disjoint.ts";
import { BITS, COMMON, END, FIRST, NODE_WORDS, trieOf } from "./trie.ts";

export interface AddressSetData {
  readonly buffer: SharedArrayBuffer;
}

// Words of the header: how many CIDRs it was made of, and what both parts begin with.
const ENTRIES = 0;
const V4 = 1;
const V6 = 5;
const HEADER_WORDS = 9;
// Of a part: where its CIDRs begin, the bytes with their lengths (in words), its trie, and how many words of an address it has.
const STARTS = 0;
const LENGTHS = 1;
const ROOT = 2;
const WIDTH = 3;

/** Words of addresses are kept with this bit turned over: as signed numbers they are in order, and no runtime makes floats of those. */
const SIGN = 0x8000_0000;

export class AddressSet {
  readonly #words: Int32Array;
  readonly #v4: Part;
  readonly #v6: Part;

  constructor({ buffer }: AddressSetData) {
    this.#words = new Int32Array(buffer);
    this.#v4 = new Part(this.#words, V4);
    this.#v6 = new Part(this.#words, V6);
  }

  /** `ranges` may overlap, and come in any order. */
  static of(ranges: AddressRanges): AddressSetData {
    const v4 = writtenPart(ranges.v4, HEADER_WORDS);
    const v6 = writtenPart(ranges.v6, v4.end);
    const words = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT * v6.end));
    words[ENTRIES] = ranges.size;
    v4.write(words, V4);
    v6.write(words, V6);
    return { buffer: words.buffer };
  }

  /** How many CIDRs it was made of. */
  get entries(): number {
    return this.#words[ENTRIES]!;
  }

  /** Whether the address whose four words begin there is in it: the whole address, see addressWords() of util/client-key.ts. */
  has(words: Uint32Array, at: number): boolean {
    return isMapped(words, at) ? this.#v4.has(words, at + 3) : this.#v6.has(words, at);
  }
}

/** One family's. */
class Part {
  readonly #words: Int32Array;
  readonly #lengths: Uint8Array;
  readonly #starts: number;
  readonly #root: number;
  /** Words of a CIDR's address that are kept. What is behind them is 0. */
  readonly #width: number;

  constructor(words: Int32Array, part: number) {
    this.#words = words;
    this.#starts = words[part + STARTS]!;
    this.#root = words[part + ROOT]!;
    this.#width = words[part + WIDTH]!;
    this.#lengths = new Uint8Array(words.buffer, 4 * words[part + LENGTHS]!);
  }

  has(address: Uint32Array, offset: number): boolean {
    const cidr = this.#upTo(address, offset) - 1;
    return cidr >= 0 && this.#compare(address, offset, cidr, 0, this.#lengths[cidr]!) === 0;
  }

  /** How many CIDRs do not begin behind the address. */
  #upTo(address: Uint32Array, offset: number): number {
    const words = this.#words;
    let node = this.#root;
    let equal = 0; // words of the address that all CIDRs of the node have
    for (;;) {
      const common = words[node + COMMON]!;
      const order = this.#compare(address, offset, words[node + FIRST]!, equal, common);
      if (order !== 0) return order < 0 ? words[node + FIRST]! : words[node + END]!;
      equal = common >>> 5;
      const bits = words[node + BITS]!;
      const value = bits === 0 ? 0 : (address[offset + equal]! << (common & 31)) >>> (32 - bits);
      const at = node + NODE_WORDS + value;
      const entry = words[at]!;
      if ((entry & 1) === 0) return this.#search(address, offset, entry >> 1, this.#firstOf(at + 1), equal);
      node = entry >> 1;
    }
  }

  #firstOf(at: number): number {
    const entry = this.#words[at]!;
    return (entry & 1) === 0 ? entry >> 1 : this.#words[(entry >> 1) + FIRST]!;
  }

  #search(address: Uint32Array, offset: number, first: number, end: number, equal: number): number {
    let cidr = first;
    while (cidr < end && this.#compare(address, offset, cidr, equal, 32 * this.#width) >= 0) cidr++;
    return cidr;
  }

  /** The order of the address and that of a CIDR in their first `bits`, from the word `from` on. */
  #compare(address: Uint32Array, offset: number, cidr: number, from: number, bits: number): number {
    const start = this.#starts + this.#width * cidr;
    const whole = bits >>> 5;
    for (let word = from; word < whole; word++) {
      const own = address[offset + word]! ^ SIGN;
      const other = this.#words[start + word]!;
      if (own !== other) return own < other ? -1 : 1;
    }
    const rest = bits & 31;
    if (rest === 0) return 0;
    const own = (address[offset + whole]! ^ SIGN) >> (32 - rest);
    const other = this.#words[start + whole]! >> (32 - rest);
    return own === other ? 0 : own < other ? -1 : 1;
  }
}

/** A part that is to be written at word `start`. */
function writtenPart(cidrs: Cidrs, start: number) {
  const { bits, starts, width } = narrowed(disjoint(cidrs));
  const lengthsAt = start + starts.length;
  const root = lengthsAt + Math.ceil(bits.length / 4);
  const trie = trieOf({ bits, starts, width }, root);
  const write = (words: Int32Array, part: number) => {
    words.set([start, lengthsAt, root, width], part);
    for (let i = 0; i < starts.length; i++) words[start + i] = starts[i]! ^ SIGN;
    new Uint8Array(words.buffer, 4 * lengthsAt).set(bits);
    words.set(trie, root);
  };
  return { end: root + trie.length, write };
}

/** Without the words that no CIDR reaches into: lists of IPv6 networks need one or two, and so half of the memory or less. */
function narrowed({ bits, starts, width }: Disjoint): Disjoint {
  const used = Math.max(1, Math.ceil(bits.reduce((most, each) => Math.max(most, each), 0) / 32));
  return { bits, starts: used < width ? starts.filter((_, i) => i % width < used) : starts, width: used };
}
