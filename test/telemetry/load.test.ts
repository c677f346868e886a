import assert from "node:assert/strict";
import { closeSync, openSync, readdirSync } from "node:fs";
import { devNull } from "node:os";
import { describe, test } from "node:test";
import { openLibc } from "#ffi";
import { threadSeconds } from "../../src/engines/linux/sys/thread-time.ts";
import { EventLoop } from "../../src/telemetry/event-loop.ts";
import { openDescriptors } from "../../src/telemetry/open-descriptors.ts";
import { secondsInProc, type Thread, ThreadLoad } from "../../src/telemetry/thread-load.ts";
import { ManualClock } from "../support/clock.ts";

const onLinux = { skip: process.platform !== "linux" && "only Linux tells that in /proc" };

describe("the delay of the main thread", () => {
  test("is by how much a timer came late, for a minute", () => {
    const clock = new ManualClock();
    let late = 0;
    const loop = new EventLoop({ now: () => clock.now() + late, after: (ms, run) => clock.after(ms, run) });
    loop.start();
    assert.deepEqual(loop.delay, { p50: 0, p99: 0, max: 0 });
    clock.advance(50);
    late += 30; // it stands still while a timer runs
    clock.advance(50);
    clock.advance(900);
    assert.deepEqual(loop.delay, { p50: 0.1, p99: 30, max: 30 });
    clock.advance(70_000);
    assert.equal(loop.delay.max, 0);
    assert.equal(loop.histogram.sum, 30);
    loop.close();
    assert.equal(clock.pending, 0);
  });
});

describe("the load of threads", () => {
  test("is the part of the last ten seconds that each was at work", () => {
    const seconds = new Map([
      [1, 100],
      [2, 0],
    ]);
    let threads: Thread[] = [
      { name: "main", tid: 1 },
      { name: "worker 1", tid: 2 },
      { name: "other", tid: null },
    ];
    const load = new ThreadLoad(
      () => threads,
      (tid) => seconds.get(tid) ?? null,
    );
    load.take(0);
    assert.deepEqual(
      load.busy.map(({ busy }) => busy),
      [null, null, null],
    );
    for (let now = 2_000; now <= 20_000; now += 2_000) {
      seconds.set(1, seconds.get(1)! + 0.5);
      if (now > 10_000) seconds.set(2, seconds.get(2)! + 2);
      load.take(now);
    }
    assert.deepEqual(load.busy, [
      { name: "main", busy: 0.25, seconds: 105 },
      { name: "worker 1", busy: 1, seconds: 10 },
      { name: "other", busy: null, seconds: null },
    ]);
    threads = [{ name: "worker 1", tid: 3 }]; // it has died, and is back
    seconds.set(3, 0);
    load.take(22_000);
    assert.deepEqual(load.busy, [{ name: "worker 1", busy: null, seconds: 0 }]);
  });

  test("rises while one of them works", onLinux, () => {
    // Deno runs tests in a thread of its own, whose number it does not tell.
    const mostSeconds = () => Math.max(...readdirSync("/proc/self/task").map((tid) => secondsInProc(Number(tid)) ?? 0));
    const before = mostSeconds();
    const until = performance.now() + 10_000;
    while (mostSeconds() < before + 0.05 && performance.now() < until);
    assert.ok(mostSeconds() >= before + 0.05);
    assert.equal(secondsInProc(2 ** 30), null);
  });
});

describe("the time of a thread, from the C library", () => {
  const reason =
    process.platform !== "linux" ? "only on Linux" : openLibc() === null && "this runtime has no foreign functions";
  test("is what /proc says", { skip: reason }, () => {
    const [before, library, after] = [
      secondsInProc(process.pid)!,
      threadSeconds(process.pid)!,
      secondsInProc(process.pid)!,
    ];
    // Ticks of 10 ms, of which two are counted apart.
    assert.ok(before - 0.03 <= library && library <= after + 0.03, `${before} … ${library} … ${after}`);
    assert.equal(threadSeconds(2 ** 22 + 1), null, "there is no such thread");
  });
});

describe("open descriptors", () => {
  test("are counted", onLinux, () => {
    const before = openDescriptors()!;
    assert.ok(before > 2);
    const open = Array.from({ length: 10 }, () => openSync(devNull, "r"));
    const more = openDescriptors()!;
    for (const each of open) closeSync(each);
    assert.ok(more >= before + 5 && more <= before + 15, `${before}, and then ${more}`);
  });
});
