import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AnswerGuard } from "../../src/group/redis/answer-guard.ts";
import fc from "../support/draws.ts";

const LIMITS = { text: 1000, bytes: 10_000, items: 100 };

function guard(expected = 1): AnswerGuard {
  const made = new AnswerGuard(LIMITS);
  made.expect(expected);
  return made;
}

function judged(made: AnswerGuard, ...chunks: readonly (string | Uint8Array)[]): string | null {
  let problem: string | null = null;
  for (const chunk of chunks) problem = made.accept(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  return problem;
}

type Value = string | number | null | readonly Value[] | { readonly line: string };

function written(value: Value): Buffer {
  if (value === null) return Buffer.from("$-1\r\n");
  if (typeof value === "number") return Buffer.from(`:${value}\r\n`);
  if (typeof value === "string") return Buffer.concat([Buffer.from(`$${Buffer.byteLength(value)}\r\n${value}\r\n`)]);
  if ("line" in value) return Buffer.from(`+${value.line}\r\n`);
  return Buffer.concat([Buffer.from(`*${value.length}\r\n`), ...value.map(written)]);
}

const scalar = fc.oneof(
  fc.string({ unit: "binary", maxLength: 100 }),
  fc.maxSafeInteger(),
  fc.constant(null),
  fc.stringMatching(/^[ -~]{0,50}$/).map((line) => ({ line })),
);
const list = (items: fc.Arbitrary<Value>) => fc.array(items, { maxLength: 4 });
const answer: fc.Arbitrary<Value> = fc.oneof(scalar, list(scalar), list(fc.oneof(scalar, list(scalar))));

describe("what looks at a server's answers", () => {
  it("takes all that is as it has to be, however it is cut, and one answer too many not", () => {
    fc.assert(
      fc.property(
        fc.array(answer, { maxLength: 5 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 50 })),
        (answers, cuts) => {
          const bytes = Buffer.concat(answers.map(written));
          const made = guard(answers.length);
          for (let at = 0; at < bytes.length; ) {
            const size = cuts.next().value as number;
            assert.equal(made.accept(bytes.subarray(at, at + size)), null);
            at += size;
          }
          assert.match(judged(made, ":1\r\n")!, /nobody has asked for/);
        },
      ),
    );
  });

  it("finds the same wherever any bytes are cut, and throws at none", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc
        .array(fc.constantFrom("*", "$", ":", "+", "-", "1", "0", "2", "-1", "\r\n", "\r", "\n", "a"), {
          maxLength: 30,
        })
        .map((parts) => Buffer.from(parts.join(""))),
    );
    fc.assert(
      fc.property(bytes, fc.boolean(), (all, listens) => {
        const [whole, cut] = [guard(3), guard(3)];
        if (listens) for (const each of [whole, cut]) each.listen();
        let problem: string | null = null;
        for (const byte of all) problem = cut.accept(Uint8Array.of(byte));
        assert.equal(whole.accept(all), problem);
      }),
    );
  });

  it("bounds a text, a line, a number, an answer, its parts and its depth", () => {
    assert.equal(judged(guard(), `$1000\r\n${"x".repeat(1000)}\r\n`), null);
    assert.match(judged(guard(), "+", "x".repeat(5000))!, /line is too long/);
    assert.match(judged(guard(), "$", "1".repeat(30))!, /line is too long/);
    assert.match(
      judged(guard(), "*20\r\n", ...Array(12).fill(`$900\r\n${"x".repeat(900)}\r\n`))!,
      /more than 10000 bytes/,
    );
    assert.match(judged(guard(), "*101\r\n")!, /more than 100 parts/);
    assert.match(
      judged(guard(), "*2\r\n", "*60\r\n", ":1\r\n".repeat(60), "*60\r\n", ":1\r\n".repeat(60))!,
      /100 parts/,
    );
    assert.match(judged(guard(), "*1\r\n".repeat(5))!, /nested too deep/);
  });

  it("passes on all that it takes, but for texts that are too long, in place of which is nothing", () => {
    const text = fc.oneof(
      fc.string({ maxLength: 20 }),
      fc.integer({ min: 990, max: 1_500 }).map((n) => "x".repeat(n)),
    );
    const cut = (value: Value): Value => {
      if (Array.isArray(value)) return value.map(cut);
      return typeof value === "string" && Buffer.byteLength(value) > LIMITS.text ? null : value;
    };
    const values = fc.array(fc.oneof(text, answer, fc.array(text, { maxLength: 4 })), { maxLength: 4 });
    fc.assert(
      fc.property(values, fc.infiniteStream(fc.integer({ min: 1, max: 700 })), (answers, cuts) => {
        const bytes = Buffer.concat(answers.map(written));
        const made = guard(answers.length);
        const passed: Uint8Array[] = [];
        for (let at = 0; at < bytes.length; ) {
          const size = cuts.next().value as number;
          assert.equal(made.accept(bytes.subarray(at, at + size)), null);
          passed.push(...made.passed.map((each) => Uint8Array.from(each)));
          at += size;
        }
        assert.ok(Buffer.concat(passed).equals(Buffer.concat(answers.map((each) => written(cut(each))))));
      }),
    );
    const listening = guard(0);
    listening.listen();
    assert.match(judged(listening, "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1001\r\n")!, /text has more than 1000 bytes/);
  });

  it("counts each answer for itself", () => {
    const made = guard(50);
    for (let i = 0; i < 50; i++) assert.equal(judged(made, `*2\r\n$900\r\n${"x".repeat(900)}\r\n:${i}\r\n`), null);
  });

  it("knows what a line is, and what no length is", () => {
    for (const bytes of [
      "+a\rb\r\n",
      ":1x\r\n",
      ":\r\n",
      "$\r\n",
      "*-2\r\n",
      "$-2\r\n",
      "$1.5\r\n",
      "hello\r\n",
      ">1\r\n",
      "%1\r\n",
    ]) {
      assert.notEqual(judged(guard(), bytes), null, bytes);
    }
  });

  it("takes messages where somebody listens, and nothing that looks like one only from afar", () => {
    const listening = () => {
      const made = guard(0);
      made.listen();
      return made;
    };
    assert.equal(judged(listening(), "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$0\r\n\r\n".repeat(3)), null);
    assert.equal(judged(listening(), "*2\r\n$4\r\npong\r\n$0\r\n\r\n"), null);
    for (const bytes of ["*1\r\n", "*0\r\n", "*4\r\n", "*-1\r\n", "$-1\r\n", "*3\r\n$-1\r\n", "*2\r\n*2\r\n"]) {
      assert.notEqual(judged(listening(), bytes), null, bytes);
    }
  });

  it("is content with nothing more once it has found something", () => {
    const made = guard();
    const first = judged(made, "?");
    assert.equal(judged(made, ":1\r\n"), first);
  });
});
