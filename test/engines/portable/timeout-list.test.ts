import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Timed, TimeoutList } from "../../../src/engines/portable/timeout-list.ts";
import fc from "../../support/draws.ts";

class Item extends Timed<Item> {
  readonly name: number;
  constructor(name: number) {
    super();
    this.name = name;
  }
}

describe("TimeoutList", () => {
  it("expires what is due, oldest first, and keeps the rest", () => {
    const expired: number[] = [];
    const list = new TimeoutList<Item>(10, (item) => expired.push(item.name));
    const items = [0, 1, 2].map((name) => new Item(name));
    for (const [i, item] of items.entries()) list.add(item, i * 5);
    list.expire(9);
    assert.deepEqual(expired, []);
    list.expire(15);
    assert.deepEqual(expired, [0, 1]);
    assert.equal(items[0]!.list, null);
    list.expire(20);
    assert.deepEqual(expired, [0, 1, 2]);
  });

  it("may be given an item again while it expires others", () => {
    let turns = 0;
    const list: TimeoutList<Item> = new TimeoutList<Item>(10, (item, now) => {
      turns++;
      list.add(item, now);
    });
    list.add(new Item(0), 0);
    list.expire(10);
    list.expire(19);
    list.expire(20);
    assert.equal(turns, 2);
  });

  it("moves an item from one list to another", () => {
    const expired: string[] = [];
    const one = new TimeoutList<Item>(10, () => expired.push("one"));
    const two = new TimeoutList<Item>(20, () => expired.push("two"));
    const item = new Item(0);
    one.add(item, 0);
    two.add(item, 0);
    one.remove(item);
    assert.equal(item.list, two);
    one.expire(100);
    two.expire(100);
    assert.deepEqual(expired, ["two"]);
  });

  it("is a plain ordered list under any sequence of changes", () => {
    const changes = fc.array(fc.tuple(fc.constantFrom("add", "remove", "sweep"), fc.nat(9)), { maxLength: 200 });
    fc.assert(
      fc.property(changes, (steps) => {
        let now = 0;
        let model: { name: number; due: number }[] = [];
        const expired: number[] = [];
        const modelExpired: number[] = [];
        const list = new TimeoutList<Item>(3, (item) => expired.push(item.name));
        const items = Array.from({ length: 10 }, (_, name) => new Item(name));
        for (const [what, name] of steps) {
          now++;
          if (what === "sweep") {
            list.expire(now);
            modelExpired.push(...model.filter((one) => one.due <= now).map((one) => one.name));
            model = model.filter((one) => one.due > now);
            continue;
          }
          model = model.filter((one) => one.name !== name);
          if (what === "add") {
            list.add(items[name]!, now);
            model.push({ name, due: now + 3 });
          } else {
            list.remove(items[name]!);
          }
        }
        list.expire(Number.POSITIVE_INFINITY);
        modelExpired.push(...model.map((one) => one.name));
        assert.deepEqual(expired, modelExpired);
      }),
    );
  });
});
