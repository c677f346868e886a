import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EventRing, KEPT_EVENTS, type RecentEvent } from "../../src/telemetry/event-ring.ts";
import { info, warning } from "../../src/telemetry/line.ts";

const WHEN = Date.UTC(2026, 10, 30, 5, 0, 0);

function ring(): EventRing {
  return new EventRing(() => WHEN);
}

describe("the recent events", () => {
  test("have what the log's line has, with the pool of their target", () => {
    const events = ring();
    events.add("targetUp", info("target web/a is up", { target: "web/a", weight: 1 }));
    events.add("panicStart", warning("pool db is in panic", { pool: "db" }));
    events.add("warning", warning("it rains"));
    const common = { at: "2026-11-30T05:00:00.000Z" };
    assert.deepEqual(events.after(0), [
      { ...common, id: 1, kind: "targetUp", level: "info", text: "target web/a is up", pool: "web", target: "web/a" },
      { ...common, id: 2, kind: "panicStart", level: "warning", text: "pool db is in panic", pool: "db", target: null },
      { ...common, id: 3, kind: "warning", level: "warning", text: "it rains", pool: null, target: null },
    ]);
  });

  test("are the last of them, in order, and a reader asks for those after the last that it has", () => {
    const events = ring();
    assert.deepEqual(events.after(0), []);
    const total = KEPT_EVENTS + 17;
    for (let n = 1; n <= total; n++) events.add("warning", info(`event ${n}`));
    const ids = (list: readonly RecentEvent[]) => list.map(({ id }) => id);
    const kept = ids(events.after(0));
    assert.equal(kept.length, KEPT_EVENTS);
    assert.deepEqual([kept[0], kept.at(-1)], [18, total]);
    assert.ok(kept.every((id, i) => i === 0 || id === kept[i - 1]! + 1));
    assert.ok(events.after(0).every(({ id, text }) => text === `event ${id}`));
    assert.deepEqual(ids(events.after(total - 2)), [total - 1, total]);
    assert.deepEqual(events.after(total), []);
    assert.deepEqual(ids(events.after(total + 5)), kept);
  });

  test("are told as they happen, to as many as follow, until each has enough", () => {
    const events = ring();
    const told: string[] = [];
    const follow = (event: RecentEvent) => told.push(event.text);
    events.on("event", follow);
    events.add("warning", info("one"));
    events.off("event", follow);
    events.add("warning", info("two"));
    assert.deepEqual(told, ["one"]);
  });

  test("keep a bounded part of a text without end", () => {
    const events = ring();
    events.add("reloadFailed", info("x".repeat(1_000_000)));
    const [{ text } = assert.fail("it was not kept")] = events.after(0);
    assert.equal(text.length, 2_001);
    assert.ok(text.endsWith("x…"));
  });
});
