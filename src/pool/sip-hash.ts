/**
 * HalfSipHash-1-3 (Aumasson and Bernstein; the variant that Linux uses for its hash tables): cheap in 32-bit arithmetic, and
 * keyed, so that without the key nobody can choose addresses that all fall into one bucket.
 */

/** Key of the hashes that must be the same on all balancers. Any fixed value does. */
const PUBLIC_KEY = 0x68_61_72_6d;

// The state of the hash being computed. Module variables, so that hashing allocates nothing.
let v0 = 0;
let v1 = 0;
let v2 = 0;
let v3 = 0;

function round(): void {
  v0 = (v0 + v1) | 0;
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
  v0 = (v0 << 16) | (v0 >>> 16);
  v2 = (v2 + v3) | 0;
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
  v0 = (v0 + v3) | 0;
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
  v2 = (v2 + v1) | 0;
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
  v2 = (v2 << 16) | (v2 >>> 16);
}

function hash(words: ArrayLike<number>, length: number, key0: number, key1: number): number {
  v0 = key0;
  v1 = key1;
  v2 = 0x6c796765 ^ key0;
  v3 = 0x74656462 ^ key1;
  for (let i = 0; i < length; i++) {
    const word = words[i]! | 0;
    v3 ^= word;
    round();
    v0 ^= word;
  }
  // The last word carries the message's length in its top byte.
  const last = length << 26;
  v3 ^= last;
  round();
  v0 ^= last;
  v2 ^= 0xff;
  round();
  round();
  round();
  return (v1 ^ v3) >>> 0;
}

/** 32 bits of a client's key, hashed with a key of the caller's. */
export function hashClient(client: ArrayLike<number>, key0: number, key1: number): number {
  return hash(client, 4, key0, key1);
}

/** 32 bits of a client's key, alike on every balancer. Each `variant` is an independent hash. */
export function publicHash(client: ArrayLike<number>, variant: number): number {
  return hash(client, 4, PUBLIC_KEY, variant);
}

/** A hash of two words, alike on every balancer: ranks pairs of client and target. */
export function mix(a: number, b: number): number {
  pair[0] = a;
  pair[1] = b;
  return hash(pair, 2, PUBLIC_KEY, 2);
}
const pair = new Int32Array(2);

/** 32 bits of a text, alike on every balancer. Each `variant` is an independent hash. */
export function hashText(text: string, variant: number): number {
  const bytes = new TextEncoder().encode(text);
  const words = new Int32Array(Math.ceil(bytes.length / 4) + 1);
  for (let i = 0; i < bytes.length; i++) words[i >> 2]! |= bytes[i]! << (8 * (i & 3));
  words[words.length - 1] = bytes.length; // tells texts apart that end in zero bytes
  return hash(words, words.length, PUBLIC_KEY, variant);
}
