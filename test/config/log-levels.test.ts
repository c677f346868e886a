import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LOG_LEVELS, LOG_PARTS, type LogLevels, levelOf, logLevels } from "../../src/config/log-levels.ts";
import fc from "../support/draws.ts";

const levels = (text: string): LogLevels | undefined => logLevels.parse(text)?.value;

describe("the level of the log", () => {
  it("is one for all lines, with others for parts, in any order", () => {
    assert.deepEqual(levels("warning"), { least: "warning", parts: {} });
    assert.deepEqual(levels("info,control=debug,targets=warning"), {
      least: "info",
      parts: { targets: "warning", control: "debug" },
    });
    assert.deepEqual(levels("connections=debug"), { least: "info", parts: { connections: "debug" } });
    assert.deepEqual(levels("config=error,warning"), { least: "warning", parts: { config: "error" } });
  });

  it("leaves the others to that for all", () => {
    const some = levels("error,targets=info")!;
    assert.deepEqual(
      LOG_PARTS.map((part) => levelOf(some, part)),
      ["info", "error", "error", "error"],
    );
  });

  for (const wrong of [
    "",
    "loud",
    "info,",
    ",info",
    "info,debug",
    "nobody=info",
    "targets=",
    "targets",
    "=info",
    "info,targets=info,targets=debug",
    "targets=info=debug",
    "INFO",
    "info, targets=debug",
  ]) {
    it(`is refused as ${JSON.stringify(wrong)}`, () => assert.equal(logLevels.parse(wrong), null));
  }

  it("comes back from its shortest text, and the schema takes what the program takes", () => {
    const level = fc.constantFrom(...LOG_LEVELS);
    const word = fc.oneof(
      level,
      fc.tuple(fc.constantFrom(...LOG_PARTS), level).map((pair) => pair.join("=")),
      fc.string(),
    );
    const pattern = new RegExp((logLevels.schema as { pattern: string }).pattern);
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), (words) => {
        const text = words.join(",");
        const value = levels(text);
        if (value === undefined) return;
        assert.match(text, pattern);
        assert.deepEqual(levels(logLevels.format(value)), value);
        assert.ok(logLevels.format(value).length <= text.length || !LOG_LEVELS.some((each) => words.includes(each)));
      }),
    );
  });
});
