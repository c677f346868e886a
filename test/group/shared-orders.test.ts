/** Which orders hold, of several that balancers of a group have been given. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SharedOrders } from "../../src/group/shared-orders.ts";
import { MOST_ORDERS, type Order } from "../../src/targets/orders.ts";
import { deferred } from "../../src/util/deferred.ts";
import { ManualClock } from "../support/clock.ts";
import { GroupMemory, type MemoryStore } from "../support/group-store.ts";
import { reporterAt, World } from "./world.ts";

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
  readonly orders: SharedOrders;

  constructor(memory: GroupMemory, own: readonly (readonly [string, Order])[] = []) {
    this.store = memory.open();
    this.orders = new SharedOrders({
      all: () => own,
      heed: (name, order) => this.heeded.push([name, order?.by ?? null]),
    });
    this.orders.begin();
  }

  async share(): Promise<void> {
    this.orders.stale();
    await this.orders.share({ store: this.store, hint: "" });
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
    one.orders.ordered("x", orderBy("one", 1_000), 1_000);
    await one.share();
    await other.share();
    other.orders.ordered("x", null, 10);
    await other.share();
    await one.share();
    assert.deepEqual(one.heeded, [["x", null]]);
    assert.deepEqual(other.heeded, [["x", "one"]], "and its own is not told it again");
  });

  it("that are given while one is being written are written as well", async () => {
    const memory = memoryOf();
    const one = new Book(memory);
    one.orders.ordered("x", orderBy("first", 1), 1);
    const shared = one.share();
    one.orders.ordered("x", orderBy("second", 2), 2);
    await shared;
    assert.match(memory.common.get("orders")!.get("x")!.text, /first/);
    await one.share();
    assert.match(memory.common.get("orders")!.get("x")!.text, /second/);
    await assertWritten(one, memory);
  });

  it("that are older than another's are not written again for ever", async () => {
    const memory = memoryOf();
    const [one, other] = [new Book(memory), new Book(memory)];
    other.orders.ordered("x", orderBy("other", 5), 5);
    await other.share();
    one.orders.ordered("x", orderBy("one", 1), 1);
    await one.share();
    await assertWritten(one, memory);
  });

  it("are heeded however many were taken back before", async () => {
    const memory = memoryOf();
    const [one, other] = [new Book(memory), new Book(memory)];
    for (let n = 0; n < MOST_ORDERS; n++) one.orders.ordered(`x${n}`, null, 1);
    await one.share();
    await other.share();
    one.orders.ordered("new", orderBy("one", 2), 2);
    await one.share();
    await other.share();
    assert.deepEqual(other.heeded.at(-1), ["new", "one"]);
  });

  it("of a later version are left alone", async () => {
    const memory = memoryOf();
    const one = new Book(memory);
    await one.store.stamp("orders", new Map([["x", { text: '{"state":"asleep"}', at: 1 }]]), "");
    await one.share();
    assert.deepEqual(one.heeded, []);
  });
});
