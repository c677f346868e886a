/** A pool whose settings change while threads use it: nothing that is there is lost. model.test.ts changes settings at random, too. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PoolLayout } from "../../src/pool/layout.ts";
import { layoutOf } from "../../src/pool/memory.ts";
import {
  ADMITTED,
  ALGORITHM_NAMES,
  type AlgorithmName,
  MAY_WAIT,
  NO_TARGET,
  type Pool,
  type PoolChanges,
  type PoolHandle,
  type PoolOptions,
  REFUSED,
  SharedPool,
  type TargetView,
} from "../../src/pool/pool.ts";
import { amount } from "../support/amount.ts";
import fc from "../support/draws.ts";
import { addTarget, client, makePool, pickName } from "./helpers.ts";

const HOUR = 3_600_000;
/** Targets. */
const MOST = 60;

/** Attached as an engine's thread is: it takes the latest handle that has been posted when it needs one. */
function attach(pool: Pool, worker: number): SharedPool {
  let latest = pool.handle;
  const { onMove } = pool;
  pool.onMove = (handle) => {
    onMove?.(handle);
    latest = handle;
  };
  return SharedPool.attach(pool.handle, worker, () => latest);
}

function poolOf(targets: number, options: Partial<PoolOptions> = {}): Pool {
  const pool = makePool(options);
  for (let i = 0; i < targets; i++) addTarget(pool, `t${i}`);
  return pool;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((a, b) => a + b, 0);
}

/** Changes that need memory of another size, each. */
const LARGER: readonly PoolChanges[] = [
  { queue: 5_000 },
  { maxTargets: 10_000 },
  { maxBindings: 100_000 },
  { persistent: HOUR },
];

/** Uses three threads as the steps say, and writes down what becomes of each. */
class Course {
  readonly pool: Pool;
  readonly #threads: readonly SharedPool[];
  readonly #open: { thread: SharedPool; row: number; n: number }[] = [];
  readonly #waiters: { thread: SharedPool; waiter: number; ticket: number }[] = [];
  readonly log: string[] = [];
  #n = 0;

  constructor(algorithm: AlgorithmName, maxTargets: number) {
    this.pool = makePool({ algorithm, concurrency: 12, queue: 6, maxTargets, maxBindings: 64, persistent: HOUR });
    for (let i = 0; i < 12; i++) addTarget(this.pool, `t${i}`, { weight: 100 + i, max: 2, backup: i % 4 === 3 });
    this.#threads = [this.pool, attach(this.pool, 1), attach(this.pool, 2)];
  }

  step(choice: number): void {
    const n = this.#n++;
    const thread = this.#threads[choice % 3]!;
    const what = Math.floor(choice / 3) % 8;
    if (what < 4) this.#accept(thread, n);
    else if (what === 4) this.#end(choice, n);
    else if (what === 5) this.#cancel(choice);
    else if (what === 6) this.pool.setState(`t${choice % 12}`, choice % 2 === 0 ? "down" : "up");
    else this.#grant(n);
    const rows = this.pool.targets().map(({ identity, active, total }) => `${identity} ${active}/${total}`);
    this.log.push(`${this.pool.active} ${this.pool.waiting} ${rows.join()}`);
  }

  #accept(thread: SharedPool, n: number): void {
    const entered = thread.enter(n);
    if (entered >= 0) this.#waiters.push({ thread, waiter: entered, ticket: n });
    if (entered !== ADMITTED) return;
    const row = thread.pick(client(n % 20), [], n);
    if (row === MAY_WAIT) {
      const waiter = thread.wait(n);
      if (waiter !== REFUSED) this.#waiters.push({ thread, waiter, ticket: n });
    } else this.#keep(thread, row, n);
  }

  #keep(thread: SharedPool, row: number, n: number): void {
    this.log.push(row < 0 ? `${row}` : this.pool.identity(row));
    if (row < 0) thread.leave();
    else {
      thread.connected(row, 1);
      this.#open.push({ thread, row, n });
    }
  }

  #end(choice: number, now: number): void {
    const [end] = this.#open.splice(choice % Math.max(1, this.#open.length), 1);
    if (end === undefined) return;
    end.thread.release(end.row, client(end.n % 20), 1, 2, now);
    end.thread.leave();
  }

  #cancel(choice: number): void {
    const [waiter] = this.#waiters.splice(choice % Math.max(1, this.#waiters.length), 1);
    if (waiter !== undefined) assert.ok(waiter.thread.cancel(waiter.waiter));
  }

  #grant(now: number): void {
    const turn = this.pool.grant();
    if (turn === null) return;
    const thread = this.#threads[turn.worker]!;
    assert.ok(thread.granted);
    const row = thread.pickGranted(turn.ticket, client(turn.ticket % 20), [], now);
    if (row === MAY_WAIT) return;
    const at = this.#waiters.findIndex(({ ticket }) => ticket === turn.ticket);
    this.#waiters.splice(at, 1);
    this.#keep(thread, row, turn.ticket);
  }
}

describe("a pool whose memory moves", () => {
  // The hash picks by a table that a move brings up to date: it may do so sooner than the other pool.
  for (const algorithm of ALGORITHM_NAMES.filter((name) => name !== "hash")) {
    it(`goes on as one that has had that memory all along (${algorithm})`, () => {
      const steps = fc.array(fc.nat(10_000), { maxLength: 40, size: "max" });
      const larger = fc.constantFrom<PoolChanges>({ queue: 500 }, { maxTargets: MOST }, { maxBindings: 10_000 });
      fc.assert(
        fc.property(fc.array(fc.tuple(steps, larger), { maxLength: 5, size: "max" }), (rounds) => {
          const [moved, whole] = [new Course(algorithm, 12), new Course(algorithm, MOST)];
          for (const [round, [choices, changes]] of rounds.entries()) {
            for (const choice of choices) for (const course of [moved, whole]) course.step(choice);
            assert.deepEqual(moved.log, whole.log);
            moved.pool.change(changes);
            moved.pool.change({ queue: 6 });
            // More rows than there were, if there may be.
            if (moved.pool.options.maxTargets < MOST) continue;
            for (const { pool } of [moved, whole]) {
              for (let i = 0; i < 8; i++) addTarget(pool, `more ${round} ${i}`, { weight: 50 + i + 10 * round });
            }
          }
        }),
        { numRuns: amount(60) },
      );
    });
  }
});

describe("a change of settings", () => {
  for (const changes of LARGER) {
    const what = Object.keys(changes).join();
    it(`of ${what} is in the options, and in every thread that takes the lock`, () => {
      const pool = poolOf(3);
      const thread = attach(pool, 1);
      pool.change(changes);
      assert.deepEqual(pool.options, { ...makePool().options, ...changes });
      assert.notDeepEqual(thread.options, pool.options);
      thread.pick(client(0), [], 0);
      assert.deepEqual(thread.options, pool.options);
    });
  }

  it("that changes nothing, or the concurrency alone, moves nothing", () => {
    const pool = poolOf(1);
    const { handle } = pool;
    pool.change({ ...pool.options });
    pool.change({});
    pool.change({ concurrency: 0 });
    assert.equal(pool.handle, handle);
    assert.equal(pool.options.concurrency, 0);
    assert.ok(pool.enter(1) >= 0, "it waits");
    pool.change({ concurrency: 1, queue: 7 });
    assert.equal(pool.grant()?.ticket, 1);
  });

  it("keeps the settings that are not given", () => {
    const pool = poolOf(1, { concurrency: 5 });
    pool.setConcurrency(6);
    pool.change({ queue: 7, algorithm: undefined as never });
    assert.deepEqual(pool.options, { ...makePool().options, concurrency: 6, queue: 7 });
  });

  it("that is wrong changes nothing and says what is", () => {
    const pool = poolOf(1);
    const { handle } = pool;
    for (const wrong of [{ queue: -1 }, { maxTargets: 0 }, { persistent: 0 }, { concurrency: -2, queue: 5 }]) {
      assert.throws(() => pool.change(wrong), RangeError);
    }
    assert.throws(() => pool.change({ algorithm: "best" as AlgorithmName }), /algorithm "best": one of/);
    assert.equal(pool.handle, handle);
  });

  it("that cannot be told to the threads changes nothing", () => {
    const pool = poolOf(20, { queue: 1, concurrency: 1, persistent: HOUR });
    const thread = attach(pool, 1);
    const home = pickName(pool);
    pool.enter(0);
    pool.onMove = () => assert.fail("no thread can be reached");
    assert.throws(() => pool.change({ algorithm: "random", queue: 9, persistent: null, concurrency: 2 }), /reached/);
    assert.deepEqual([pool.options.queue, pool.options.algorithm], [1, "leastconn"]);
    assert.ok(thread.enter(1) >= 0, "there is one permit");
    assert.equal(thread.enter(2), REFUSED);
    assert.equal(pickName(pool), home);
  });

  it("to which a thread has no handle stops that thread, which does not keep the lock", () => {
    const pool = poolOf(1);
    const thread = SharedPool.attach(pool.handle, 1);
    pool.change({ queue: 7 });
    assert.throws(() => thread.enter(1), /worker 1 has not been told of the new memory of pool "test"/);
    assert.equal(pool.enter(1), ADMITTED);
  });

  it("is found by a thread that attaches with an old handle", () => {
    const pool = poolOf(1);
    const handles: PoolHandle[] = [pool.handle];
    pool.onMove = (handle) => handles.push(handle);
    pool.change({ maxTargets: 500 });
    pool.change({ queue: 500 });
    for (let i = 1; i < 200; i++) addTarget(pool, `t${i}`);
    const thread = SharedPool.attach(handles[0]!, 1, () => handles.at(-1)!);
    const rows = new Set(Array.from({ length: 200 }, (_, n) => thread.pick(client(n), [], n)));
    assert.equal(rows.size, 200);
  });
});

describe("another algorithm", () => {
  for (const from of ALGORITHM_NAMES) {
    for (const to of ALGORITHM_NAMES.filter((name) => name !== from)) {
      it(`begins from the connections that there are: ${from}, then ${to}`, () => {
        const pool = poolOf(9, { algorithm: from });
        addTarget(pool, "spare", { backup: true });
        addTarget(pool, "full", { max: 1 });
        const open = Array.from({ length: 100 }, (_, n) => [pool.pick(client(n), [], n), n] as const);
        pool.setState("t3", "down");
        pool.change({ algorithm: to });
        const active = (among: readonly TargetView[]) => among.map((target) => target.active);
        assert.equal(sum(active(pool.targets())), 100);
        if (to === "leastconn") {
          const open = pool.targets().filter(({ identity, backup }) => !backup && !["t3", "full"].includes(identity));
          const least = Math.min(...active(open));
          assert.equal(pool.view(String(pickName(pool, client(100))))?.active, least + 1);
        } else pickName(pool, client(100));
        const names = Array.from({ length: 99 }, (_, n) => pickName(pool, client(n), [], n));
        assert.equal(names.includes("t3") || names.includes("spare"), false);
        for (const [row, n] of open) pool.release(row, client(n), 0, 0, 200);
        assert.equal(sum(active(pool.targets())), 100);
      });
    }
  }

  it("is the hash that a balancer would have that started with it", () => {
    const [moved, fresh] = [poolOf(10, { maxTargets: 5_000 }), poolOf(10, { algorithm: "hash" })];
    moved.change({ algorithm: "hash" });
    moved.change({ maxTargets: 64 });
    for (let n = 0; n < 300; n++) assert.equal(pickName(moved, client(n)), pickName(fresh, client(n)));
  });

  it("gives round robin's turns by weight at once", () => {
    const pool = makePool();
    for (const [name, weight] of [["a", 100] as const, ["b", 300] as const]) addTarget(pool, name, { weight });
    pool.change({ algorithm: "roundrobin" });
    for (let n = 0; n < 400; n++) pool.pick(client(n), [], n);
    assert.ok(Math.abs(pool.view("a")!.active - 100) <= 1);
  });
});

describe("bindings", () => {
  const homes = (pool: Pool, clients = 200) =>
    Array.from({ length: clients }, (_, n) => pickName(pool, client(n), [], 1));

  it("stay where targets stay, whatever else changes", () => {
    const pool = poolOf(10, { persistent: HOUR, maxBindings: 1_000 });
    const before = homes(pool);
    const changes: PoolChanges[] = [
      { algorithm: "random" },
      { maxBindings: 50_000 },
      { maxTargets: 3_000 },
      { queue: 5_000 },
    ];
    for (const each of [...changes, { persistent: 2 * HOUR }, { maxBindings: 500 }, { algorithm: "hash" as const }]) {
      pool.change(each);
      assert.deepEqual(homes(pool), before, JSON.stringify(each));
    }
  });

  it("grow beyond what there could be before", () => {
    const pool = poolOf(10, { persistent: HOUR, maxBindings: 8 });
    for (let n = 0; n < 8; n++) pickName(pool, client(n));
    pool.change({ maxBindings: 1_000, algorithm: "random" });
    const before = homes(pool, 500);
    assert.deepEqual(homes(pool, 500), before);
    assert.equal(pool.evictions, 0);
  });

  it("are made with a smaller limit only in place of others, and those that are there stay", () => {
    const pool = poolOf(10, { persistent: HOUR, maxBindings: 1_000 });
    homes(pool, 100);
    pool.change({ maxBindings: 50 });
    assert.equal(pool.evictions, 0);
    for (let n = 100; n < 150; n++) pickName(pool, client(n));
    assert.ok(pool.evictions >= 45, `${pool.evictions} of 50`);
  });

  it("last as long as the last change says", () => {
    const pool = poolOf(10, { persistent: HOUR });
    const row = pool.pick(client(1), [], 0);
    pool.release(row, client(1), 0, 0, 0);
    pool.change({ persistent: 1_000 });
    assert.notEqual(pool.pick(client(1), [], 2_000), row);
  });

  it("are forgotten without persistence, and made again with it", () => {
    const pool = poolOf(10, { persistent: HOUR });
    const row = pool.pick(client(1), [], 0);
    pool.change({ persistent: null });
    assert.notEqual(pool.pick(client(1), [], 0), row);
    pool.change({ persistent: HOUR });
    const next = pool.pick(client(1), [], 0);
    assert.notEqual(next, row);
    assert.equal(pool.pick(client(1), [], 0), next);
    pool.release(row, client(1), 0, 0, 0);
    assert.equal(pool.view(pool.identity(row))?.active, 0);
    assert.equal(pool.loneClient, null);
  });

  it("warn of no client that would stay with one target, once persistence is off", () => {
    const pool = poolOf(10, { persistent: HOUR });
    for (let n = 0; n < 200; n++) pool.pick(client(1), [], 0);
    assert.notEqual(pool.loneClient, null);
    pool.change({ persistent: null });
    assert.equal(pool.loneClient, null);
  });
});

describe("waiters", () => {
  it("keep their places, names and turns in a queue that becomes longer", () => {
    const pool = poolOf(1, { concurrency: 0, queue: 2 });
    const [one, two] = [attach(pool, 1), attach(pool, 2)];
    const first = one.enter(10);
    two.enter(11);
    assert.equal(two.enter(12), REFUSED);
    pool.change({ queue: 1_000 });
    for (let n = 0; n < 500; n++) pool.enter(100 + n);
    assert.ok(one.cancel(first), "its name still counts");
    assert.equal(pool.waiting, 501);
    pool.setConcurrency(1);
    assert.deepEqual(pool.grant(), { worker: 2, ticket: 11 });
    assert.ok(two.granted, "without having taken the lock since the memory has moved");
    two.pickGranted(11, client(0), [], 0);
  });

  it("see their turn in a place that was not there when their thread last looked", () => {
    const pool = poolOf(1, { concurrency: 0, queue: 1 });
    const thread = attach(pool, 1);
    thread.enter(1);
    pool.change({ queue: 500 });
    for (let n = 0; n < 300; n++) thread.enter(100 + n);
    pool.change({ queue: 5_000 }); // of which the thread knows nothing
    pool.setConcurrency(-1);
    for (const ticket of [1, ...Array.from({ length: 300 }, (_, n) => 100 + n)]) {
      assert.deepEqual(pool.grant(), { worker: 1, ticket });
      assert.ok(thread.granted);
      thread.pickGranted(ticket, client(0), [], 0);
    }
  });

  it("above a shorter limit stay, and newcomers are refused until there is room again", () => {
    const pool = poolOf(1, { concurrency: 0, queue: 5 });
    for (let n = 0; n < 5; n++) pool.enter(n);
    pool.change({ queue: 2 });
    assert.deepEqual([pool.waiting, pool.enter(9)], [5, REFUSED]);
    pool.change({ concurrency: 4 });
    for (let n = 0; n < 4; n++) {
      assert.equal(pool.grant()?.ticket, n);
      pool.pickGranted(n, client(n), [], 0);
    }
    assert.ok(pool.enter(9) >= 0);
    assert.ok(pool.enter(10) === REFUSED);
  });

  it("that fell silent give way in the memory that follows", () => {
    const pool = poolOf(1, { concurrency: 0, queue: 2 });
    const thread = attach(pool, 1);
    thread.silent(thread.enter(1));
    thread.silent(thread.enter(2));
    pool.enter(3);
    pool.change({ queue: 3 });
    assert.ok(pool.enter(4) >= 0);
    assert.ok(pool.enter(5) >= 0);
    assert.ok(thread.hasLost(1));
    assert.deepEqual([thread.takeLost(), thread.takeLost(), thread.takeLost()].sort(), [-1, 1, 2]);
  });
});

describe("targets", () => {
  it("may be more after a change, in rows that threads follow to", () => {
    const pool = poolOf(4, { maxTargets: 4 });
    const thread = attach(pool, 1);
    assert.throws(() => addTarget(pool, "t4"), /at most 4 targets/);
    assert.ok(pool.full);
    const kept = thread.pick(client(0), [], 0);
    pool.change({ maxTargets: 1_000 });
    for (let i = 4; i < 1_000; i++) addTarget(pool, `t${i}`, { port: 1_000 + i });
    assert.throws(() => addTarget(pool, "t1000"), /at most 1000 targets/);
    const rows = Array.from({ length: 999 }, (_, n) => thread.pick(client(n), [], n));
    assert.equal(new Set([kept, ...rows]).size, 1_000);
    assert.deepEqual(thread.address(999), { host: "10.0.0.1", port: 1_999 });
    thread.release(kept, client(0), 0, 0, 0);
    assert.equal(pool.view(pool.identity(kept))?.active, 0);
  });

  it("keep all that is known of them in rows that are more", () => {
    const pool = poolOf(MOST);
    const before = layoutOf(pool.handle);
    const fields = (layout: PoolLayout) =>
      Object.entries(layout).filter((each): each is [string, Int32Array] => ArrayBuffer.isView(each[1]));
    const isOfRows = (array: Int32Array) => (array.buffer as unknown) === pool.handle.memory.rows;
    // Numbers that no other field has; those that follow from others are what they have to be.
    const derived = ["state", "availability", "weight", "maxConnections", "rank", "group", "active", "heldRows"];
    const given = fields(before).filter(([name, array]) => isOfRows(array) && !derived.includes(name));
    assert.ok(given.length > 20);
    for (const [n, [, array]] of given.entries()) array.fill(n + 1, 0, MOST);
    pool.change({ maxTargets: 10_000 });
    for (let i = MOST; layoutOf(pool.handle).rows === before.rows; i++) addTarget(pool, `t${i}`);
    const after = new Map(fields(layoutOf(pool.handle)));
    for (const [n, [name]] of given.entries()) {
      assert.deepEqual([...after.get(name)!.subarray(0, MOST)], Array(MOST).fill(n + 1), name);
    }
  });

  it("above a smaller limit stay, and none comes until there are fewer", () => {
    const pool = poolOf(6);
    pool.change({ maxTargets: 3 });
    assert.equal(pool.targets().length, 6);
    assert.ok(pool.full);
    for (const gone of ["t0", "t1", "t2"]) {
      assert.throws(() => addTarget(pool, "new"), /at most 3 targets/);
      pool.remove(gone);
    }
    assert.throws(() => addTarget(pool, "new"), /at most 3 targets/);
    pool.remove("t3");
    addTarget(pool, "new");
    addTarget(pool, "t5", { weight: 7 });
    assert.ok(pool.full);
  });

  it("lose the connections of a thread that has died before it followed, and no other", () => {
    const pool = poolOf(2, { maxTargets: 8 });
    const [one, two] = [attach(pool, 1), attach(pool, 2)];
    for (let n = 0; n < 4; n++) one.pick(client(n), [], n);
    for (let n = 0; n < 2; n++) two.pick(client(n), [], n);
    one.enter(1);
    pool.change({ maxTargets: 500, algorithm: "roundrobin" });
    pool.recover(1);
    const active = pool.targets().map((target) => target.active);
    assert.deepEqual([active, pool.active], [[1, 1], 0]);
    pool.remove("t0");
    pool.remove("t1");
    assert.equal(pickName(pool), NO_TARGET);
  });
});
