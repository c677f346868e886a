/** The batches in which a balancer writes down its clients' sticky bindings, and how others read them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BoundThere } from "../../src/group/binding-batch.ts";
import { BATCH_BYTES, readBatch, writeBatch } from "../../src/group/binding-batch.ts";
import { BindingLog, INDEX, MARK, type Outlived } from "../../src/group/binding-log.ts";
import { BindingReader } from "../../src/group/binding-reader.ts";
import { LATEST } from "../../src/pool/binding-precedence.ts";
import { HarmonyError } from "../../src/util/errors.ts";
import { ManualClock } from "../support/clock.ts";
import fc from "../support/draws.ts";
import { GroupMemory } from "../support/group-store.ts";
import { memberWith } from "./members-of.ts";

const DAY = 86_400_000;
const START = 1_700_000_000_000;

function bound(n: number, at: number, target = `p/t${n % 7}`, until = at + DAY): Outlived {
  return { pool: "p", client: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, target, at, boundAt: at, until };
}

/** A balancer that writes, and others that read, at a store in memory. */
class Writing {
  readonly clock = new ManualClock(0);
  readonly memory = new GroupMemory(this.clock);
  readonly store = this.memory.open();
  readonly log: BindingLog;

  constructor(most?: number) {
    this.log = new BindingLog(most);
  }

  get now(): number {
    return START + this.clock.now();
  }

  /** Whatever is to be written. */
  async write(): Promise<void> {
    for (let changes = this.log.changes(); changes !== null; changes = this.log.changes()) {
      const before = await this.store.write("w", "bindings", changes, "", "");
      this.log.written(changes, before);
    }
  }

  get texts(): ReadonlyMap<string, string> {
    return this.memory.own.get("bindings:w") ?? new Map();
  }

  /** Numbers of what is there. */
  get seqs(): number[] {
    return [...this.texts.keys()].filter((name) => name !== MARK && name !== INDEX).map(Number);
  }
}

class Reading {
  /** By client, the target. */
  readonly known = new Map<string, { readonly target: string; readonly at: number }>();
  taken = 0;
  readonly #writing: Writing;
  readonly #reader: BindingReader;

  constructor(writing: Writing) {
    this.#writing = writing;
    this.#reader = new BindingReader({
      clock: writing.clock,
      wallClock: () => writing.now,
      interval: 0,
      onWarning: assert.fail,
      take: (there) => this.#take(there),
    });
    this.#reader.offered();
  }

  #take({ target, clients }: BoundThere): void {
    for (const [client, at] of clients) {
      this.taken++;
      if ((this.known.get(client)?.at ?? 0) <= at) this.known.set(client, { target, at });
    }
  }

  /** All that is there. */
  async read(): Promise<void> {
    this.#reader.stale("w");
    const members = new Map([["w", memberWith("w")]]);
    do await this.#reader.read({ store: this.#writing.store, members });
    while (this.#reader.isDue);
  }

  targets(): Map<string, string> {
    return new Map([...this.known].map(([client, { target }]) => [client, target]));
  }
}

describe("the batches of a balancer's bindings", () => {
  it("hold no more than a store takes in a text, however long the names are", () => {
    const { log } = new Writing();
    const names = Array.from({ length: 400 }, (_, n) => `p/${"é\u2028".repeat(340)}${n}`);
    log.add(
      names.map((target, n) => bound(n, START, target)),
      START,
    );
    const found = new Set<string>();
    let before: string | null = null;
    for (let changes = log.changes(); changes !== null; changes = log.changes()) {
      for (const [name, text] of changes.set) {
        assert.ok(Buffer.byteLength(text) <= 64 * 1024 && Buffer.byteLength(text) < BATCH_BYTES + 8_192);
        if (name !== INDEX) for (const { target } of readBatch(text, START)) found.add(target);
      }
      log.written(changes, before);
      before = changes.mark[1];
    }
    assert.deepEqual([...found], names);
  });

  it("are few, however slowly clients come, and no name is read twice by who follows them", async () => {
    const writing = new Writing();
    const reading = new Reading(writing);
    for (let n = 0; n < 3_000; n++) {
      writing.log.add([bound(n, writing.now)], writing.now);
      await writing.write();
      if (n % 100 === 99) await reading.read();
      writing.clock.advance(100);
    }
    assert.ok(writing.seqs.length < 300, `${writing.seqs.length} batches`);
    assert.equal(reading.known.size, 3_000);
    assert.ok(reading.taken < 6_000, `${reading.taken} were read`);
    const newcomer = new Reading(writing);
    await newcomer.read();
    assert.deepEqual(newcomer.targets(), reading.targets());
  });

  it("leave out those that were there first where there are more than may be", async () => {
    const writing = new Writing(5_000);
    for (let n = 0; n < 20; n++) {
      const some = Array.from({ length: 500 }, (_, i) => bound(500 * n + i, writing.now));
      writing.log.add(some, writing.now);
      await writing.write();
    }
    const reading = new Reading(writing);
    await reading.read();
    assert.equal(reading.known.size, 5_000);
    assert.ok(reading.known.has(bound(9_999, 0).client));
    assert.ok(!reading.known.has(bound(0, 0).client));
  });

  it("that have gone while nothing could be written are not remembered for ever, and are gone then as well", async () => {
    const writing = new Writing(10);
    const follower = new Reading(writing);
    const add = (first: number, count: number) => {
      for (let n = first; n < first + count; n++) writing.log.add([bound(n, writing.now)], writing.now);
    };
    add(0, 10);
    await writing.write();
    await follower.read();
    add(10, 10);
    const lost = writing.log.changes()!;
    add(20, 30_000);
    writing.log.written(lost, await writing.store.write("w", "bindings", lost, null, ""));
    const { anew, remove } = writing.log.changes()!;
    assert.ok(anew && remove.length === 0, `${remove.length} names are to be removed`);
    await writing.write();
    assert.equal(writing.seqs.length, 10);
    const newcomer = new Reading(writing);
    for (const reading of [follower, newcomer]) {
      await reading.read();
      for (let n = 30_010; n < 30_020; n++) assert.ok(reading.known.has(bound(n, 0).client));
    }
  });

  it("are all read before the first client comes, however small they are, if that takes less than a second", async () => {
    const writing = new Writing();
    for (let n = 0; n < 200; n++) {
      const some = Array.from({ length: 255 }, (_, i) => bound(255 * n + i, writing.now));
      writing.log.add(some, writing.now);
      await writing.write();
    }
    writing.memory.own.set("bindings:v", new Map(writing.texts));
    const members = new Map(["v", "w"].map((id) => [id, memberWith(id)] as const));
    const read = writing.store.read.bind(writing.store);
    for (const ms of [0, 200]) {
      let taken = 0;
      const reader = new BindingReader({
        ...{ clock: writing.clock, wallClock: () => writing.now, interval: 0 },
        onWarning: assert.fail,
        take: ({ clients }) => {
          taken += clients.length;
        },
      });
      writing.store.read = (...asked) => {
        writing.clock.advance(ms);
        return read(...asked);
      };
      const before = writing.now;
      await reader.read({ store: writing.store, members });
      if (ms === 0) assert.equal(taken, 2 * 200 * 255);
      else assert.ok(writing.now - before <= 2_000 && reader.isDue, `${writing.now - before} ms`);
    }
  });

  it("that would expire first go where there are more than may be, whenever they were written", async () => {
    const writing = new Writing(4_000);
    const some = (first: number, until: number) =>
      Array.from({ length: 2_000 }, (_, i) => bound(first + i, writing.now, "p/t", writing.now + until));
    writing.log.add(some(0, DAY), writing.now);
    // Both at once, mixed: as those of another balancer that is gone.
    const short = some(20_000, 1_000);
    const mixed = some(10_000, 2 * DAY).flatMap((each, n) => [each, short[n]!]);
    writing.log.add(mixed, writing.now);
    await writing.write();
    const reading = new Reading(writing);
    await reading.read();
    assert.equal(reading.known.size, 4_000);
    for (const first of [0, 10_000]) assert.ok(reading.known.has(bound(first, 0).client));
  });

  it("are not read for ever, where somebody writes that there are more and more", async () => {
    const writing = new Writing();
    const reader = new BindingReader({
      ...{ clock: writing.clock, wallClock: () => writing.now, interval: 0 },
      ...{ onWarning: assert.fail, take: () => undefined },
    });
    reader.offered();
    const members = new Map([["w", memberWith("w")]]);
    const read = () => reader.read({ store: writing.store, members });
    for (let n = 1; n <= 30; n++) {
      writing.memory.own.set("bindings:w", new Map([[MARK, `0 ${n * 1_000}`]]));
      reader.stale("w");
      await read();
    }
    let reads = 0;
    for (; reader.isDue; reads++) await read();
    assert.ok(reads <= 1_300, `${reads} reads`);
  });

  it("are left out where they cannot be read, and those of others are read", async () => {
    const writing = new Writing();
    const warnings: string[] = [];
    const taken: string[] = [];
    const reader = new BindingReader({
      ...{ clock: writing.clock, wallClock: () => writing.now, interval: 0 },
      ...{
        onWarning: (text: string) => void warnings.push(text),
        take: ({ target }: BoundThere) => void taken.push(target),
      },
    });
    reader.offered();
    writing.log.add([bound(1, writing.now)], writing.now);
    await writing.write();
    writing.memory.own.set("bindings:u", new Map(writing.texts));
    const read = writing.store.read.bind(writing.store);
    writing.store.read = async (id, section, names) => {
      if (id === "u" && !names?.includes(MARK))
        throw new HarmonyError("GROUP_REFUSED", "it is something else", { fault: "config" });
      return read(id, section, names);
    };
    const members = new Map(["u", "w"].map((id) => [id, memberWith(id)] as const));
    await reader.read({ store: writing.store, members });
    assert.deepEqual(taken, ["p/t1"]);
    assert.equal(warnings.length, 1);
    assert.ok(!reader.isDue);
  });

  it("say when their clients were bound; in those of an earlier release that was when they were used last", () => {
    const one = { ...bound(1, START - 5), boundAt: START - 90_000 };
    const ahead = { ...bound(2, START - 5), boundAt: START + 90_000 };
    const [there] = readBatch(writeBatch([one, ahead], START), START + 1)
      .flatMap(({ clients }) => clients)
      .map(([, at, boundAt]) => [at, boundAt]);
    assert.deepEqual(there, [one.at, one.boundAt]);
    const text = `{"at":${START},"rows":[["p","p/t",[["10.0.0.1",5]]]]}`;
    assert.deepEqual(readBatch(text, START)[0]!.clients, [["10.0.0.1", START - 5, START - 5]]);
    const [early, late] = [-1e15, 1e15].map((bound) => readBatch(text.replace("]}", `],"bound":[[${bound}]]}`), START));
    assert.equal(early![0]!.clients[0]![2], LATEST);
    assert.equal(late![0]!.clients[0]![2], -LATEST);
  });

  it("of a stranger's making are none", () => {
    for (const text of [
      `{"at":${START},"rows":[["p","p/t",[]]]}`,
      "",
      "null",
      "{}",
      '{"at":1,"rows":[["p"]]}',
      '{"at":1,"rows":[["p","t",[["c",-1]]]]}',
    ]) {
      assert.deepEqual(readBatch(text, START), []);
    }
    const [there] = readBatch(`{"at":${START + DAY},"rows":[["p","p/t",[["10.0.0.1",5]]]]}`, START);
    assert.deepEqual(
      there!.clients,
      [["10.0.0.1", START - 5, START - 5]],
      "nobody's clock makes a binding of the future",
    );
  });

  it("tell every reader all that holds, whatever is lost on the way", async () => {
    const step = fc.record({
      clients: fc.integer({ min: 0, max: 700 }),
      from: fc.integer({ min: 0, max: 2_000 }),
      times: fc.integer({ min: 1, max: 120 }),
      ms: fc.constantFrom(100, 10_000),
      lives: fc.constantFrom(50_000, 500_000),
      fault: fc.constantFrom("none", "none", "answersLost", "lost", "cleared", "older"),
      isRead: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const writing = new Writing(20_000);
        const follower = new Reading(writing);
        const model = new Map<string, Outlived>();
        let older = new Map<string, string>();
        for (const { clients, from, times, ms, lives, fault, isRead } of steps) {
          for (let time = 0; time < times; time++) {
            const count = Math.ceil(clients / times);
            const some = Array.from({ length: count }, (_, n) => {
              const at = writing.now;
              return bound(from + time * count + n, at, `p/t${(n + time) % 7}`, at + lives);
            });
            for (const each of some) model.set(each.client, each);
            writing.log.add(some, writing.now);
            if (fault === "answersLost" || fault === "lost") writing.memory.fault({ [fault]: true });
            await writing.write().catch(() => undefined);
            writing.memory.fault({ answersLost: false, lost: false });
            writing.clock.advance(ms);
          }
          if (fault === "cleared") writing.memory.clear();
          if (fault === "older") writing.memory.own.set("bindings:w", new Map(older));
          if (isRead) await follower.read();
          older = new Map(writing.texts);
        }
        // The first finds out what the store has forgotten, the second writes what is left.
        for (let n = 0; n < 2; n++) {
          const last = bound(60_000 + n, writing.now);
          model.set(last.client, last);
          writing.log.add([last], writing.now);
          await writing.write();
        }
        const newcomer = new Reading(writing);
        for (const reading of [follower, newcomer]) await reading.read();
        for (const { client, target, until } of model.values()) {
          if (until <= writing.now) continue;
          assert.equal(newcomer.known.get(client)?.target, target, `${client}, to a newcomer`);
          assert.equal(follower.known.get(client)?.target, target, client);
        }
      }),
      { numRuns: 25 },
    );
  });
});
