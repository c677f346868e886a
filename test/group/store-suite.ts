/** What every store of a group promises: run over each of them. */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import type { Changes, GroupStore, Stamped } from "../../src/group/store.ts";
import { AHEAD_MS } from "../../src/util/ahead.ts";
import { until } from "../support/wait.ts";
import { claimsSuite } from "./claims-suite.ts";

/** A server, and ways to it. */
export interface StoreWorld {
  /** A further balancer's, of the same group. Connected: it can be asked. */
  open(): Promise<GroupStore>;
  /** Somebody else writes that into the row of permits of that name. */
  forge(name: string, text: string): Promise<void>;
  /** Everything that is kept goes. */
  clear(): Promise<void>;
  /** The server, once all stores are closed. */
  end(): Promise<void>;
}

/** ms that a stepping clock of this machine may make. */
const CLOCKS_MS = 5_000;

export const NOTHING: Changes = { set: new Map(), remove: [], anew: false };

export function changes(part: Partial<Changes>): Changes {
  return { ...NOTHING, ...part };
}

export function storeSuite(name: string, start: () => Promise<StoreWorld>, skip: string | false = false): void {
  describe(`a group's store: ${name}`, { skip }, () => {
    let world: StoreWorld;
    const stores: GroupStore[] = [];
    const open = async (): Promise<GroupStore> => {
      const store = await world.open();
      stores.push(store);
      return store;
    };
    before(async () => {
      world = await start();
    });
    afterEach(async () => {
      await Promise.all(stores.splice(0).map((store) => store.close()));
      await world.clear();
    });
    after(() => world.end());

    words(open);
    sections(open);
    commonSections(open);
    hints(open);
    describe("claims of permits", () => claimsSuite(open, (name, text) => world.forge(name, text)));
    endings(open);
  });
}

type Open = () => Promise<GroupStore>;

function words(open: Open): void {
  it("say() gives what all have said before, and not what it says", async () => {
    const [a, b] = [await open(), await open()];
    assert.deepEqual([...(await a.say("a", "one"))], []);
    assert.deepEqual([...(await a.say("a", "two"))], [["a", "one"]]);
    assert.deepEqual([...(await b.say("b", "three"))], [["a", "two"]]);
    assert.deepEqual(sorted(await a.say("a", "four")), [
      ["a", "two"],
      ["b", "three"],
    ]);
  });

  it("write() says the word as well", async () => {
    const store = await open();
    await store.write("a", "targets", NOTHING, "word", "hint");
    assert.deepEqual([...(await store.say("b", ""))], [["a", "word"]]);
  });

  it("texts come back as they were: empty, long, in any script, with any byte that text can have", async () => {
    const store = await open();
    const odd = new Map([
      ["empty", ""],
      ["", "of the empty name"],
      ["script", "Größe 大小 🎵 \u0000\r\n$3\r\nabc"],
      ["name 名 \r\n", "x"],
      ["__proto__", "constructor"],
      ["long", "é".repeat(20_000)],
    ]);
    await store.write("é:{x}", "targets", changes({ set: odd }), "wörd", "hint");
    assert.deepEqual(sorted(await store.read("é:{x}", "targets", null)), sorted(odd));
    assert.deepEqual([...(await store.say("b", ""))], [["é:{x}", "wörd"]]);
  });
}

function sections(open: Open): void {
  it("read() gives all, or those of the names that are there", async () => {
    const store = await open();
    const set = texts({ x: "1", y: "2", z: "3" });
    await store.write("a", "targets", changes({ set }), "", "");
    assert.deepEqual(sorted(await store.read("a", "targets", null)), sorted(set));
    assert.deepEqual(sorted(await store.read("a", "targets", ["z", "none", "x"])), [
      ["x", "1"],
      ["z", "3"],
    ]);
    assert.deepEqual([...(await store.read("a", "targets", []))], []);
    assert.deepEqual([...(await store.read("nobody", "targets", null))], []);
    assert.deepEqual([...(await store.read("nobody", "targets", ["x"]))], []);
  });

  it("write() changes, removes, and begins anew", async () => {
    const store = await open();
    await store.write("a", "targets", changes({ set: texts({ x: "1", y: "2", z: "3" }) }), "", "");
    await store.write("a", "targets", changes({ set: texts({ y: "4" }), remove: ["x", "none"] }), "", "");
    assert.deepEqual(sorted(await store.read("a", "targets", null)), [
      ["y", "4"],
      ["z", "3"],
    ]);
    await store.write("a", "targets", changes({ set: texts({ w: "5" }), anew: true }), "", "");
    assert.deepEqual([...(await store.read("a", "targets", null))], [["w", "5"]]);
    await store.write("a", "targets", changes({ anew: true }), "", "");
    assert.deepEqual([...(await store.read("a", "targets", null))], []);
  });

  it("write() sets a mark as well, and gives what it was", async () => {
    const store = await open();
    const write = (part: Partial<Changes>) => store.write("a", "targets", changes(part), "", "");
    assert.equal(await write({ set: texts({ x: "1" }) }), null);
    assert.equal(await write({ mark: ["m", "one"] }), null);
    assert.equal(await write({ mark: ["m", "two"], anew: true }), "one");
    assert.equal(await write({ set: texts({ y: "2" }) }), null, "none is given");
    assert.equal(await write({ mark: ["m", "three"] }), "two");
    assert.deepEqual(sorted(await store.read("a", "targets", null)), [
      ["m", "three"],
      ["y", "2"],
    ]);
  });

  it("write() does nothing and says nothing where the mark is not the one that it is to come after", async () => {
    const [store, other] = [await open(), await open()];
    const heard: string[] = [];
    other.onHint = (hint) => heard.push(hint);
    const write = (part: Partial<Changes>, hint: string) => store.write("a", "targets", changes(part), hint, hint);
    assert.equal(await write({ set: texts({ x: "1" }), mark: ["m", "two"], after: "one" }, "nothing is there"), null);
    assert.equal(await write({ set: texts({ x: "2" }), mark: ["m", "two"] }, "no matter after what"), null);
    const part = { remove: ["x"], set: texts({ y: "3" }), mark: ["m", "four"] } as const;
    assert.equal(await write({ ...part, after: "three" }, "it comes after two"), "two");
    assert.deepEqual(sorted(await store.read("a", "targets", null)), [
      ["m", "two"],
      ["x", "2"],
    ]);
    assert.equal(await write({ ...part, after: "two" }, "as it should be"), "two");
    assert.deepEqual(sorted(await store.read("a", "targets", null)), [
      ["m", "four"],
      ["y", "3"],
    ]);
    assert.deepEqual([...(await store.words())], [["a", "as it should be"]]);
    await until("the last hint", () => heard.includes("as it should be"));
    assert.deepEqual(heard, ["no matter after what", "as it should be"]);
  });

  it("write() after a mark takes thousands of changes at once", async () => {
    const store = await open();
    const some = (from: number, count: number) => Array.from({ length: count }, (_, n) => `n${from + n}`);
    const set = (names: readonly string[]) => new Map(names.map((name) => [name, `${name} text`]));
    const write = (part: Partial<Changes>) => store.write("a", "targets", changes(part), "", "");
    await write({ set: set(some(0, 9_000)), mark: ["m", "one"] });
    await write({ set: set(some(9_000, 9_000)), remove: some(0, 8_000), mark: ["m", "two"], after: "one" });
    const found = await store.read("a", "targets", null);
    assert.deepEqual([found.size, found.get("m"), found.get("n17999")], [10_001, "two", "n17999 text"]);
  });

  it("balancers and sections do not mix", async () => {
    const store = await open();
    await store.write("a", "targets", changes({ set: texts({ x: "1" }) }), "", "");
    await store.write("a", "bindings", changes({ set: texts({ x: "2" }) }), "", "");
    await store.write("b", "targets", changes({ set: texts({ x: "3" }), anew: true }), "", "");
    assert.deepEqual([...(await store.read("a", "targets", null))], [["x", "1"]]);
    assert.deepEqual([...(await store.read("a", "bindings", null))], [["x", "2"]]);
    assert.deepEqual([...(await store.read("b", "targets", null))], [["x", "3"]]);
  });

  it("forget() takes away everything of that balancer, and nothing else", async () => {
    const store = await open();
    for (const id of ["a", "b"]) {
      for (const section of ["targets", "bindings"] as const) {
        await store.write(id, section, changes({ set: texts({ x: id }) }), `word of ${id}`, "");
      }
    }
    await store.stamp("orders", new Map([["x", { text: "drain", at: 1 }]]), "");
    await store.forget("a", "");
    assert.deepEqual([...(await store.read("a", "targets", null))], []);
    assert.deepEqual([...(await store.read("a", "bindings", null))], []);
    assert.deepEqual([...(await store.read("b", "targets", null))], [["x", "b"]]);
    assert.deepEqual([...(await store.say("c", ""))], [["b", "word of b"]]);
    assert.equal((await store.readStamped("orders")).size, 1);
  });

  it("ten thousand texts go in one write and come back in one read", async () => {
    const [a, b] = [await open(), await open()];
    const set = new Map(Array.from({ length: 10_000 }, (_, i) => [`target-${i}`, `state ${i} `.repeat(10)]));
    await a.write("a", "targets", changes({ set, anew: true }), "word", "hint");
    assert.deepEqual(sorted(await b.read("a", "targets", null)), sorted(set));
    await a.write("a", "targets", changes({ remove: [...set.keys()].slice(1) }), "word", "hint");
    assert.deepEqual([...(await b.read("a", "targets", null)).keys()], ["target-0"]);
  });
}

function commonSections(open: Open): void {
  it("of what is stamped the newest holds, whatever comes first", async () => {
    const [a, b] = [await open(), await open()];
    await a.stamp("orders", stamps({ x: [5, "drain"], y: [5, "drain"] }), "");
    await b.stamp("orders", stamps({ x: [4, "maintain"], y: [6, "none"], z: [1, "weight"] }), "");
    assert.deepEqual(sorted(await a.readStamped("orders")), [
      ["x", { text: "drain", at: 5 }],
      ["y", { text: "none", at: 6 }],
      ["z", { text: "weight", at: 1 }],
    ]);
    assert.equal((await a.readStamped("revoked")).size, 0);
  });

  it("of two that are stamped at one time the one with the larger text holds, by its bytes", async () => {
    const store = await open();
    const at = Date.UTC(2020, 1, 3);
    const rising = ["", "a", "aa", "b", "z 1", "z 10", "z 2", "é", "\uffee", "🎵"];
    for (const [low, high] of rising.slice(1).map((high, i) => [rising[i]!, high] as const)) {
      await store.stamp("revoked", stamps({ up: [at, low], down: [at, high] }), "");
      await store.stamp("revoked", stamps({ up: [at, high], down: [at, low] }), "");
      assert.deepEqual(
        sorted(await store.readStamped("revoked")),
        sorted(stamps({ up: [at, high], down: [at, high] })),
      );
    }
  });

  it("many stamps at once, from many sides, end the same", async () => {
    const sides = [await open(), await open(), await open()];
    await Promise.all(
      Array.from({ length: 300 }, (_, i) =>
        sides[i % 3]!.stamp("orders", stamps({ [`name ${i % 7}`]: [(i * 7919) % 300, `text ${i}`] }), ""),
      ),
    );
    const expected = new Map<string, number>();
    for (let i = 0; i < 300; i++) {
      const at = (i * 7919) % 300;
      expected.set(`name ${i % 7}`, Math.max(at, expected.get(`name ${i % 7}`) ?? -1));
    }
    const found = await sides[1]!.readStamped("orders");
    assert.deepEqual(sorted(new Map([...found].map(([name, { at }]) => [name, at]))), sorted(expected));
  });

  it("what is stamped far ahead of the clock has another time, which the writer is given, and later ones hold over it", async () => {
    const [a, b] = [await open(), await open()];
    const began = Date.now();
    const ahead = began + 86_400_000;
    const redated = await a.stamp("orders", stamps({ x: [ahead, "wrong"], y: [began, "right"] }), "");
    assert.deepEqual([...redated.keys()], ["x"]);
    const at = redated.get("x")!;
    assert.ok(at >= began && at <= Date.now() + AHEAD_MS + CLOCKS_MS, `${at - began} ms`);
    assert.deepEqual(sorted(await b.readStamped("orders")), [
      ["x", { text: "wrong", at }],
      ["y", { text: "right", at: began }],
    ]);
    await b.stamp("orders", stamps({ x: [ahead, "yet later"] }), "");
    assert.equal((await a.readStamped("orders")).get("x")!.text, "yet later");
  });

  it("discard() takes away what is still so", async () => {
    const [a, b] = [await open(), await open()];
    await a.stamp("orders", stamps({ x: [1, "gone é 🎵"], y: [1, "gone"], z: [1, "stays"] }), "");
    await b.stamp("orders", stamps({ y: [2, "new"] }), "");
    await a.discard("orders", stamps({ x: [1, "gone é 🎵"], y: [1, "gone"], none: [1, ""] }));
    await a.discard("orders", new Map());
    assert.deepEqual([...(await b.readStamped("orders")).keys()].sort(), ["y", "z"]);
  });

  it("words() gives what all have said, and says nothing", async () => {
    const [a, b] = [await open(), await open()];
    await a.say("a", "one");
    assert.deepEqual([...(await b.words())], [["a", "one"]]);
  });

  it("nothing to stamp is no mistake", async () => {
    const store = await open();
    await store.stamp("orders", new Map(), "hint");
    assert.equal((await store.readStamped("orders")).size, 0);
  });
}

function hints(open: Open): void {
  it("every change tells its hint to all, its own balancer as well", async () => {
    const [a, b] = [await open(), await open()];
    const heard: [string[], string[]] = [[], []];
    a.onHint = (hint) => heard[0].push(hint);
    b.onHint = (hint) => heard[1].push(hint);
    await a.write("a", "targets", NOTHING, "", "written ✓");
    await b.stamp("orders", stamps({ x: [1, ""] }), "stamped");
    await a.forget("a", "forgotten");
    await until("the last hint", () => heard.every((hints) => hints.includes("forgotten")));
    for (const hints of heard) assert.deepEqual(hints, ["written ✓", "stamped", "forgotten"]);
  });

  it("say() and what reads tell nobody", async () => {
    const store = await open();
    const heard: string[] = [];
    store.onHint = (hint) => heard.push(hint);
    await store.say("a", "word");
    await store.read("a", "targets", null);
    await store.readStamped("orders");
    await store.write("a", "targets", NOTHING, "", "the end");
    await until("the hint", () => heard.length > 0);
    assert.deepEqual(heard, ["the end"]);
  });

  it("a hint is told once what it tells of can be read", async () => {
    const [a, b] = [await open(), await open()];
    const read = new Promise<string | undefined>((resolve) => {
      b.onHint = () => void b.read("a", "targets", ["x"]).then((found) => resolve(found.get("x")));
    });
    await a.write("a", "targets", changes({ set: texts({ x: "1" }) }), "", "");
    assert.equal(await read, "1");
  });
}

function endings(open: Open): void {
  it("what is closed cannot be asked, tells nothing, and can be closed again", async () => {
    const [a, b] = [await open(), await open()];
    const heard: string[] = [];
    a.onHint = (hint) => heard.push(hint);
    await a.close();
    await a.close();
    await b.write("b", "targets", NOTHING, "", "hint");
    for (const call of allCalls(a)) await assert.rejects(call, { name: "HarmonyError", code: "GROUP_LOST" });
    assert.deepEqual([...(await b.say("c", "")).keys()], ["b"]);
    assert.deepEqual(heard, []);
  });
}

/** Each call of the contract, once. */
export function allCalls(store: GroupStore): (() => Promise<unknown>)[] {
  return [
    () => store.say("id", "word"),
    () => store.write("id", "targets", changes({ set: texts({ x: "1" }) }), "word", "hint"),
    () => store.read("id", "targets", null),
    () => store.read("id", "targets", ["x"]),
    () => store.forget("id", "hint"),
    () => store.stamp("orders", stamps({ x: [1, "drain"] }), "hint"),
    () => store.readStamped("orders"),
    () => store.discard("orders", stamps({ x: [1, "drain"] })),
    () => store.words(),
    () => store.claim("id", { seq: 1, life: 1_000, quiet: 0, quietIfEmpty: 0, pools: [], others: new Map() }, "hint"),
  ];
}

export function texts(of: Readonly<Record<string, string>>): Map<string, string> {
  return new Map(Object.entries(of));
}

export function stamps(of: Readonly<Record<string, readonly [number, string]>>): Map<string, Stamped> {
  return new Map(Object.entries(of).map(([name, [at, text]]) => [name, { text, at }]));
}

/** In the order of names. */
export function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}
