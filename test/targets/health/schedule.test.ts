import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseCheck } from "../../../src/config/check-text.ts";
import type { AnyCheck, CheckResult } from "../../../src/targets/health/check.ts";
import { isChanging, type Judgement, judged, UNJUDGED } from "../../../src/targets/health/judge.ts";
import { CheckSchedule, type Followed } from "../../../src/targets/health/schedule.ts";
import { deferred } from "../../../src/util/deferred.ts";
import { Heap } from "../../../src/util/heap.ts";
import { ManualClock } from "../../support/clock.ts";
import fc from "../../support/draws.ts";

const PASS = { ok: true, reason: "HTTP 200", ms: 1 } as const;
const FAIL = { ok: false, reason: "HTTP 503", ms: 1 } as const;
const server = (nth: number) => ({ host: `10.${nth >> 16}.${(nth >> 8) & 255}.${nth & 255}`, port: 80 });

interface World {
  readonly answer?: () => CheckResult;
  readonly leaving?: () => number;
  readonly random?: () => number;
}

function setUp({ answer = () => PASS, leaving = () => 0, random = () => 0.5 }: World = {}) {
  const clock = new ManualClock();
  const begun: { at: number; host: string }[] = [];
  let atOnce = 0;
  let most = 0;
  const schedule = new CheckSchedule({
    clock,
    wallClock: () => 1_000 + clock.now(),
    leaving,
    random,
    async run(_: AnyCheck, to) {
      begun.push({ at: clock.now(), host: "host" in to ? to.host : to.path });
      most = Math.max(most, ++atOnce);
      const result = await answer(); // which may be a promise
      atOnce -= 1;
      return result;
    },
  });
  /** Time passes, and what has been answered is heard. */
  const pass = async (ms: number, step = 10) => {
    for (let passed = 0; passed < ms; passed += step) {
      clock.advance(step);
      for (let turn = 0; turn < 4; turn++) await Promise.resolve();
    }
  };
  return { clock, schedule, begun, pass, most: () => most };
}

describe("several results", () => {
  const results = fc.array(fc.constantFrom(true, false, null));
  const pace = fc.record({
    rise: fc.integer({ min: 1, max: 5 }),
    fall: fc.integer({ min: 1, max: 5 }),
    interval: fc.constant(1),
    timeout: fc.constant(1),
  });

  it("come to another word after so many of one kind in a row, the first pass at once, and what is unknown counts for nothing", () => {
    fc.assert(
      fc.property(results, pace, (all, terms) => {
        let judgement: Judgement = UNJUDGED;
        let says = "unknown";
        let [passes, failures] = [0, 0];
        for (const ok of all) {
          judgement = judged(judgement, ok, terms);
          if (ok !== null) {
            passes = ok ? passes + 1 : 0;
            failures = ok ? 0 : failures + 1;
          }
          if (passes >= (says === "unknown" ? 1 : terms.rise)) says = "up";
          if (failures >= terms.fall) says = "down";
          assert.equal(judgement.says, says);
          const against = says === "up" ? failures : says === "down" ? passes : failures;
          assert.equal(isChanging(judgement), says === "unknown" || against > 0);
        }
      }),
    );
  });
});

describe("the schedule", () => {
  it("asks at once, then once in each interval, and tells what changes alone", async () => {
    const { schedule, begun, pass } = setUp();
    const told: string[] = [];
    const followed = schedule.follow(parseCheck("http:/"), server(1), ({ judgement }) => told.push(judgement.says));
    await pass(20_000);
    assert.equal(begun[0]!.at, 0);
    assert.ok(begun.length >= 10 && begun.length <= 12, String(begun.length));
    for (const [nth, { at }] of begun.slice(2).entries()) assert.ok(Math.abs(at - begun[nth + 1]!.at - 2_000) <= 20);
    assert.deepEqual(told, ["up"]);
    assert.deepEqual([followed.passes, followed.failures, followed.last?.reason], [begun.length, 0, "HTTP 200"]);
  });

  it("asks four times as often until it is decided whether a server is out, and then as before", async () => {
    let result: CheckResult = PASS;
    const { schedule, begun, pass, clock } = setUp({ answer: () => result });
    const told: string[] = [];
    const toldAt: number[] = [];
    schedule.follow(
      parseCheck("http:/"),
      server(1),
      ({ judgement }) => void toldAt.push(told.push(judgement.says) && clock.now()),
    );
    await pass(10_000);
    result = FAIL;
    const before = begun.length;
    await pass(4_000);
    const failed = begun.slice(before).map(({ at }) => at);
    assert.deepEqual(
      failed.slice(1, 3).map((at, nth) => at - failed[nth]!),
      [500, 500],
    );
    assert.equal(told.at(-1), "down");
    assert.ok(toldAt.at(-1)! - failed[2]! < 10);
    assert.ok(failed[3]! - failed[2]! >= 1_000);
    result = PASS;
    await pass(4_000);
    assert.equal(told.at(-1), "up");
  });

  it("shares a check of a server among all who follow it, until the last has gone", async () => {
    const { schedule, begun, pass, clock } = setUp();
    const told: string[] = [];
    const followers = ["a", "b"].map((name) => () => void told.push(name));
    const [one, other] = followers.map((each) => schedule.follow(parseCheck("http:/"), server(1), each));
    assert.equal(one, other);
    assert.equal(schedule.follow(parseCheck("http:/x"), server(1), followers[0]!) === one, false);
    assert.equal(schedule.size, 2);
    await pass(10);
    assert.equal(begun.length, 2);
    assert.deepEqual(told.sort(), ["a", "a", "b"]);
    schedule.unfollow(one!, followers[0]!);
    assert.equal(schedule.size, 2);
    schedule.unfollow(one!, followers[1]!);
    schedule.unfollow(schedule.find(parseCheck("http:/x"), server(1))!, followers[0]!);
    assert.deepEqual([schedule.size, clock.pending], [0, 0]);
    await pass(5_000);
    assert.equal(begun.length, 2);
  });

  it("forgets what was known of a check that nobody followed any more, also where it was under way", async () => {
    const late = deferred<CheckResult>();
    let answer: () => CheckResult | Promise<CheckResult> = () => late.promise;
    const { schedule, pass } = setUp({ answer: () => answer() as CheckResult });
    const told: string[] = [];
    const follower = ({ judgement }: Followed) => void told.push(judgement.says);
    schedule.unfollow(schedule.follow(parseCheck("tcp"), server(1), follower), follower);
    schedule.unfollow(schedule.follow(parseCheck("tcp fall=1"), server(1), follower), follower);
    answer = () => FAIL;
    schedule.follow(parseCheck("tcp fall=1"), server(1), follower);
    late.resolve(PASS);
    await pass(100);
    assert.deepEqual(told, ["down"]);
  });

  it("spreads ten thousand evenly, and asks no more of them at once than it may", async () => {
    const { schedule, begun, pass, most } = setUp({ random: Math.random });
    const check = parseCheck("http:/ interval=30s");
    for (let nth = 0; nth < 10_000; nth++) schedule.follow(check, server(nth), () => undefined);
    await pass(35_000);
    const first = begun.slice(0, 10_000);
    assert.equal(new Set(first.map(({ host }) => host)).size, 10_000, "each is asked once before any is again");
    assert.ok(first.at(-1)!.at <= 6_000, `the first round took ${first.at(-1)!.at} ms`);
    begun.length = 0;
    await pass(30_000);
    const seconds = Array.from(
      { length: 30 },
      (_, nth) => begun.filter(({ at }) => Math.floor((at - 35_000) / 1_000) === nth).length,
    );
    assert.ok(Math.min(...seconds) > 250 && Math.max(...seconds) < 420, seconds.join(" "));
    assert.ok(most() <= 24, `${most()} in 10 ms`);
  });

  it("never has more under way than it may, counting connections that are being left, and goes on as they end", async () => {
    const open: ((result: CheckResult) => void)[] = [];
    let leaving = 100;
    const { schedule, pass, begun } = setUp({
      leaving: () => leaving,
      answer: () => new Promise((resolve) => open.push(resolve)) as unknown as CheckResult,
    });
    for (let nth = 0; nth < 1_000; nth++) schedule.follow(parseCheck("tcp"), server(nth), () => undefined);
    for (let nth = 0; nth < 20; nth++) schedule.follow(parseCheck("exec:x"), server(nth), () => undefined);
    await pass(3_000);
    assert.equal(begun.length, 300 + 8);
    leaving = 0;
    await pass(1_000);
    assert.equal(begun.length, 400 + 8);
    for (const answer of open.splice(0)) answer(PASS);
    await pass(1_000);
    assert.ok(begun.length >= 800, String(begun.length));
  });

  it("asks each less often where there are more than it can ask, and leaves nobody out", async () => {
    const { schedule, begun, pass } = setUp();
    const check = parseCheck("tcp interval=100ms");
    for (let nth = 0; nth < 1_000; nth++) schedule.follow(check, server(nth), () => undefined);
    await pass(10_000, 4);
    const counts = new Map<string, number>();
    for (const { host } of begun) counts.set(host, (counts.get(host) ?? 0) + 1);
    assert.ok(begun.length <= 20_100, String(begun.length));
    assert.ok(
      Math.min(...counts.values()) >= 15 && counts.size === 1_000,
      `${Math.min(...counts.values())} of ${begun.length}`,
    );
  });

  it("says what it could not ask, without a word about the server", async () => {
    const { schedule, pass } = setUp({
      answer: () => ({ ok: null, reason: "this machine is out of file descriptors", ms: 0 }),
    });
    const followed = schedule.follow(parseCheck("tcp"), server(1), () => assert.fail("nothing has changed"));
    await pass(5_000);
    assert.deepEqual(
      [followed.judgement.says, followed.last, followed.lack],
      ["unknown", null, "this machine is out of file descriptors"],
    );
  });

  it("leaves no timer when it is closed", async () => {
    const { schedule, pass, clock } = setUp();
    schedule.follow(parseCheck("tcp"), server(1), () => assert.fail("it is closed"));
    schedule.close();
    await pass(5_000);
    assert.equal(clock.pending, 0);
  });
});

describe("a heap", () => {
  it("gives what is in it in order", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20)), (all) => {
        const heap = new Heap<number>();
        for (const each of all) heap.add(each, each);
        const taken: number[] = [];
        for (let due = heap.due; due !== null; due = heap.due) {
          taken.push(heap.take()!);
          assert.equal(taken.at(-1), due);
        }
        assert.deepEqual(
          taken,
          all.toSorted((a, b) => a - b),
        );
        assert.deepEqual([heap.take(), heap.size], [undefined, 0]);
      }),
    );
  });
});
