/** What `make mutate` changes. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { mutantsOf, mutated } from "../../scripts/mutate/mutants.ts";
import { ROOMS, sourcesOf, testsOf } from "../../scripts/mutate/rooms.ts";
import { root } from "../../scripts/runtimes.ts";

const changes = (text: string) => mutantsOf(text).map((mutant) => mutated(text, mutant));

describe("mutants", () => {
  const cases: Record<string, [string, string[]]> = {
    "a comparison": ["x = a < b;", ["x = a <= b;", "x = a >= b;"]],
    "a condition": ["if (a) f();", ["if (true) f();", "if (false) f();", "if (a) ;"]],
    "a negation": ["x = !a;", ["x = (a);"]],
    "a number": ["x = 7;", ["x = (7 + 1);"]],
    "a default": ["x = a ?? b;", ["x = (a);"]],
    "a step": ["i++;", ["i--;"]],
    "a name that has an opposite": ["x = Math.min(a, b);", ["x = Math.max(a, b);"]],
    "an early return": ["function f() { return; }", ["function f() { ; }"]],
  };
  for (const [what, [text, expected]] of Object.entries(cases)) {
    it(`change ${what}`, () => {
      // Besides, each statement is left out once.
      for (const change of expected) assert.ok(changes(text).includes(change), `${change} in ${changes(text)}`);
    });
  }

  it("leave types, messages and super() alone", () => {
    const text =
      'interface A { a: 1 | 2 }\ntype B = 1 & A;\nclass C extends D { constructor() { super(); } }\nlet x: 1 | 2 = "a + b";';
    assert.deepEqual(changes(text), []);
  });

  it("are on the line that is named", () => {
    assert.deepEqual(
      mutantsOf("const a = b;\nx = 1;\n").map(({ line }) => line),
      [2, 2],
    );
  });
});

describe("the rooms of the mutants", () => {
  for (const room of ROOMS) {
    it(`${room.name} has sources, and every test that it names is there`, () => {
      assert.ok(sourcesOf(room).length > 0);
      const tests = testsOf(room, sourcesOf(room)[0]!);
      for (const beginning of room.tests)
        assert.ok(
          tests.some((test) => test.startsWith(beginning)),
          beginning,
        );
      for (const test of tests) assert.ok(existsSync(join(root, test)));
    });
  }

  it("put the tests first that are named as the source is", () => {
    const [pool] = ROOMS;
    assert.equal(testsOf(pool!, "src/pool/sticky.ts")[0], "test/pool/sticky.test.ts");
  });
});
