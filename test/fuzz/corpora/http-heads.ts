/** Heads of HTTP requests: refused with a status, or taken, and then nothing in them can be mistaken for another line. */
import assert from "node:assert/strict";
import { endOfHead, HttpFault, METHODS, parseHead } from "../../../src/admin/http/head.ts";
import { DICTIONARY, HEADS } from "../../admin/http/heads.ts";
import fc from "../../support/draws.ts";
import { type Corpus, corpus } from "../corpus.ts";
import { bytesOf, mutated } from "../mutations.ts";

const REFUSALS: readonly number[] = [400, 411, 414, 417, 431, 501, 505];

export const httpHeads: Corpus = corpus("http-heads", mutated(fc.constantFrom(...HEADS), DICTIONARY), (text) => {
  try {
    const end = endOfHead(bytesOf(text), 0);
    if (end < 0) return undefined;
    const { method, target, fields, length } = parseHead(text.slice(0, end));
    assert.ok(METHODS.includes(method));
    assert.match(target, /^\/[!-~]*$/);
    assert.ok(Number.isSafeInteger(length) && length >= 0);
    for (const [name, value] of fields) {
      assert.equal(name, name.toLowerCase());
      assert.doesNotMatch(name + value, /[\r\n\0]/);
    }
  } catch (error) {
    if (!(error instanceof HttpFault)) throw error;
    assert.ok(REFUSALS.includes(error.status), `refused with ${error.status}`);
    assert.doesNotMatch(error.message, /[\p{Cc}\p{Zl}\p{Zp}]/u, "a message is one line that moves no cursor");
  }
  return undefined;
});
