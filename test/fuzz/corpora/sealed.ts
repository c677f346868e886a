/** Sealed lines between both ends of a session: what opens is what was sealed, in its order, and after a fault nothing does. */
import assert from "node:assert/strict";
import { Door, KINDS } from "../../control/hello.ts";
import fc from "../../support/draws.ts";
import { type Corpus, corpus, refusedWith } from "../corpus.ts";
import { bytesOf, mutation } from "../mutations.ts";

type Step =
  | { readonly do: "next"; readonly body: unknown }
  /** One that was opened before, one that is due later, or one of the other direction. */
  | { readonly do: "again" | "too early" | "back"; readonly which: number }
  | { readonly do: "changed"; readonly how: (line: string) => string };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("next" as const), body: fc.jsonValue({ maxDepth: 1 }) }) },
  fc.record({ do: fc.constantFrom("again" as const, "too early" as const, "back" as const), which: fc.nat(9) }),
  fc.record({ do: fc.constant("changed" as const), how: mutation(["=", "A", "+", "/", "{", '"']) }),
);

export const sealedLines: Corpus = corpus(
  "sealed-lines",
  fc.tuple(fc.constantFrom(...KINDS), fc.boolean(), fc.array(step, { maxLength: 20 })),
  ([kind, toBalancer, steps]) => {
    const { judgement, finish } = new Door().meet(kind);
    assert.ok("proved" in judgement);
    const { line, seal } = judgement.proved.answer({ t: "welcome" });
    const reporter = finish(line).seal;
    const [from, to] = toBalancer ? [reporter, seal] : [seal, reporter];
    const opened: string[] = [];
    for (const each of steps) {
      // Each line is sealed as if the one before had arrived, and it has, or the session is over.
      const body = { t: "x", body: each.do === "next" ? each.body : each.do };
      const due = from.seal(body);
      const sent = each.do === "next" ? due : other(each, due, opened, from, to);
      const result = refusedWith(["NOT_SEALED", "BAD_SEAL"], () => to.open(bytesOf(sent)));
      if (sent === due) {
        assert.deepEqual(result, { value: JSON.parse(JSON.stringify(body)) });
        opened.push(sent);
      } else {
        assert.ok(!("value" in result), `what was not sent next was opened: ${sent}`);
        return steps.length;
      }
    }
    return steps.length;
  },
);

type Seal = ReturnType<ReturnType<Door["meet"]>["finish"]>["seal"];

function other(
  each: Exclude<Step, { do: "next" }>,
  due: string,
  opened: readonly string[],
  from: Seal,
  to: Seal,
): string {
  if (each.do === "changed") return each.how(due);
  if (each.do === "again") return opened[each.which % (opened.length || 1)] ?? "";
  return each.do === "back" ? to.seal({ t: "x", which: each.which }) : from.seal({ t: "x", which: each.which });
}
