/**
 * How much a test does that is large or drawn at random. Node and Bun do all of it; the other forms, which are there to show what
 * differs in them, do an eighth (HARMONY_TEST_LIGHT, set by scripts/test/forms.ts).
 */
const SHARE = process.env.HARMONY_TEST_LIGHT ? 1 / 8 : 1;

export function amount(whole: number): number {
  return Math.ceil(whole * SHARE);
}
