import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { suggestion } from "../../src/config/suggest.ts";

/** What is suggested, or "". */
const meant = (given: string, ...candidates: string[]): string => {
  const text = suggestion(given, candidates);
  assert.match(text, /^(; did you mean .+\?)?$/);
  return text.slice("; did you mean ".length, -1);
};

describe("what somebody may have meant", () => {
  test("is the nearest, whatever the order", () => {
    assert.equal(meant("listem", "list", "listen", "lifted"), "listen");
    assert.equal(meant("listem", "lifted", "listen", "list"), "listen");
    assert.equal(meant("listem", "listen", "listed"), "listen", "of equals the first");
  });
  test("has a letter more, less, another one, or two in the wrong order", () => {
    for (const given of ["queuee", "quee", "quaue", "quuee", "QUEUE"])
      assert.equal(meant(given, "queue"), "queue", given);
  });
  test("has at most two of five letters different", () => {
    assert.equal(meant("abxyz", "abcde"), "");
    assert.equal(meant("abcyz", "abcde"), "abcde");
    assert.equal(meant("ba", "ab"), "", "one edit of two letters is too much");
  });
  test("or else begins with it, and is the shortest that does", () => {
    assert.equal(meant("--algo", "--algorithms-of-old", "--algorithm", "--queue"), "--algorithm");
    assert.equal(meant("-V", "--help", "--version"), "--version");
    assert.equal(meant("--", "--help"), "");
  });
});
