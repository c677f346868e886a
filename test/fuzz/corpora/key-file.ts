/** Key files with their tokens, HARMONY_KEY, and the words of limits. */
import assert from "node:assert/strict";
import { parseGivenKey, parseKeyFile } from "../../../src/control/keys/key.ts";
import { formatLimits, LIMIT_WORDS, parseLimits } from "../../../src/control/keys/limits.ts";
import { formatToken, parseTokenLine, parseTokens } from "../../../src/control/keys/token.ts";
import fc from "../../support/draws.ts";
import { assertKeepsSecret, type Corpus, corpus, refusedWith } from "../corpus.ts";
import { mutated } from "../mutations.ts";

export const SECRET = "q9Zt-7hVwUX2mKdP";
export const WORDS: readonly string[] = LIMIT_WORDS.map(({ name, example }) => (example ? `${name}=${example}` : name));
export const DICTIONARY: readonly string[] = [
  ...WORDS,
  "\n",
  "\r\n",
  "#",
  " ",
  "\t",
  ",",
  "=",
  "::1",
  "0.0.0.0/0",
  "/33",
  "\0",
  "\u00a0",
];

const key = fc.subarray([...WORDS]).map((words) => [`web:${SECRET}`, ...words].join(" "));
const token = fc
  .subarray(["name=a", "right=act", `secret=${SECRET}${SECRET}`, "pool=web", "advertise=::1", "nat"])
  .map((words) => ["token", ...words].join(" "));
const line = fc.oneof(key, token);
const file = fc
  .array(fc.oneof(line, fc.constantFrom("# a remark", "", `default:${SECRET}`, SECRET)), { maxLength: 4 })
  .map((lines) => lines.join("\n"));

export const keyFiles: Corpus = corpus("key-files", mutated(file, DICTIONARY), (text) => {
  const read = refusedWith(["BAD_KEY"], () => parseKeyFile(text, "file"));
  if ("value" in read) for (const { limits } of read.value) assertReadsBack(limits);
  else assertKeepsSecret(read.message, SECRET);
  const tokens = refusedWith(["BAD_KEY"], () => parseTokens(text, "file"));
  if ("value" in tokens)
    for (const each of tokens.value) assert.deepEqual(parseTokenLine(formatToken(each), "again"), each);
  else assertKeepsSecret(tokens.message, SECRET);
  const given = refusedWith(["BAD_KEY"], () => parseGivenKey(text, "HARMONY_KEY"));
  if (!("value" in given)) assertKeepsSecret(given.message, SECRET);
  return undefined;
});

/** What is written of limits reads as the same limits. */
export function assertReadsBack(limits: Parameters<typeof formatLimits>[0]): void {
  assert.deepEqual(formatLimits(parseLimits(formatLimits(limits), "again")), formatLimits(limits));
}
