import assert from "node:assert/strict";
import { it } from "node:test";
import { ManualClock } from "../support/clock.ts";
import { GroupMemory } from "../support/group-store.ts";
import { settle } from "../support/wait.ts";
import { allCalls, NOTHING, sorted, storeSuite } from "./store-suite.ts";

storeSuite("in memory", async () => {
  const memory = new GroupMemory();
  return {
    open: async () => memory.open(),
    forge: async (name, text) => void memory.permits.set(name, text),
    clear: async () => memory.clear(),
    end: async () => undefined,
  };
});

it("a store that is lost rejects every call at once, hears nothing, and says when it is back", async () => {
  const memory = new GroupMemory();
  const [cut, whole] = [memory.open(), memory.open()];
  const heard: string[] = [];
  let connected = 0;
  cut.onHint = (hint) => heard.push(hint);
  cut.onConnected = () => connected++;
  await settle();
  assert.equal(connected, 1);
  cut.fault({ lost: true });
  for (const call of allCalls(cut)) await assert.rejects(call, { code: "GROUP_LOST" });
  await whole.write("w", "targets", NOTHING, "word", "hint");
  cut.fault({ lost: false });
  await settle();
  assert.equal(connected, 2);
  assert.deepEqual(heard, []);
  assert.deepEqual([...(await cut.say("c", ""))], [["w", "word"]]);
});

it("a slow one answers late, one that is too slow not at all, and does nothing", async () => {
  const clock = new ManualClock();
  const memory = new GroupMemory(clock);
  const store = memory.open();
  store.fault({ slowMs: 300 });
  const late = store.say("a", "one");
  clock.advance(300);
  assert.deepEqual([...(await late)], []);
  memory.fault({ slowMs: 60_000 });
  const never = store.say("a", "two");
  clock.advance(2_000);
  await assert.rejects(never, { code: "GROUP_LOST" });
  memory.fault({ slowMs: 0 });
  assert.deepEqual([...(await store.say("a", "three"))], [["a", "one"]]);
});

it("answers get lost, hints get lost or come twice, calls are refused, and all is forgotten, on demand", async () => {
  const memory = new GroupMemory();
  const [a, b] = [memory.open(), memory.open()];
  const heard: string[] = [];
  b.onHint = (hint) => heard.push(hint);
  a.fault({ answersLost: true });
  await assert.rejects(a.write("a", "targets", NOTHING, "word", "one"), { code: "GROUP_LOST" });
  a.fault({ answersLost: false });
  b.fault({ hintsLost: true });
  await a.write("a", "targets", NOTHING, "word", "two");
  b.fault({ hintsLost: false, hintsTwice: true });
  await a.write("a", "targets", NOTHING, "word", "three");
  await settle();
  assert.deepEqual(heard, ["one", "three", "three"]);
  b.fault({ refuses: "it is full" });
  await assert.rejects(b.say("b", ""), { code: "GROUP_REFUSED", message: "it is full" });
  assert.deepEqual(sorted(await a.say("c", "")), [["a", "word"]]);
  memory.clear();
  assert.deepEqual([...(await a.say("a", ""))], []);
});
