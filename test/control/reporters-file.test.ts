import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatLimits, parseLimits } from "../../src/control/keys/limits.ts";
import { formatKeyBytes } from "../../src/control/keys/public-key.ts";
import { changeKeys, enterReporter, parseReporters } from "../../src/control/keys/reporters-file.ts";
import fc from "../support/draws.ts";

const key = (number: number) => new Uint8Array(32).fill(number);
const text = (number: number) => formatKeyBytes(key(number));

const name = fc.stringMatching(/^[A-Za-z0-9._-]{1,12}$/).filter((each) => each !== "insecure");
const remark = fc.constantFrom("", "   ", "# a remark", "  # web-1 was here", "#web");
const limits = fc.constantFrom(
  "",
  "pool=web",
  "pool=a,b port=80,8000-8099",
  "nat targets=3",
  "max-weight=5 from=10.0.0.0/8",
);
/** A file as people leave it: reporters with other names and keys each, remarks in between, odd spacing and line ends. */
const file = fc
  .uniqueArray(
    fc.record({ name, limits, remark, indent: fc.constantFrom("", "  ", "\t"), end: fc.constantFrom("\n", "\r\n") }),
    {
      selector: (each) => each.name,
      maxLength: 6,
    },
  )
  .map((lines) => {
    const all = lines.map(
      ({ name, limits, remark, indent, end }, index) =>
        `${remark}${end}${indent}${name}  ${text(index + 1)}${limits && `   ${limits}`}${end}`,
    );
    return { names: lines.map(({ name }) => name), text: all.join("") };
  });

describe("the reporters file", () => {
  it("holds a reporter a line: its name, its public key, its limits", () => {
    const reporters = parseReporters(
      `# ours\n\nweb ${text(1)} pool=web port=8080\r\n  db ${text(2)},${text(3)} nat\n`,
      "f",
    );
    assert.deepEqual(
      reporters.map(({ id, publicKey, limits }) => [id, publicKey[0], formatLimits(limits).join(" ")]),
      [
        ["web", 1, "pool=web port=8080"],
        ["db", 2, "nat"],
        ["db", 3, "nat"],
      ],
    );
  });

  for (const [what, line, problem] of [
    ["a name with other characters", `we/b ${text(1)}`, /^f:2: a line begins with the reporter's name/],
    ["the name of --insecure", `insecure ${text(1)}`, /^f:2: the name "insecure" is reserved/],
    ["no key", "web", /^f:2: after the name "web" its public key has to follow/],
    ["a key that was cut off", `web ${text(1).slice(1)}`, /^f:2: after the name "web" its public key/],
    ["three keys", `web ${text(1)},${text(2)},${text(3)}`, /^f:2: after the name "web" its public key/],
    [
      "a word that is no limit",
      `web ${text(1)} colour=blue`,
      /^f:2: "colour=blue" is no limit: after the key only pool=, .* may follow/,
    ],
    ["a blank behind a comma", `web ${text(1)} port=80, 443`, /^f:2: "443" is no limit: .* each without blanks$/],
    ["a name that is there already", `first ${text(1)}`, /^f:2: a second reporter with the name "first"/],
    ["a key that is there already", `web ${text(9)}`, /^f:2: the public key of "web" is that of "first", too/],
    ["the same key twice", `web ${text(1)},${text(1)}`, /^f:2: the public key of "web" is that of "web", too/],
    ["the name of a shared key", `shared ${text(1)}`, /^f:2: the name "shared" is that of a key of keys\.txt, too/],
  ] as const) {
    it(`with ${what} is refused by file and line`, () => {
      const owner = (id: string) => (id === "shared" ? "keys.txt" : null);
      assert.throws(
        () => parseReporters(`first ${text(9)}\n${line}\n`, "f", owner),
        (error) => problem.test((error as Error).message) && (error as { code: string }).code === "BAD_KEY",
      );
    });
  }

  it("gets and loses lines, and no other character of it changes", () => {
    fc.assert(
      fc.property(file, name, limits, fc.boolean(), (before, name, words, isCut) => {
        fc.pre(!before.names.includes(name));
        const given = isCut ? before.text.trimEnd() : before.text;
        const entered = enterReporter(given, name, key(99), parseLimits(words.split(" ").filter(Boolean), "test"));
        if (given !== "") assert.ok(entered.startsWith(given), "what was there is still there");
        const after = parseReporters(entered, "f");
        const others = after.slice(0, -1).map(({ id }) => id);
        assert.deepEqual(others, before.names);
        const { id, publicKey, limits } = after.at(-1)!;
        assert.deepEqual([id, publicKey[0], formatLimits(limits).join(" ").length], [name, 99, words.length]);
      }),
    );
  });

  it("gets other keys for a reporter, and no other character of it changes", () => {
    fc.assert(
      fc.property(file, fc.nat(), (before, at) => {
        fc.pre(before.names.length > 0);
        const index = at % before.names.length;
        const name = before.names[index]!;
        const both = changeKeys(before.text, name, [key(index + 1), key(77)]);
        assert.equal(both, before.text.replace(text(index + 1), `${text(index + 1)},${text(77)}`));
        assert.equal(changeKeys(both, name, [key(index + 1)]), before.text);
        assert.equal(parseReporters(both, "f").length, before.names.length + 1);
      }),
    );
  });

  it("throws errors with file and line and nothing else, whatever stands in it", () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ unit: "grapheme" }), (a, b) => {
        try {
          parseReporters(`${a}\n${b} ${text(1)} ${a}`, "f");
        } catch (error) {
          assert.match(`${(error as { code: string }).code} ${(error as Error).message}`, /^BAD_KEY f:\d+: /);
        }
      }),
    );
  });
});
