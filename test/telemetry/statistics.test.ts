import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Pool } from "../../src/pool/pool.ts";
import { Statistics } from "../../src/telemetry/statistics.ts";
import { ManualClock } from "../support/clock.ts";
import { record, turnedAway } from "./records.ts";

const CLIENT = Uint32Array.of(0, 0, 0xffff, 0x0a000001);

function pool(name: string): Pool {
  return Pool.create({
    name,
    algorithm: "roundrobin",
    persistent: null,
    concurrency: -1,
    queue: 10,
    maxTargets: 16,
    seed: 1,
  });
}

function add(to: Pool, identity: string): void {
  to.set({ identity, address: { host: "10.0.0.1", port: 80 }, weight: 1, maxConnections: 0 }, "up");
}

/** A connection that goes on. */
function connect(to: Pool): number {
  to.enter(1);
  const row = to.pick(CLIENT, [], 0);
  to.connected(row, 1);
  return row;
}

function world() {
  const clock = new ManualClock(1_000_000);
  const wall = () => Date.UTC(2026, 10, 30) + clock.now();
  const pools = new Map([["web", pool("web")]]);
  add(pools.get("web")!, "web/a");
  const statistics = new Statistics(() => pools, clock, wall);
  statistics.start();
  const web = () => statistics.pool("web") ?? assert.fail("web is not known");
  return { clock, pools, web: pools.get("web")!, statistics, numbers: web };
}

describe("statistics", () => {
  test("of a pool have what its records say", () => {
    const { statistics, numbers } = world();
    statistics.ended(record());
    statistics.ended(record({ queuedMs: 40, connectMs: 3, firstByteMs: null, durationMs: 70_000 }));
    statistics.ended(turnedAway());
    const failed = { target: "web/a", code: "ECONNREFUSED" } as const;
    statistics.ended(
      record({
        target: null,
        phase: "unavailable",
        cause: "connect-failed",
        endedBy: "balancer",
        connectMs: null,
        firstByteMs: null,
        tried: [failed, { ...failed, target: null }],
        requeues: 1,
      }),
    );
    const { unavailable, requeues, connectMs, firstByteMs, durationMs, queuedMs } = numbers();
    assert.deepEqual(unavailable, {
      "no-targets": 0,
      "connect-failed": 1,
      "queue-full": 1,
      "queue-timeout": 0,
      stopping: 0,
    });
    assert.equal(requeues, 1);
    assert.deepEqual(connectMs, { count: 2, p50: 1, p90: 3, p99: 3, max: 3 });
    assert.equal(firstByteMs?.count, 1);
    assert.equal(durationMs?.max, 70_000, "those that no target served are not in it");
    assert.deepEqual(queuedMs, { count: 1, p50: 40, p90: 40, p99: 40, max: 40 }, "who did not wait is not in it");
    const { failures, ended, targets } = statistics.of("web")!;
    assert.deepEqual([...failures], [["ECONNREFUSED", 2]]);
    assert.deepEqual([...targets.get("web/a")!.failures!], [["ECONNREFUSED", 1]]);
    assert.deepEqual(Object.fromEntries(ended.client), { fin: 2 });
    assert.deepEqual(Object.fromEntries(ended.balancer), { "queue-full": 1, "connect-failed": 1 });
  });

  test("of times are those of the last minute", () => {
    const { clock, statistics, numbers } = world();
    statistics.ended(record());
    clock.advance(50_000);
    assert.equal(numbers().connectMs?.count, 1);
    statistics.ended(record());
    clock.advance(10_000);
    assert.equal(numbers().connectMs?.count, 1);
    clock.advance(60_000);
    assert.equal(numbers().connectMs, null);
  });

  test("of connections and bytes are the pool's own, and do not fall when targets leave", () => {
    const { web, numbers } = world();
    const row = connect(web);
    web.release(row, CLIENT, 7, 700, 0);
    web.remove("web/a");
    const before = numbers();
    assert.deepEqual([before.connections, before.bytesIn, before.bytesOut], [1, 7, 700]);
    for (const identity of ["web/b", "web/c"]) add(web, identity);
    const { connections, bytesIn, bytesOut } = numbers();
    assert.deepEqual([connections, bytesIn, bytesOut], [1, 7, 700], "another has its row now");
    assert.equal(web.view("web/b")?.total, 0);
  });

  test("have rates of the last ten seconds, and a target's share of the last minute", () => {
    const { clock, web, statistics, numbers } = world();
    add(web, "web/b");
    clock.advance(10_000);
    for (let n = 0; n < 20; n++) connect(web);
    web.addBytes(web.row("web/a"), 1_000, 5_000);
    clock.advance(10_000);
    assert.deepEqual(numbers().rates, { connections: 2, failures: 0, bytesIn: 100, bytesOut: 500 });
    const [a, b] = ["web/a", "web/b"].map((each) => statistics.target("web", each)!);
    assert.deepEqual([a!.rates.connections, b!.rates.connections], [1, 1]);
    assert.deepEqual([a!.rates.bytesIn, b!.rates.bytesIn], [100, 0]);
    assert.deepEqual([a!.share, b!.share], [0.5, 0.5]);
    clock.advance(12_000);
    assert.deepEqual(numbers().rates, { connections: 0, failures: 0, bytesIn: 0, bytesOut: 0 });
    assert.equal(statistics.target("web", "web/a")!.share, 0.5, "the minute is not over");
    clock.advance(60_000);
    assert.equal(statistics.target("web", "web/a")!.share, null);
  });

  test("of a target that has another one's row begin with it", () => {
    const { clock, web, statistics } = world();
    for (let n = 0; n < 20; n++) web.release(connect(web), CLIENT, 0, 0, 0);
    clock.advance(10_000);
    web.remove("web/a");
    add(web, "web/b");
    connect(web);
    clock.advance(2_000);
    assert.equal(web.row("web/b"), 0);
    assert.equal(statistics.target("web", "web/b")!.rates.connections, 0.1);
  });

  test("have the last hour in steps", () => {
    const { clock, web, statistics } = world();
    connect(web);
    statistics.ended(record({ connectMs: 4 }));
    statistics.ended(record({ target: null, phase: "unavailable", cause: "no-targets", connectMs: null }));
    clock.advance(20_000);
    const { stepMs, until, series } = statistics.history("web")!;
    assert.deepEqual([stepMs, until], [10_000, Date.UTC(2026, 10, 30) + clock.now()]);
    assert.deepEqual(series.active, [1, 1]);
    assert.deepEqual(series.connections, [1, 0]);
    assert.deepEqual(series.unavailable, [1, 0]);
    assert.deepEqual(series.connectP99, [4, null]);
    assert.deepEqual(series.targetsUp, [1, 1]);
  });

  test("have nothing of a time in which the process stood still", () => {
    const clock = new ManualClock();
    let asleep = 0;
    const pools = new Map([["web", pool("web")]]);
    const statistics = new Statistics(() => pools, {
      now: () => clock.now() + asleep,
      after: (ms, run) => clock.after(ms, run),
    });
    statistics.start();
    clock.advance(10_000);
    asleep = 30_000;
    clock.advance(10_000);
    assert.deepEqual(statistics.history("web")!.series.active, [0, null, null, null, 0]);
    statistics.close();
  });

  test("of a pool that has been made anew, or is gone, begin anew, or are gone", () => {
    const { clock, pools, statistics, numbers } = world();
    statistics.ended(record());
    pools.set("web", pool("web"));
    clock.advance(2_000);
    assert.equal(numbers().connectMs, null);
    pools.delete("web");
    clock.advance(2_000);
    assert.equal(statistics.pool("web"), undefined);
    statistics.ended(record()); // one that was still open
    assert.equal(statistics.history("web"), undefined);
  });

  test("keep nothing of a target that has left, and set no timer once they are closed", () => {
    const { clock, web, statistics } = world();
    statistics.ended(record());
    statistics.ended(record({ target: "web/never" }));
    web.remove("web/a");
    clock.advance(10_000);
    assert.equal(statistics.of("web")!.targets.size, 0);
    statistics.close();
    assert.equal(clock.pending, 0);
  });
});
