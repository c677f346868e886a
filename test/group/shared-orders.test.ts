/** Which orders hold, of several that balancers of a group have been given. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SharedOrders } from "../../src/group/shared-orders.ts";
import { MOST_ORDERS, type Order } from "../../src/targets/orders.ts";
import { AHEAD_MS } from "../../src/util/ahead.ts";
import { deferred } from "../../src/util/deferred.ts";
import { ManualClock } from "../support/clock.ts";
import { GroupMemory, type MemoryStore } from "../support/group-store.ts";
import { reporterAt, World } from "./world.ts";

const MONTH = 30 * 24 * 60 * 60_000;
const NAMES = ["p/10.0.0.1:80", "p/10.0.0.2:80"] as const;

describe("an order that another balancer's operator gives", () => {
  it("costs the others no look at all targets", async () => {
    const world = new World();
    const [a, b] = [await world.start("a"), await world.start("b")];
    for (let n = 1; n <= 100; n++) await a.report(reporterAt(`10.0.0.${n}`));
    await world.pass(2_000);
    const { reads } = world.memory.counts;
    a.registry.ordering.order(NAMES[0], { state: "drain" }, "me");
    await world.pass(200);
    assert.equal(b.targets()[NAMES[0]], "draining 9");
    assert.ok(world.memory.counts.reads - reads < 50, `${world.memory.counts.reads - reads} names were read`);
    world.close();
  });

  it("is heeded at once where an answer with earlier ones is still on its way", async () => {
    const world = new World();
    const [a, b] = [await world.start("a"), await world.start("b")];
    await a.report(reporterAt("10.0.0.1"));
    await a.report(reporterAt("10.0.0.2"));
    await world.pass(2_000);
    const arrived = deferred<void>();
    const read = b.store.readStamped.bind(b.store);
    b.store.readStamped = async (section) => {
      const found = await read(section);
      await arrived.promise;
      return found;
    };
    a.registry.ordering.order(NAMES[0], { state: "drain" }, "me");
    await world.pass(100);
    a.registry.ordering.order(NAMES[1], { state: "drain" }, "me");
    await world.pass(100);
    arrived.resolve();
    await world.pass(200);
    assert.deepEqual(b.targets(), { [NAMES[0]]: "draining 9", [NAMES[1]]: "draining 9" });
    world.close();
  });

  it("is heeded at once where its hint got lost as the way to the store did", async () => {
    const world = new World();
    const [a, b] = [await world.start("a"), await world.start("b")];
    await a.report(reporterAt("10.0.0.1"));
    await world.pass(2_000);
    b.store.fault({ lost: true });
    a.registry.ordering.order(NAMES[0], { state: "drain" }, "me");
    await world.pass(100);
    b.store.fault({ lost: false });
    await world.pass(300);
    assert.equal(b.targets()[NAMES[0]], "draining 9");
    world.close();
  });
});

/** A balancer's orders, and what has been heeded of others'. */
class Book {
  readonly store: MemoryStore;
  readonly heeded: [name: string, by: string | null][] = [];
  readonly authors: string[] = [];
  readonly redated: number[] = [];
  readonly orders: SharedOrders;

  readonly #memory: GroupMemory;

  constructor(memory: GroupMemory, own: readonly (readonly [string, Order])[] = []) {
    this.#memory = memory;
    this.store = memory.open();
    const heed = (name: string, order: Order | null, by: string) => {
      const isRedated = order !== null && order.at === this.#memory.wallClock() + AHEAD_MS;
      if (isRedated) this.redated.push(order.at);
      else this.heeded.push([name, order && by]);
      this.authors.push(by);
    };
    this.orders = new SharedOrders({ all: () => own, heed }, () => "here");
    this.orders.begin();
  }

  async share(): Promise<void> {
    this.orders.stale();
    await this.orders.share({ store: this.store, hint: "", now: this.#memory.wallClock() });
  }
}

function orderBy(by: string, at: number): Order {
  return { state: "drain", factor: null, by, reason: null, at, address: { host: "10.0.0.1", port: 80 } };
}

async function assertWritten(book: Book, memory: GroupMemory): Promise<void> {
  const { changes } = memory.counts;
  await book.share();
  assert.equal(memory.counts.changes, changes, "something was written again");
}

describe("shared orders", () => {
  const memoryOf = () => new GroupMemory(new ManualClock(0));

  it("are those as well that were in force before the start, where nobody has a newer one", async () => {
    const memory = memoryOf();
    const one = new Book(memory, [
      ["x", orderBy("one", 1)],
      ["y", orderBy("one", 9)],
    ]);
    const other = new Book(memory, [
      ["x", orderBy("other", 5)],
      ["y", orderBy("other", 5)],
    ]);
    await one.share();
    await other.share();
    await one.share();
    assert.deepEqual([one.heeded, other.heeded], [[["x", "other"]], [["y", "one"]]]);
  });

  it("go by who has ordered last, though the clock of the one before was ahead", async () => {
    const memory = memoryOf();
    const [one, other] = [new Book(memory), new Book(memory)];
    one.orders.ordered("x", orderBy("one", 1_000), "one", 1_000);
    await one.share();
    await other.share();
    other.orders.ordered("x", null, "me", 10);
    await other.share();
    await one.share();
    assert.deepEqual(one.heeded, [["x", null]]);
    assert.deepEqual(other.heeded, [["x", "one"]], "and its own is not told it again");
  });

  it("that are given while one is being written are written as well", async () => {
    const memory = memoryOf();
    const one = new Book(memory);
    one.orders.ordered("x", orderBy("first", 1), "first", 1);
    const shared = one.share();
    one.orders.ordered("x", orderBy("second", 2), "second", 2);
    await shared;
    assert.match(memory.common.get("orders")!.get("x")!.text, /first/);
    await one.share();
    assert.match(memory.common.get("orders")!.get("x")!.text, /second/);
    await assertWritten(one, memory);
  });

  it("that are older than another's are not written again for ever", async () => {
    const memory = memoryOf();
    const [one, other] = [new Book(memory), new Book(memory)];
    other.orders.ordered("x", orderBy("other", 5), "other", 5);
    await other.share();
    one.orders.ordered("x", orderBy("one", 1), "one", 1);
    await one.share();
    await assertWritten(one, memory);
  });

  it("are written again where a copy that is behind by one has taken the store's place", async () => {
    const memory = memoryOf();
    const [one, other] = [new Book(memory), new Book(memory)];
    one.orders.ordered("x", orderBy("first", 1), "first", 1);
    one.orders.ordered("y", null, "me", 1);
    await one.share();
    const before = new Map(memory.common.get("orders"));
    one.orders.ordered("x", orderBy("second", 2), "second", 2);
    one.orders.ordered("z", orderBy("new", 2), "new", 2);
    await one.share();
    await other.share();
    const after = new Map(memory.common.get("orders"));
    for (const behind of [before, new Map()]) {
      memory.common.set("orders", behind);
      for (const book of [one, other, one, other]) await book.share();
      assert.deepEqual(memory.common.get("orders"), after);
      for (const book of [one, other]) await assertWritten(book, memory);
    }
  });

  it("that the store never gives back are not written again at each hint: those of several would call for each other", async () => {
    const memory = memoryOf();
    const one = new Book(memory);
    one.orders.ordered("x", orderBy("one", 1), "one", 1);
    await one.share();
    one.store.readStamped = async () => new Map();
    const { changes } = memory.counts;
    const turn = { store: one.store, hint: "", now: 1 };
    for (let hint = 0; hint < 3; hint++) {
      one.orders.stale(undefined, "other");
      await one.orders.share(turn);
    }
    assert.equal(memory.counts.changes, changes);
    one.orders.stale();
    for (let more = 0; more < 3; more++) await one.orders.share(turn);
    assert.equal(memory.counts.changes, changes + 1);
  });

  it("are heeded however many were taken back before", async () => {
    const memory = memoryOf();
    const [one, other] = [new Book(memory), new Book(memory)];
    for (let n = 0; n < MOST_ORDERS; n++) one.orders.ordered(`x${n}`, null, "me", 1);
    await one.share();
    await other.share();
    one.orders.ordered("new", orderBy("one", 2), "one", 2);
    await one.share();
    await other.share();
    assert.deepEqual(other.heeded.at(-1), ["new", "one"]);
  });

  it("that were taken back go after a month, from the store and from memory, and not before", async () => {
    const clock = new ManualClock(1_000);
    const memory = new GroupMemory(clock);
    const [one, other] = [new Book(memory), new Book(memory)];
    one.orders.ordered("x", null, "me", 1_000);
    one.orders.ordered("y", orderBy("one", 1_000), "one", 1_000);
    await one.share();
    await other.share();
    clock.advance(MONTH);
    await one.share();
    assert.deepEqual([...memory.common.get("orders")!.keys()], ["x", "y"]);
    clock.advance(1);
    await one.share();
    assert.deepEqual([...memory.common.get("orders")!.keys()], ["y"]);
    for (let turn = 0; turn < 2; turn++) await assertWritten(other, memory);
    for (const book of [one, other]) book.orders.forgotten();
    await one.share();
    await other.share();
    assert.deepEqual([...memory.common.get("orders")!.keys()], ["y"], "nobody has it any more");
  });

  it("a hundred thousand of which were taken back leave the newest, some in a turn, and are read all the same", async () => {
    const memory = memoryOf();
    const store = memory.open();
    const back = JSON.stringify({ back: true, by: "me", where: "there" });
    const stamp = (n: number) => ({ text: back, at: n });
    await store.stamp("orders", new Map(Array.from({ length: 100_000 }, (_, n) => [`x${n}`, stamp(n)])), "");
    const one = new Book(memory, [["x50000", orderBy("one", 7)]]);
    const drain = new Map([["y", { text: JSON.stringify(orderBy("other", 3)), at: 3 }]]);
    await store.stamp("orders", drain, "");
    const { changes } = memory.counts;
    await one.share();
    assert.deepEqual(
      [one.heeded[0], one.heeded.at(-1)],
      [
        ["x50000", null],
        ["y", "other"],
      ],
      "what it has is taken back, and what is in force is heeded",
    );
    assert.ok(memory.counts.changes - changes <= 1_100, `${memory.counts.changes - changes} at once`);
    for (let turn = 1; turn < 90; turn++) await one.orders.share({ store, hint: "", now: 0 });
    const left = memory.common.get("orders")!;
    assert.equal(left.size, MOST_ORDERS + 1);
    assert.ok(left.has("y") && left.has("x99999") && !left.has("x0"));
  });

  it("that were taken back name who has done so, and where", async () => {
    const memory = memoryOf();
    const [one, other] = [new Book(memory, [["x", orderBy("one", 1)]]), new Book(memory)];
    await one.share();
    await other.share();
    one.orders.ordered("x", null, "alice", 2);
    await one.share();
    await other.share();
    assert.deepEqual(other.authors, ["one", "alice at here"]);
  });

  it("that a clock far ahead has stamped give way to later ones, at whoever has given them as well", async () => {
    const clock = new ManualClock(1_000);
    const memory = new GroupMemory(clock);
    const [ahead, right] = [new Book(memory), new Book(memory)];
    ahead.orders.ordered("x", orderBy("ahead", 86_400_000), "ahead", 86_400_000);
    await ahead.share();
    assert.equal(memory.common.get("orders")!.get("x")!.at, 1_000 + AHEAD_MS);
    assert.equal(ahead.redated.at(-1), 1_000 + AHEAD_MS, "it is kept with that time, too");
    // One that has not heard of it, when that limit is over.
    clock.advance(AHEAD_MS + 1);
    right.orders.ordered("x", orderBy("right", memory.wallClock()), "right", memory.wallClock());
    await right.share();
    await ahead.share();
    assert.deepEqual(ahead.heeded.at(-1), ["x", "right"]);
    assert.deepEqual(right.heeded, []);
  });

  it("that the store itself has with a time far ahead give way as well", async () => {
    let time = 86_400_000;
    const memory = new GroupMemory(new ManualClock(0), () => time);
    const one = new Book(memory);
    await one.store.stamp("orders", new Map([["x", { text: JSON.stringify(orderBy("old", 1)), at: 86_400_000 }]]), "");
    await one.share();
    time = 1_000; // it was wrong until now
    const two = new Book(memory);
    two.orders.ordered("x", orderBy("two", 1_000), "two", 1_000);
    await two.share();
    await one.share();
    assert.deepEqual(one.heeded.at(-1), ["x", "two"]);
    assert.deepEqual(two.heeded, []);
  });

  it("are read where the store does not take what is written", async () => {
    const memory = memoryOf();
    const [one, other] = [new Book(memory), new Book(memory)];
    other.orders.ordered("x", orderBy("other", 5), "other", 5);
    await other.share();
    one.orders.ordered("y", orderBy("one", 5), "one", 5);
    one.store.fault({ refuses: "it is full" });
    await assert.rejects(one.share(), { code: "GROUP_REFUSED" });
    assert.deepEqual(one.heeded, [["x", "other"]]);
    one.store.fault({ refuses: null });
    await one.share();
    assert.equal(memory.common.get("orders")!.size, 2);
  });

  it("are of targets alone: others may have written there what would fake a line of the log", async () => {
    const memory = memoryOf();
    const one = new Book(memory);
    const forged = { text: JSON.stringify(orderBy("forger", 5)), at: 5 };
    const names = ["p/x\n12:00 all is well", "p/\u001b[2J", "p/".padEnd(701, "x"), "p/y"];
    await one.store.stamp("orders", new Map(names.map((name) => [name, forged])), "");
    await one.share();
    assert.deepEqual(one.heeded, [["p/y", "forger"]]);
  });

  it("of a later version are left alone", async () => {
    const memory = memoryOf();
    const one = new Book(memory);
    await one.store.stamp("orders", new Map([["x", { text: '{"state":"asleep"}', at: 1 }]]), "");
    await one.share();
    assert.deepEqual(one.heeded, []);
  });

  it("of a later version stay, over an older one that this balancer knows", async () => {
    const memory = memoryOf();
    const one = new Book(memory);
    one.orders.ordered("x", orderBy("one", 1), "one", 1);
    await one.share();
    const later = { text: '{"state":"asleep"}', at: 2 };
    await one.store.stamp("orders", new Map([["x", later]]), "");
    await assertWritten(one, memory);
    await assertWritten(one, memory);
    assert.deepEqual(memory.common.get("orders")!.get("x"), later);
  });
});
