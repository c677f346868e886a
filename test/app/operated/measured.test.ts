import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { measuredOf } from "../../../src/app/operated/measured.ts";
import type { Operable } from "../../../src/app/operated/operable.ts";

describe("what the page of metrics is made of", () => {
  it("has each of a target's refusals once: its check and its agent are one source, and may both have it down", () => {
    const verdicts = [
      { source: "reported", says: "up" },
      { source: "checked", says: "down", reason: "its check fails" },
      { source: "checked", says: "down", reason: "its agent says so" },
      { source: "ordered", says: "draining" },
    ];
    const registry = { standingOf: (target: string) => (target === "web/a" ? { verdicts } : null) };
    const operable = {
      parts: { engine: {}, control: { registry, rejections: [] } },
      telemetry: { eventLoop: {} },
    } as unknown as Operable;
    const { refusals } = measuredOf(operable);
    assert.deepEqual(
      [...refusals("web/a")].map(({ source, says }) => `${source} ${says}`),
      ["checked down", "ordered draining"],
    );
    assert.deepEqual([...refusals("web/gone")], []);
  });
});
