/** What the main thread and a worker tell each other, one call after the other in one thread. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Mailbox, STOPPED_ACCEPTING, wake } from "../../../src/engines/linux/shared/mailbox.ts";
import type { Libc, Pointer } from "../../../src/engines/linux/sys/libc.ts";

const CAPACITY = 4;

/** One mailbox as its two threads have it. */
function bothEnds(): { main: Mailbox; worker: Mailbox } {
  const main = Mailbox.create(CAPACITY);
  return { main, worker: new Mailbox(main.buffer) };
}

describe("mailbox", () => {
  it("asks for one wake-up of a worker that sleeps, and for none of one that does not", () => {
    const { main, worker } = bothEnds();
    const wakeUps: number[] = [];
    const libc = { write: (fd: number) => void wakeUps.push(fd) } as unknown as Libc;
    const call = () => wake(main, libc, 7, null as unknown as Pointer);
    call();
    assert.deepEqual([worker.asleep, wakeUps.length], [false, 0]);
    worker.fallAsleep();
    assert.equal(main.asleep, true);
    call();
    call();
    assert.deepEqual([main.asleep, wakeUps], [true, [7]], "it has not come round yet");
    worker.awake();
    call();
    assert.deepEqual([main.asleep, wakeUps], [false, [7]]);
    worker.fallAsleep();
    call();
    assert.deepEqual(wakeUps, [7, 7]);
  });

  it("carries records in their order, round and round, and hands their slots back once they were read", () => {
    const { main, worker } = bothEnds();
    const free: number[] = [];
    let reclaimed = 0;
    for (let i = 0; i < 5 * CAPACITY; i += 2) {
      assert.equal(main.nextRecord(), -1);
      for (const slot of [i, i + 1]) worker.pushRecord(slot);
      assert.equal(worker.recordsPushed, i + 2);
      assert.equal(main.nextRecord(), i);
      reclaimed = worker.reclaim(reclaimed, free);
      assert.equal(free.length, i, "not read yet");
      main.recycle();
      assert.equal(main.nextRecord(), i + 1);
      main.recycle();
      reclaimed = worker.reclaim(reclaimed, free);
      assert.equal(free.length, i + 2);
    }
    assert.deepEqual(
      free,
      free.map((_, i) => i),
    );
  });

  it("gives one notice of a record for each request, or says that there is one already", () => {
    const { main, worker } = bothEnds();
    worker.pushRecord(1);
    assert.equal(worker.mustNotify(), false, "nobody has asked");
    assert.equal(main.requestNotice(), true);
    assert.equal(worker.mustNotify(), false, "it was told at once");
    main.recycle();
    assert.equal(main.requestNotice(), false);
    worker.pushRecord(2);
    assert.deepEqual([worker.mustNotify(), worker.mustNotify()], [true, false]);
  });

  it("carries the tickets of connections that are dropped, each once", () => {
    const { main, worker } = bothEnds();
    for (let i = 0; i < 3 * CAPACITY; i++) {
      assert.deepEqual([worker.hasDrop(i), worker.takeDrop(i)], [false, -1]);
      main.drop(10 * i);
      assert.equal(worker.hasDrop(i), true);
      assert.equal(worker.takeDrop(i), 10 * i);
    }
    for (let i = 0; i < CAPACITY; i++) main.drop(i);
    for (let i = 0; i < CAPACITY; i++) assert.equal(worker.takeDrop(3 * CAPACITY + i), i);
  });

  it("carries the command to close, and its times", () => {
    const { main, worker } = bothEnds();
    assert.deepEqual([worker.closeCommanded, worker.commands], [false, 0]);
    for (const [within, acceptWithin] of [
      [0, 0],
      [1_500, 20],
      [Number.POSITIVE_INFINITY, 1],
    ] as const) {
      const { commands } = worker;
      main.close(within, acceptWithin);
      assert.deepEqual(
        [worker.closeCommanded, worker.closeWithin, worker.acceptWithin, worker.commands],
        [true, within, acceptWithin, commands + 1],
      );
    }
    assert.equal(worker.crashCommanded, false);
  });

  it("carries the command to die, and that there is something in the inbox", () => {
    const { main, worker } = bothEnds();
    main.announce();
    assert.deepEqual([worker.crashCommanded, worker.closeCommanded, worker.commands], [false, false, 1]);
    main.crash();
    assert.deepEqual([worker.crashCommanded, worker.closeCommanded, worker.commands], [true, false, 2]);
  });

  it("has the main thread wait until the worker has come so far, and no longer than it may", () => {
    const { main, worker } = bothEnds();
    const { wait } = Atomics;
    const waits: number[] = [];
    Atomics.wait = ((_words: Int32Array, _at: number, _seen: number, ms: number) => {
      waits.push(ms);
      if (waits.length === 3) return "timed-out";
      worker.state++;
      return "ok";
    }) as typeof wait;
    try {
      worker.state = STOPPED_ACCEPTING;
      main.waitFor(STOPPED_ACCEPTING, 1_000);
      assert.equal(waits.length, 0, "it has come so far");
      worker.state = 0;
      main.waitFor(2, 1_000);
      assert.equal(waits.length, 2);
      main.waitFor(3, 1_000);
      assert.deepEqual([waits.length, main.state], [3, 2], "it gave up");
      for (const ms of waits) assert.ok(ms > 500 && ms <= 1_000, `${ms} ms`);
      main.waitFor(3, 0);
      assert.equal(waits.length, 3, "no time is left");
    } finally {
      Atomics.wait = wait;
    }
  });

  it("is as new for the thread that takes a dead one's place", () => {
    const { main, worker } = bothEnds();
    worker.span = 3;
    worker.state = STOPPED_ACCEPTING;
    worker.fallAsleep();
    worker.pushRecord(1);
    worker.pipe.fill(8);
    main.drop(1);
    main.close(1, 1);
    main.crash();
    assert.equal(main.span, 3);
    main.reset();
    assert.deepEqual(new Uint8Array(main.buffer), new Uint8Array(Mailbox.create(CAPACITY).buffer));
  });
});
