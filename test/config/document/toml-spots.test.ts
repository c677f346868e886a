/** Where things stand in a TOML text, held to what smol-toml makes of the same text. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parse, stringify } from "smol-toml";
import { type Path, pathKey, spotsOf } from "../../../src/config/document/toml-spots.ts";
import { amount } from "../../support/amount.ts";
import fc from "../../support/draws.ts";

function at(text: string, path: Path): string {
  const spots = spotsOf(text).get(pathKey(path));
  assert.ok(spots, `nothing is known of ${pathKey(path)}`);
  const { key, value } = spots;
  return `${key.line}:${key.column} ${value.line}:${value.column}`;
}

/** Every key and entry that there is, but for what is within a date. */
function* paths(value: unknown, path: Path = []): Generator<Path> {
  if (path.length > 0) yield path;
  if (Array.isArray(value)) for (const [index, each] of value.entries()) yield* paths(each, [...path, index]);
  else if (typeof value === "object" && value !== null && !(value instanceof Date)) {
    for (const [key, each] of Object.entries(value)) yield* paths(each, [...path, key]);
  }
}

describe("where things stand in a TOML text", () => {
  test("keys and values, also behind comments and blank lines", () => {
    const text = '# a = 1\n\na = 1\n  "b c"   =  "x"  # b\n';
    assert.equal(at(text, ["a"]), "3:1 3:5");
    assert.equal(at(text, ["b c"]), "4:3 4:14");
  });
  test("tables, and what is in them", () => {
    const text = "[pool.web]\nqueue = 1\n[ pool . 'd b' ]\nqueue = 2\n";
    assert.equal(at(text, ["pool"]), "1:2 1:2");
    assert.equal(at(text, ["pool", "web"]), "1:7 1:7");
    assert.equal(at(text, ["pool", "web", "queue"]), "2:1 2:9");
    assert.equal(at(text, ["pool", "d b"]), "3:10 3:10");
    assert.equal(at(text, ["pool", "d b", "queue"]), "4:1 4:9");
  });
  test("dotted keys", () => {
    const text = "pool.web.queue = 1\npool.web.listen = 2\n";
    assert.equal(at(text, ["pool", "web"]), "1:6 1:6");
    assert.equal(at(text, ["pool", "web", "listen"]), "2:10 2:19");
  });
  test("entries of lists, and tables in one line", () => {
    const text = 'a = [\n  "x", # one\n  { b = 1, c = [2, 3] },\n]\n';
    assert.equal(at(text, ["a", 0]), "2:3 2:3");
    assert.equal(at(text, ["a", 1]), "3:3 3:3");
    assert.equal(at(text, ["a", 1, "c"]), "3:12 3:16");
    assert.equal(at(text, ["a", 1, "c", 1]), "3:20 3:20");
  });
  test("lists of tables, and tables of their latest entry", () => {
    const text = "[[t]]\na = 1\n[t.s]\nb = 2\n[[t]]\na = 3\n[[t.u]]\nc = 4\n";
    assert.equal(at(text, ["t", 0, "s", "b"]), "4:1 4:5");
    assert.equal(at(text, ["t", 1, "a"]), "6:1 6:5");
    assert.equal(at(text, ["t", 1, "u", 0, "c"]), "8:1 8:5");
  });
  test("long strings, with quotes and hashes in them", () => {
    const text = 'a = """\n# "x" = 1\n\\""""\nb = \'\'\'\n[c]\'\'\'\'\nd = "\\"#"\ne = 1\r\nf = 2\n';
    assert.deepEqual(Object.keys(parse(text)), ["a", "b", "d", "e", "f"]);
    assert.equal(at(text, ["b"]), "4:1 4:5");
    assert.equal(at(text, ["d"]), "6:1 6:5");
    assert.equal(at(text, ["f"]), "8:1 8:5");
  });

  const key = fc.oneof(fc.stringMatching(/^[a-z-]{1,4}$/), fc.string({ minLength: 1, maxLength: 4 }));
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.string({ unit: "binary" }),
      fc.integer(),
      fc.boolean(),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(key, tie("value"), { maxKeys: 3 }),
    ),
  }));

  test("of all that the parser finds in a text, the place is known, and the value begins there", () => {
    fc.assert(
      fc.property(fc.dictionary(key, value, { maxKeys: 4 }), (document) => {
        const text = stringify(document);
        const lines = text.split("\n");
        const parsed = parse(text);
        for (const path of paths(parsed)) {
          const spots = spotsOf(text).get(pathKey(path));
          assert.ok(spots, `${pathKey(path)} in\n${text}`);
          const found = path.reduce<unknown>((all, part) => (all as Record<string | number, unknown>)[part], parsed);
          if (typeof found !== "number" && typeof found !== "boolean" && typeof found !== "string") continue;
          const { line, column } = spots.value;
          const rest = lines
            .slice(line - 1)
            .join("\n")
            .slice(column - 1);
          // Cut to the value itself, it is a text of its own with the same meaning.
          const written =
            typeof found === "string" ? /^("(?:[^"\\]|\\.)*"|'[^']*')/s.exec(rest)?.[0] : /^[\w.+-]+/.exec(rest)?.[0];
          assert.deepEqual(parse(`x = ${written}`).x, found, `${pathKey(path)} in\n${text}`);
        }
      }),
      { numRuns: amount(300) },
    );
  });

  /** Lines of all kinds in any order; those that the parser refuses together are left out. */
  const line = fc.constantFrom(
    ...[
      "a = 1",
      "b.c = [1, 2,\n # x\n {d = 'e', f.g = [[], {}]}]",
      "[t]",
      "[t.u]",
      "[[l]]",
      "[l.m]",
      "[[l.n]]",
      "# ]",
      "",
    ],
    ...[
      '"q#" = """\n[x]\n"""',
      "'s' = '''\ny = \"\n''''",
      'u.v = "\\"="',
      "w = 1979-05-27 07:32:00Z # d",
      "x = {y.z = 1}",
      "[l.m.o]",
    ],
  );
  test("in files that people write, too", () => {
    let taken = 0;
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), fc.constantFrom("\n", "\r\n"), (all, end) => {
        const text = all.join(end);
        let parsed: unknown;
        try {
          parsed = parse(text);
        } catch {
          return;
        }
        taken++;
        const spots = spotsOf(text);
        const found = [...paths(parsed)].map(pathKey);
        assert.deepEqual([...spots.keys()].toSorted(), found.toSorted(), text);
      }),
      { numRuns: amount(1_000) },
    );
    assert.ok(taken > amount(1_000) / 20, `only ${taken} were TOML`);
  });
});
