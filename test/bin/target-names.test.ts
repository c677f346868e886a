/** What an operator calls a target. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { allCalled } from "../../src/bin/target-names.ts";
import fc from "../support/draws.ts";

const TARGETS = [
  { id: "web/web-1", address: "10.0.0.11:8080" },
  { id: "web/10.0.0.5:80", address: "10.0.0.5:80" },
  { id: "db/10.0.0.5:5432", address: "10.0.0.5:5432" },
  { id: "db/one", address: "10.0.0.6:5432" },
  { id: "mqtt/one", address: "unix:/run/mq.sock" },
  { id: "mqtt/very-one", address: "10.0.0.7:1883" },
];

const called = (...words: string[]) => allCalled(words, TARGETS).map(({ id }) => id);

function refused(word: string, code: string, message: RegExp): void {
  assert.throws(() => called(word), { code, message, fault: "config" });
}

describe("a word for a target", () => {
  test("is its name, that without its pool, its address, or an end that no other has", () => {
    assert.deepEqual(called("web/web-1"), ["web/web-1"]);
    assert.deepEqual(called("web-1"), ["web/web-1"]);
    assert.deepEqual(called("10.0.0.6:5432"), ["db/one"]);
    assert.deepEqual(called("unix:/run/mq.sock"), ["mqtt/one"]);
    assert.deepEqual(called("y-one"), ["mqtt/very-one"]);
  });

  test("is taken in its nearest sense", () => {
    assert.deepEqual(called("db/one"), ["db/one"]); // not an end of others
    assert.deepEqual(called("10.0.0.5:5432"), ["db/10.0.0.5:5432"]);
    refused("one", "AMBIGUOUS", /^one may be db\/one, mqtt\/one: say which; .* such as '\*one'/);
  });

  test("with * or ? is a pattern, of one pool or of any", () => {
    assert.deepEqual(called("db/*"), ["db/10.0.0.5:5432", "db/one"]);
    assert.deepEqual(called("*one"), ["db/one", "mqtt/one", "mqtt/very-one"]);
    assert.deepEqual(called("on?"), ["db/one", "mqtt/one"]);
    assert.deepEqual(called("*/web-?"), ["web/web-1"]);
    refused("web.1*", "NO_TARGET", /no target is called web\.1\*/); // a dot is a dot
    refused("eb/*", "NO_TARGET", /eb\/\*/);
  });

  test("that means none is refused, and so is the empty one", () => {
    refused("nope", "NO_TARGET", /no target is called nope: harmony-balancer targets lists them/);
    assert.throws(() => called(""));
    assert.throws(() => called("web-1", "nope"), { code: "NO_TARGET" });
  });

  test("of which there may be too many to list is refused with some of them", () => {
    const many = Array.from({ length: 9 }, (_, n) => ({ id: `p${n}/same`, address: "" }));
    assert.throws(() => allCalled(["same"], many), { code: "AMBIGUOUS", message: /p4\/same and 4 more: say which/ });
  });
});

test("several words give each target once, in the order of the list", () => {
  assert.deepEqual(called("mqtt/one", "web-1", "*one", "10.0.0.5:80"), [
    "web/web-1",
    "web/10.0.0.5:80",
    "db/one",
    "mqtt/one",
    "mqtt/very-one",
  ]);
});

test("a whole name means its target, whatever signs are in it", () => {
  const id = fc.stringMatching(/^[a-z]{1,3}\/[\]a-z0-9.:[$^()|+\\-]{1,8}$/);
  fc.assert(
    fc.property(fc.uniqueArray(id, { minLength: 1, maxLength: 8 }), (ids) => {
      const all = ids.map((each) => ({ id: each, address: "-" }));
      return ids.every((each) => allCalled([each], all).length === 1 && allCalled([`${each}*`], all)[0] !== undefined);
    }),
  );
});

test("ten thousand targets are gone through once for each word", () => {
  let looks = 0;
  const all = Array.from({ length: 10_000 }, (_, n) => ({
    get id() {
      looks++;
      return `web/t-${n}`;
    },
    address: "",
  }));
  assert.equal(allCalled(["*"], all).length, all.length);
  assert.equal(looks, all.length);
});
