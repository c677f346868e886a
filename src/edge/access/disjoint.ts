/** Makes of CIDRs those that are enough: sorted, and none within another. */

/** CIDRs of one family: the words of each one's address, big-endian, and behind them how many of their bits count. All other bits are 0. */
export interface Cidrs {
  /** Words of an address: 1 or 4. */
  readonly width: number;
  readonly words: Uint32Array;
}

/** `width` words for each one's address, and its bits. */
export interface Disjoint {
  readonly width: number;
  readonly starts: Uint32Array;
  readonly bits: Uint8Array;
}

export function disjoint(cidrs: Cidrs): Disjoint {
  const { width } = cidrs;
  const step = width + 1;
  const words = sorted(cidrs);
  const starts = new Uint32Array((words.length / step) * width);
  const bits = new Uint8Array(words.length / step);
  let count = 0;
  for (let at = 0; at < words.length; at += step) {
    // Two CIDRs are apart, or one lies within the other: then it comes behind that one, and those between do, too.
    if (count > 0 && isWithin(words, at, starts, (count - 1) * width, bits[count - 1]!)) continue;
    for (let i = 0; i < width; i++) starts[count * width + i] = words[at + i]!;
    bits[count++] = words[at + width]!;
  }
  return { width, starts: starts.subarray(0, count * width), bits: bits.subarray(0, count) };
}

/** Whether an address has the same first `bits` as another. */
function isWithin(words: Uint32Array, at: number, other: Uint32Array, otherAt: number, bits: number): boolean {
  for (let word = 0; 32 * word < bits; word++) {
    const difference = words[at + word]! ^ other[otherAt + word]!;
    if (difference !== 0 && 32 * word + Math.clz32(difference) < bits) return false;
  }
  return true;
}

/** In the order of their first addresses; among equal ones the widest first. */
function sorted({ width, words }: Cidrs): Uint32Array {
  const step = width + 1;
  const isAfter = (at: number) => compare(words, at - step, words, at, step) > 0;
  let at = step;
  while (at < words.length && !isAfter(at)) at += step;
  if (at >= words.length) return words; // as most lists are written
  return width === 1 ? sortedPairs(words) : sortedRows(words, step);
}

/** As numbers of 38 bits, which are sorted without a function of ours: in a tenth of the time. */
function sortedPairs(words: Uint32Array): Uint32Array {
  const keys = Float64Array.from({ length: words.length / 2 }, (_, i) => words[2 * i]! * 64 + words[2 * i + 1]!).sort();
  const result = new Uint32Array(words.length);
  keys.forEach((key, i) => {
    result[2 * i] = Math.floor(key / 64);
    result[2 * i + 1] = key % 64;
  });
  return result;
}

function sortedRows(words: Uint32Array, step: number): Uint32Array {
  const starts = Uint32Array.from({ length: words.length / step }, (_, i) => i * step);
  starts.sort((a, b) => compare(words, a, words, b, step));
  const result = new Uint32Array(words.length);
  starts.forEach((start, i) => {
    result.set(words.subarray(start, start + step), i * step);
  });
  return result;
}

function compare(one: Uint32Array, at: number, other: Uint32Array, otherAt: number, length: number): number {
  for (let i = 0; i < length; i++) {
    const difference = one[at + i]! - other[otherAt + i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
