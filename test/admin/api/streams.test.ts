/** What is streamed: long lists in slices, and events as they happen, to readers that may be slow or leave. */
import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { eventStream } from "../../../src/admin/api/event-stream.ts";
import { jsonAnswer } from "../../../src/admin/api/json-answer.ts";
import { ManualClock } from "../../support/clock.ts";
import { FakeOperated } from "../../support/operated.ts";

describe("a list in JSON", () => {
  for (const length of [0, 1, 100, 101, 5000]) {
    it(`is the same text with ${length} items as in one piece`, async () => {
      const items = Array.from({ length }, (_, n) => ({ n, text: `"${n}\u2028` }));
      for (const value of [{ items }, { items, total: 7, next: null }]) {
        assert.equal(await jsonAnswer(value).text(), `${JSON.stringify(value)}\n`);
      }
    });
  }

  it("is the same text wherever in it the long list is, and without what is undefined", async () => {
    const targets = Array.from({ length: 5000 }, (_, n) => ({ port: n, host: null }));
    const value = { pools: { web: { targets, queue: 1 }, db: { targets: [] }, 'a"b': {} }, gone: undefined };
    assert.equal(await jsonAnswer(value).text(), `${JSON.stringify(value)}\n`);
    assert.equal(await jsonAnswer([targets, []]).text(), `${JSON.stringify([targets, []])}\n`);
  });

  it("is made in parts, also where no list of items is what is long", async () => {
    const targets = Array.from({ length: 200_000 }, (_, n) => ({ port: n }));
    const reader = jsonAnswer({ pool: { targets } }).body!.getReader();
    const first = await reader.read();
    assert.ok(first.value!.length < JSON.stringify(targets).length / 2, `${first.value!.length}`);
    await reader.cancel();
  });

  it("is made no further than it is read", async () => {
    let made = 0;
    const items = Array.from({ length: 100_000 }, () => ({ toJSON: () => ++made, pad: "" }));
    const reader = jsonAnswer({ items }).body!.getReader();
    await reader.read();
    const before = made;
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(made, before);
    await reader.cancel();
    assert.ok(made < items.length, `${made}`);
  });
});

describe("the stream of events", () => {
  let operated = new FakeOperated();
  let clock = new ManualClock();
  beforeEach(() => {
    operated = new FakeOperated();
    clock = new ManualClock();
  });

  function follow(after: number, headers: Record<string, string> = {}) {
    const response = eventStream(operated, after, new Request("http://x/v1/events?follow", { headers }), clock);
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    const reader = response.body!.getReader();
    const decoder = new TextDecoder();
    return {
      cancel: () => reader.cancel(),
      async read() {
        const { done, value } = await reader.read();
        return done ? null : decoder.decode(value);
      },
    };
  }

  const ids = (text: string | null) => [...(text ?? "").matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));

  it("begins with what the reader does not know, and goes on with what happens", async () => {
    const last = operated.events(0).at(-1)!.id;
    const stream = follow(last - 2);
    const first = await stream.read();
    assert.match(first!, /^retry: 1000\n\n/);
    assert.deepEqual(ids(first), [last - 1, last]);
    const next = stream.read();
    operated.tell("targetUp", "info", "target web/web-9 is up\nat last", "web", "web/web-9");
    const text = await next;
    const [, data] = /^id: \d+\ndata: (.*)\n\n$/.exec(text!)!;
    assert.deepEqual(JSON.parse(data!), operated.events(last)[0]);
    await stream.cancel();
  });

  it("goes on where a browser was cut off", async () => {
    const last = operated.events(0).at(-1)!.id;
    const stream = follow(0, { "last-event-id": String(last - 1) });
    assert.deepEqual(ids(await stream.read()), [last]);
    await stream.cancel();
  });

  it("shows now and then that it is alive, for a week, and holds nothing meanwhile", async () => {
    const stream = follow(0);
    await stream.read();
    for (let beats = 0; beats < (7 * 86_400) / 15; beats++) {
      clock.advance(15_000);
      assert.equal(await stream.read(), ":\n\n");
    }
    await stream.cancel();
    assert.equal(operated.followers, 0);
    assert.equal(clock.pending, 0);
  });

  it("is cut off when its reader is behind by more than is kept, and then holds nothing", async () => {
    const stream = follow(0);
    await stream.read();
    for (let n = 0; n < 1000; n++) operated.tell("targetUp", "info", "up");
    assert.equal(operated.followers, 1);
    operated.tell("targetUp", "info", "one too many");
    assert.equal(operated.followers, 0);
    assert.equal(clock.pending, 0);
    assert.equal(await stream.read(), null);
  });

  it("ends for the balancer when its reader leaves", async () => {
    const stream = follow(0);
    await stream.read();
    assert.equal(operated.followers, 1);
    const waiting = stream.read();
    await stream.cancel();
    assert.equal(operated.followers, 0);
    assert.equal(await waiting, null);
  });
});
