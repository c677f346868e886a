import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { REFUSALS, RefusalCounters } from "../../src/edge/refusals.ts";
import { RefusalWatch } from "../../src/telemetry/refusal-watch.ts";
import { ManualClock } from "../support/clock.ts";

/** Listeners by name, whose refusals are told in short. */
function watching(...names: string[]) {
  const clock = new ManualClock();
  const counters = new Map(names.map((name) => [name, new RefusalCounters()]));
  const told: string[] = [];
  const texts: string[] = [];
  const watch = new RefusalWatch(
    () => [...counters].map(([name, each]) => ({ name, read: () => each.read() })),
    (text, { listener, reason, clients }) => {
      texts.push(text);
      told.push(`${listener} ${reason} ${clients}`);
    },
    clock,
  );
  watch.start();
  const refuse = (listener: string, reason: (typeof REFUSALS)[number], times = 1) => {
    for (let n = 0; n < times; n++) counters.get(listener)!.add(REFUSALS.indexOf(reason));
  };
  return { clock, counters, told, texts, watch, refuse };
}

describe("clients that are turned away before they are served", () => {
  it("are told by listener and reason: the first at the next look, those after it in sums of ever longer times", () => {
    const { clock, told, refuse } = watching("web", "db");
    refuse("web", "denied", 3);
    refuse("db", "client-rate");
    clock.advance(1_000);
    assert.deepEqual(told.splice(0), ["web denied 3", "db client-rate 1"]);
    for (let second = 0; second < 300; second++) {
      refuse("web", "denied", 10);
      clock.advance(1_000);
    }
    // After 1, 2, 4, 8, 16, 32 seconds and then once a minute.
    assert.deepEqual(told.splice(0).slice(0, 6), [
      ...["web denied 10", "web denied 20", "web denied 40", "web denied 80", "web denied 160", "web denied 320"],
    ]);
  });

  it("are one episode until a window passes without any", () => {
    const { clock, told, texts, refuse } = watching("web");
    refuse("web", "no-route");
    clock.advance(2_000);
    refuse("web", "no-route", 2);
    clock.advance(60_000);
    refuse("web", "no-route");
    clock.advance(1_000);
    assert.deepEqual(told, ["web no-route 1", "web no-route 2", "web no-route 1"]);
    assert.match(texts[0]!, /^listener web has turned away 1 client: no route takes the server name/);
    assert.equal(texts[2], texts[0]);
  });

  it("are told at the end where they have not been", () => {
    const { clock, told, refuse, watch } = watching("web");
    refuse("web", "denied");
    clock.advance(1_000);
    refuse("web", "denied", 5);
    refuse("web", "crowded", 2);
    watch.close();
    assert.deepEqual(told, ["web denied 1", "web denied 5", "web crowded 2"]);
    refuse("web", "denied");
    clock.advance(120_000);
    assert.equal(told.length, 3);
  });

  it("are counted through the wrap of their counter", () => {
    const { clock, counters, told, refuse } = watching("web");
    const memory = new Uint32Array(counters.get("web")!.buffer);
    memory[REFUSALS.indexOf("denied")] = 0xffff_ffff;
    clock.advance(10_000);
    told.length = 0;
    clock.advance(120_000);
    refuse("web", "denied", 3);
    clock.advance(1_000);
    assert.deepEqual(told, ["web denied 3"]);
  });

  it("of a listener that is gone are forgotten: one of its name begins anew", () => {
    const { clock, counters, told, refuse } = watching("web");
    refuse("web", "denied", 4);
    clock.advance(1_000);
    counters.delete("web");
    clock.advance(1_000);
    counters.set("web", new RefusalCounters());
    refuse("web", "denied");
    clock.advance(1_000);
    assert.deepEqual(told, ["web denied 4", "web denied 1"]);
  });
});
