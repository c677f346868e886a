/**
 * The trie of a sorted list of addresses, as words. A node's addresses are FIRST until END; COMMON bits are the same in all of them, and
 * the next BITS say which entry an address belongs to. Entries follow, and one more with END. An entry is twice the first address of its
 * value or, for a value with many, twice the place of a node for these, and 1.
 */
import type { Disjoint } from "./disjoint.ts";

export const FIRST = 0;
export const END = 1;
export const COMMON = 2;
export const BITS = 3;
export const NODE_WORDS = 4;

/** Addresses that are looked through one after the other. */
const FEW = 6;
/** Bits of the index of one node: 1 MiB. */
const MOST_BITS = 18;

interface Growing {
  readonly starts: Uint32Array;
  readonly width: number;
  readonly nodes: number[];
  readonly root: number;
}

/** Its words, to be put at `root`, where the first node begins. */
export function trieOf({ starts, width }: Disjoint, root: number): readonly number[] {
  const trie: Growing = { starts, width, nodes: [], root };
  addNode(trie, 0, starts.length / width);
  return trie.nodes;
}

/** Adds the node of the addresses from `first` until `end`, and those below it. */
function addNode(trie: Growing, first: number, end: number): void {
  const { nodes } = trie;
  const common = commonBits(trie, first, end);
  const bits = end - first <= FEW ? 0 : Math.min(MOST_BITS, 32 - Math.clz32(end - first), 32 - (common & 31));
  const entries = nodes.length + NODE_WORDS;
  nodes.push(first, end, common, bits);
  for (let entry = 0; entry <= 2 ** bits; entry++) nodes.push(2 * end);
  let next = first;
  for (let value = 0; value < 2 ** bits; value++) {
    const start = next;
    while (next < end && (bits === 0 || entryOf(trie, next, common, bits) === value)) next++;
    const isMany = bits > 0 && next - start > FEW;
    nodes[entries + value] = isMany ? 2 * (trie.root + nodes.length) + 1 : 2 * start;
    if (isMany) addNode(trie, start, next);
  }
}

function entryOf({ starts, width }: Growing, place: number, common: number, bits: number): number {
  return (starts[width * place + (common >>> 5)]! << (common & 31)) >>> (32 - bits);
}

/** Bits at the start that the first and the last of some addresses have in common, and so all between them. */
function commonBits({ starts, width }: Growing, first: number, end: number): number {
  if (first === end) return 0;
  for (let word = 0; word < width; word++) {
    const difference = starts[width * first + word]! ^ starts[width * (end - 1) + word]!;
    if (difference !== 0) return 32 * word + Math.clz32(difference);
  }
  return 32 * width;
}
