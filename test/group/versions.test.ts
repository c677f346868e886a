/** Balancers of one group that are of different releases: a later one says more than this one knows. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readHint } from "../../src/group/hint.ts";
import { readRecord, writeRecord } from "../../src/group/record.ts";
import type { GroupStore, Texts } from "../../src/group/store.ts";
import { jsonOf } from "../../src/group/word.ts";
import { settle } from "../support/wait.ts";
import { type Balancer, LEASE, reporterAt, World } from "./world.ts";

const NAME = "p/10.0.0.1:80";
const MORE = { later: { a: [1] }, "and-more": "text" };

/** What it is in JSON says more; what is none has more behind it, as numbers of loads. Marks stay as they are. */
function laterText(text: string): string {
  const said = jsonOf(text);
  if (typeof said === "object" && said !== null) return JSON.stringify({ ...said, ...MORE });
  return / /.test(text) ? `${text} 7 later` : text;
}

function laterTexts(texts: Texts): Map<string, string> {
  return new Map([...texts].map(([name, text]) => [name, laterText(text)]));
}

/** From now on that store writes as a later release would. */
function writesMore(store: GroupStore): void {
  const [say, write, stamp] = [store.say.bind(store), store.write.bind(store), store.stamp.bind(store)];
  store.say = (id, word) => say(id, laterText(word));
  store.write = async (id, section, changes, word, hint) => {
    const set = new Map([...laterTexts(changes.set), ["later", "a text that nobody knows"]]);
    return write(id, section, { ...changes, set }, word === null ? null : laterText(word), laterText(hint));
  };
  store.stamp = async (section, values, hint) => {
    const later = [...values].map(([name, { at, text }]) => [name, { at, text: laterText(text) }] as const);
    const unknown = ["p/x:1", { at: 1, text: JSON.stringify({ state: "asleep", ...MORE }) }] as const;
    return stamp(section, new Map([...later, unknown]), laterText(hint));
  };
}

/** One of this release, and one of a later one, which both know a target that the later one's reporter has announced. */
async function mixed(lease = 1_000_000): Promise<{ world: World; now: Balancer; later: Balancer }> {
  const world = new World();
  const options = { lease };
  const [now, later] = [await world.start("now", options), await world.start("later", options)];
  writesMore(later.store);
  await later.report(reporterAt("10.0.0.1"));
  await world.pass(2_000);
  return { world, now, later };
}

describe("a balancer of a later release", () => {
  it("is known to this one, with its targets, and is none that cannot be read", async () => {
    const { world, now } = await mixed();
    assert.deepEqual(now.targets(), { [NAME]: "up 9" });
    assert.deepEqual(
      now.group.view().members.map(({ name, state, targets }) => [name, state, targets]),
      [
        ["now", "present", 0],
        ["later", "present", 1],
      ],
    );
    assert.deepEqual([now.told("warning"), now.told("lost"), now.told("refused")], [[], [], []]);
    world.close();
  });

  it("gives orders that hold here, and heeds those of this one; what it orders that is unknown here is left alone", async () => {
    const { world, now, later } = await mixed();
    later.registry.ordering.order(NAME, { state: "drain" }, "me");
    await world.pass(500);
    assert.equal(now.targets()[NAME], "draining 9");
    now.registry.ordering.order(NAME, { state: null }, "me");
    await world.pass(500);
    assert.equal(later.targets()[NAME], "up 9");
    assert.deepEqual(now.told("warning"), []);
    world.close();
  });

  it("keeps what this one does not know of its orders: who writes them again writes them as they were", async () => {
    const { world, now, later } = await mixed();
    later.registry.ordering.order(NAME, { state: "drain" }, "me");
    await world.pass(500);
    later.kill();
    world.memory.clear();
    await world.pass(3_000);
    assert.match(world.memory.common.get("orders")!.get(NAME)!.text, /"later":\{"a":\[1\]\}/);
    assert.equal(now.group.view().state, "connected");
    world.close();
  });

  it("tells what it has of targets, and is told", async () => {
    const { world, now, later } = await mixed();
    later.pools.get("p")!.pick(Uint32Array.of(0, 0, 0xffff, 1), [], 0);
    for (const [asked, active] of [
      [now, 1],
      [later, 0],
    ] as const) {
      const looks = asked.shares.look();
      await settle();
      await world.pass(300, 50);
      const [answer] = await looks;
      assert.equal(answer!.loads?.of.get(NAME)?.active ?? 0, active);
      assert.notEqual(answer!.ageMs, null);
    }
    world.close();
  });

  it("may give hints of what this one does not know, and nothing comes of them", async () => {
    const { world, now } = await mixed();
    const { calls } = world.memory.counts;
    for (const hint of ['{"t":"weather","by":"later"}', '{"t":"weather"}', "later", ""]) world.memory.tell(hint);
    await settle();
    assert.equal(world.memory.counts.calls, calls);
    assert.deepEqual(readHint('{"t":"shares","by":"a","asks":true,"later":1}'), { t: "shares", by: "a", asks: true });
    assert.equal(now.group.view().state, "connected");
    world.close();
  });

  it("is done without, and said so once, where its word is of another version; it is in the group again with one that is not", async () => {
    const { world, now, later } = await mixed(LEASE);
    const [say, write] = [later.store.say.bind(later.store), later.store.write.bind(later.store)];
    const next = (word: string) => JSON.stringify({ ...JSON.parse(word), v: 2 });
    later.store.say = (id, word) => say(id, next(word));
    later.store.write = (id, section, changes, word, hint) =>
      write(id, section, changes, word === null ? null : next(word), hint);
    for (let ms = 0; ms < 2 * LEASE; ms += LEASE / 2) {
      await later.report(reporterAt("10.0.0.1"));
      await world.pass(LEASE / 2);
    }
    assert.deepEqual(now.targets(), {});
    assert.equal(now.told("warning").length, 1);
    assert.match(
      String(now.told("warning")[0]![1]),
      /it is of another version of Harmony, and its targets are not known/,
    );
    Object.assign(later.store, { say, write });
    await later.report(reporterAt("10.0.0.1"));
    await world.pass(LEASE / 2);
    assert.deepEqual(now.targets(), { [NAME]: "up 9" });
    world.close();
  });
});

describe("a record of a later release", () => {
  const report = { pool: "p", port: 80, weight: 9, health: "up", drain: false } as const;
  const record = { host: "10.0.0.1", key: "k", since: 1, report };

  it("is read but for what is unknown, and is none where it says something else of what is known", () => {
    const later = { ...record, ...MORE, report: { ...report, ...MORE } };
    const read = (said: typeof record) => readRecord(NAME, writeRecord(said, 5));
    assert.notEqual(read(record), null);
    assert.deepEqual(read(later), read(record));
    assert.equal(readRecord(NAME, writeRecord({ ...record, report: { ...report, health: "weak" } }, 5)), null);
  });
});
