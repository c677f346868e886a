/** The words behind a key. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseGivenKey, parseKeyLine } from "../../src/control/keys/key.ts";
import { formatLimits, type KeyLimits, LIMIT_WORDS, parseLimits } from "../../src/control/keys/limits.ts";
import { formatRange, type IpRange, parseRange } from "../../src/util/address.ts";
import type { HarmonyError } from "../../src/util/errors.ts";
import fc from "../support/draws.ts";

const SECRET = "0123456789abcdef";

function refusal(attempt: () => unknown): HarmonyError {
  try {
    attempt();
  } catch (error) {
    return error as HarmonyError;
  }
  return assert.fail("it was not refused");
}

const names = fc.array(fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/), { minLength: 1, maxLength: 3 });
const range = fc
  .oneof(
    fc.tuple(fc.ipV4(), fc.option(fc.nat(32), { nil: null })),
    fc.tuple(fc.ipV6(), fc.option(fc.nat(128), { nil: null })),
  )
  .map(([address, bits]) => parseRange(bits === null ? address : `${address}/${bits}`))
  .filter((each): each is IpRange => each !== null);
const ranges = fc.array(range, { minLength: 1, maxLength: 3 });
const ports = fc.array(
  fc.tuple(fc.integer({ min: 1, max: 65_535 }), fc.nat(65_535)).map(([low, more]) => {
    return [low, Math.min(65_535, low + more)] as const;
  }),
  { minLength: 1, maxLength: 3 },
);
const count = fc.integer({ min: 1, max: 9_999_999 });
const limits: fc.Arbitrary<KeyLimits> = fc.record(
  {
    pools: names,
    from: ranges,
    ports,
    maxWeight: fc.nat(1_000_000),
    advertise: ranges,
    nat: fc.constant(true),
    listen: ports,
    options: fc.array(fc.stringMatching(/^[a-z][a-z-]{0,39}$/), { minLength: 1, maxLength: 3 }),
    targets: count,
    sessions: count,
    newTargets: count,
  },
  { requiredKeys: [], noNullPrototype: true },
);

describe("the words of a key's limits", () => {
  it("say what is allowed", () => {
    const line =
      "pool=a,b from=10.0.0.0/8,::1 port=80,8000-8099 max-weight=1000 advertise=10.1.0.0/16,fd00::5 nat listen=443,5000-5999 options=algorithm,queue-timeout targets=40 sessions=80 new-targets=10";
    const { from, advertise, ...others } = parseLimits(line.split(" "), "here");
    assert.deepEqual(others, {
      pools: ["a", "b"],
      ports: [
        [80, 80],
        [8000, 8099],
      ],
      maxWeight: 1000,
      nat: true,
      listen: [
        [443, 443],
        [5000, 5999],
      ],
      options: ["algorithm", "queue-timeout"],
      targets: 40,
      sessions: 80,
      newTargets: 10,
    });
    assert.deepEqual(
      [from, advertise].map((each) => each?.map(formatRange)),
      [
        ["10.0.0.0/8", "::1"],
        ["10.1.0.0/16", "fd00::5"],
      ],
    );
    assert.deepEqual(formatLimits(parseLimits(line.split(" "), "here")), line.split(" "));
    assert.deepEqual(parseLimits([], "here"), {});
    assert.deepEqual(formatLimits({}), []);
  });

  it("read back as they were written", () => {
    fc.assert(fc.property(limits, (each) => assert.deepEqual(parseLimits(formatLimits(each), "here"), each)));
  });

  it("are the same in any order, and mean what their examples say", () => {
    const examples = LIMIT_WORDS.map(({ name, example }) => (example === null ? name : `${name}=${example}`));
    assert.equal(new Set(LIMIT_WORDS.map(({ name }) => name)).size, LIMIT_WORDS.length);
    fc.assert(
      fc.property(fc.shuffledSubarray(examples), (words) => {
        assert.deepEqual(
          formatLimits(parseLimits(words, "here")),
          examples.filter((each) => words.includes(each)),
        );
      }),
    );
  });

  it("of whatever kind are read or refused with BAD_KEY, which never shows them", () => {
    const value = fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f:./,-]{0,20}$/), fc.string({ unit: "binary" }));
    const word = fc
      .tuple(fc.constantFrom(...LIMIT_WORDS.map(({ name }) => name), "", "Nat", "__proto__", "constructor"), value)
      .map(([name, text]) => `${name}=${text}`);
    fc.assert(
      fc.property(fc.array(fc.oneof(word, value), { maxLength: 4 }), (words) => {
        try {
          const read = parseLimits(words, "HERE");
          assert.deepEqual(parseLimits(formatLimits(read), "HERE"), read);
        } catch (error) {
          const { code, message } = error as HarmonyError;
          assert.equal(code, "BAD_KEY");
          assert.ok(message.startsWith("HERE: "), message);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  for (const [words, problem] of [
    ["colour=blue", /only limits may follow: pool=, .*nat, .*new-targets= \(a secret in a file has no blanks\)/],
    ["pool", /pool= has no value: give something like pool=web,api$/],
    ["pool=,", /pool= names nothing/],
    ["pool=a,b:c", /what pool= says cannot be read/],
    [`port=80web:${SECRET}`, /what port= says cannot be read: give something like port=80,8000-8099$/],
    ["from=10.0.0.0/33", /what from= says/],
    ["advertise=host.example", /what advertise= says cannot be read: give something like advertise=10.1.0.0\/16$/],
    ["advertise=", /advertise= names nothing/],
    ["advertise=10.0.0.0/8/8", /what advertise= says/],
    ["nat=yes", /nat takes no value/],
    ["nat=", /nat takes no value/],
    ["nat nat", /nat is given twice/],
    ["pool=a pool=b", /pool= is given twice: give its values in one word/],
    ["listen=", /listen= names nothing/],
    ["listen=0", /what listen= says cannot be read: give something like listen=5000-5999$/],
    ["options=queueTimeout", /what options= says cannot be read/],
    ["targets=0", /what targets= says/],
    ["targets=-1", /what targets= says/],
    ["sessions=1e3", /what sessions= says/],
    ["new-targets=99999999", /what new-targets= says/],
    ["max-weight=many", /what max-weight= says/],
  ] as const) {
    it(`are refused as "${words.replace(SECRET, "…")}", with the word and an example`, () => {
      const { code, message } = refusal(() => parseKeyLine(`id:${SECRET} ${words}`, "keys.txt:2"));
      assert.equal(code, "BAD_KEY");
      assert.match(message, problem);
      assert.ok(message.startsWith("keys.txt:2: ") && !message.includes(SECRET), message);
    });
  }

  it("may follow a key that is given without a file, whose secret may have blanks", () => {
    const { id, secret, limits: given } = parseGivenKey(`web:${SECRET} nat targets=3\n`, "here");
    assert.deepEqual([id, secret, given], ["web", SECRET, { nat: true, targets: 3 }]);
    for (const secretWithBlanks of [`${SECRET} nat or not`, "correct horse battery staple"]) {
      assert.deepEqual(parseGivenKey(secretWithBlanks, "here"), {
        id: "default",
        secret: secretWithBlanks,
        limits: {},
      });
    }
    assert.equal(refusal(() => parseGivenKey(`${SECRET} nat=1`, "here")).code, "BAD_KEY");
  });
});
