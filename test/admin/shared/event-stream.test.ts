/** Server-sent events, as commands and the dashboard read them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EventStream } from "../../../src/admin/shared/event-stream.ts";
import fc from "../../support/draws.ts";

const written = (data: unknown, id: number) => `id: ${id}\ndata: ${JSON.stringify(data)}\n\n`;

describe("the reader of events", () => {
  it("gives each event once, wherever the text is cut", () => {
    const data = fc.array(fc.oneof(fc.string(), fc.integer(), fc.record({ text: fc.string() })), { maxLength: 10 });
    fc.assert(
      fc.property(data, fc.array(fc.nat(300), { maxLength: 12 }), (events, cuts) => {
        const text = `retry: 1000\n\n${events.map(written).join(":\n\n")}`;
        const stream = new EventStream();
        const places = [0, ...cuts.map((cut) => Math.min(cut, text.length)).sort((a, b) => a - b), text.length];
        const parts = places.slice(1).map((end, index) => text.slice(places[index], end));
        const read = parts.flatMap((part) => stream.push(part)).map((each) => JSON.parse(each));
        assert.deepEqual(read, JSON.parse(JSON.stringify(events)));
      }),
    );
  });

  it("puts lines of data together", () => {
    assert.deepEqual(new EventStream().push("data: one\ndata: two\n\n"), ["one\ntwo"]);
  });

  it("does not wait for ever for the end of one", () => {
    const stream = new EventStream();
    assert.throws(() => {
      for (let n = 0; n < 200; n++) stream.push(`data: ${"x".repeat(10_000)}`);
    }, /without an end/);
  });
});
