/** A few seconds of chaos on each compiled form; `make chaos` runs it for as long as is asked. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { chaos, whyNoChaos } from "../chaos/chaos.ts";
import { seed } from "../support/draws.ts";
import { compiled } from "../support/form.ts";

const MS = 15_000;
const ROUND_MS = 2_500;
/** Of the clients of a long run: other tests want the processors as well. */
const CROWD = 0.3;

const skip = compiled
  ? whyNoChaos()
  : "the compiled programs have it, since what differs from them is tested elsewhere";

describe("the programs, whatever happens", { skip }, () => {
  it(`keep their books and their word, SEED=${seed}`, async () => {
    const said: string[] = [];
    const say = (text: string) => said.push(text);
    const wrong = await chaos({ seed, ms: MS, roundMs: ROUND_MS, crowd: CROWD, say });
    assert.deepEqual(wrong, [], said.join("\n"));
  });
});
