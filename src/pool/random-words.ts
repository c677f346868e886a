/** Random numbers in shared memory: xoshiro128** (Blackman and Vigna), since Math.random cannot be seeded. */

/** Fills the four words from a seed (splitmix32). All zeros would be a state that the generator never leaves. */
export function seedRandom(words: Int32Array, seed: number): void {
  let x = (seed ^ Math.floor(seed / 2 ** 32)) | 0;
  for (let i = 0; i < 4; i++) {
    x = (x + 0x9e3779b9) | 0;
    let z = x ^ (x >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    words[i] = z ^ (z >>> 15);
  }
  if ((words[0]! | words[1]! | words[2]! | words[3]!) === 0) words[0] = 1;
}

/** A whole number from 0 to `below` - 1; `below` is at most 2^40, so that 53 random bits leave no noticeable bias. */
export function randomBelow(words: Int32Array, below: number): number {
  const high = nextWord(words) >>> 5;
  const low = nextWord(words) >>> 6;
  return Math.floor(((high * 2 ** 26 + low) / 2 ** 53) * below);
}

function nextWord(s: Int32Array): number {
  const s1 = s[1]!;
  const times5 = Math.imul(s1, 5);
  const result = Math.imul((times5 << 7) | (times5 >>> 25), 9);
  s[2]! ^= s[0]!;
  s[3]! ^= s1;
  s[1] = s1 ^ s[2]!;
  s[0]! ^= s[3]!;
  s[2]! ^= s1 << 9;
  s[3] = (s[3]! << 11) | (s[3]! >>> 21);
  return result;
}
