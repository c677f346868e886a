import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { afterWord, parseAgentWord, saidByAgent, UNSAID } from "../../../src/targets/health/agent-word.ts";
import fc from "../../support/draws.ts";

const after = (...lines: string[]) =>
  lines.map(parseAgentWord).reduce((state, word) => (word ? afterWord(state, word) : state), UNSAID);

describe("an agent's word", () => {
  it("is read as HAProxy reads it", () => {
    assert.deepEqual(parseAgentWord("75%"), { percent: 75 });
    assert.deepEqual(parseAgentWord("up 50%,maxconn:30\r"), { health: "up", percent: 50, maxConnections: 30 });
    assert.deepEqual(parseAgentWord("stopped # its disk is full"), { health: "down", reason: "its disk is full" });
    assert.deepEqual(parseAgentWord("\tready, up"), { order: "ready", health: "up" });
    assert.deepEqual(parseAgentWord("nonsense drain"), { order: "drain" });
    for (const line of ["", "hello", "# up", "50", "-5%", "UP"]) assert.equal(parseAgentWord(line), null, line);
  });

  it("leaves what it does not speak of as it is: up does not end a maintenance, ready does", () => {
    assert.equal(saidByAgent(after("maint", "up")), "down");
    assert.equal(saidByAgent(after("maint", "up", "ready")), "up");
    assert.equal(saidByAgent(after("drain", "50%")), "draining");
    assert.equal(saidByAgent(after("down", "ready")), "down");
    assert.equal(after("50%", "up").percent, 50);
    assert.equal(after("failed #broken", "up").reason, null);
  });

  it("is bounded, and printable, whatever comes", () => {
    const parts = fc.constantFrom(
      "up",
      "down",
      "99999999%",
      "maxconn:999999999",
      "#",
      " ",
      ",",
      "\u202e",
      "\0",
      "drain",
      "x",
    );
    fc.assert(
      fc.property(fc.array(parts), (all) => {
        const word = parseAgentWord(all.join(" "));
        if (word === null) return;
        assert.ok((word.percent ?? 0) <= 10_000 && (word.maxConnections ?? 0) <= 16_777_215);
        assert.doesNotMatch(word.reason ?? "", /[\p{C}]/u);
        assert.ok((word.reason ?? "").length <= 120);
      }),
    );
  });
});
