import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { UNDECIDED } from "../../src/proxy/outcome.ts";
import { CONNECTING, QUEUED } from "../../src/proxy/states.ts";
import { Bench, type Connection } from "./bench.ts";

const WAITS = { queueTimeout: 500, queueWhenEmpty: 80 };

function fail(bench: Bench, c: Connection): void {
  c.dialing = false;
  bench.lifecycle.connectFailed(c, "ECONNREFUSED");
  bench.verify();
}

/** It is told, and takes that. */
function ending(bench: Bench, c: Connection): string {
  bench.lifecycle.answered(c);
  bench.lifecycle.end(c, UNDECIDED, false);
  return bench.ending(c);
}

describe("a connection in a pool in which they wait for a target", () => {
  it("waits so long, and is told then that there is none; those behind it as well", () => {
    const bench = new Bench(WAITS);
    const [first, second] = [bench.accept(), bench.accept()];
    bench.pass(79);
    assert.deepEqual([first.state, second.state], [QUEUED, QUEUED]);
    bench.pass(1);
    for (const c of [first, second]) assert.equal(ending(bench, c), "unavailable balancer no-targets");
    bench.verify();
  });

  it("waits as long as for its turn where only a target that sleeps is to be waited for", () => {
    const bench = new Bench({ queueTimeout: 500 });
    bench.pool.sleeping = 1;
    const c = bench.accept();
    bench.pass(499);
    assert.equal(c.state, QUEUED);
    bench.pass(1);
    assert.equal(ending(bench, c), "unavailable balancer no-targets");
  });

  it("waits as long as for its turn while a target is merely full", () => {
    const bench = new Bench(WAITS);
    bench.target("1", 1);
    const [served, waiter] = [bench.accept(), bench.accept()];
    served.dialing = false;
    bench.lifecycle.connected(served);
    bench.pass(100);
    assert.equal(waiter.state, QUEUED);
    bench.pass(400);
    assert.equal(ending(bench, waiter), "unavailable balancer queue-timeout");
  });

  it("waits when all that it may try have failed, and tries the first again that is up again", () => {
    const bench = new Bench({ ...WAITS, requeue: 1 });
    for (const name of ["1", "2"]) bench.target(name);
    const c = bench.accept();
    fail(bench, c);
    fail(bench, c);
    assert.equal(c.state, QUEUED);
    bench.pool.setState("2", "up");
    bench.serve();
    assert.equal(c.state, CONNECTING);
    bench.verify();
    assert.equal(bench.pool.identity(c.row), "2");
    c.dialing = false;
    bench.lifecycle.connected(c);
    assert.deepEqual([bench.record(c).tried.length, bench.record(c).requeues], [2, 2]);
    bench.verify();
  });

  it("is told that connecting failed where nothing came up again in its time", () => {
    const bench = new Bench({ ...WAITS, requeue: 0 });
    bench.target("1");
    const c = bench.accept();
    fail(bench, c);
    bench.pass(80);
    assert.equal(ending(bench, c), "unavailable balancer connect-failed");
    bench.verify();
  });

  it("does not wait for ever for a target that comes up and fails, again and again", () => {
    const bench = new Bench({ ...WAITS, requeue: 0 });
    bench.target("1");
    const c = bench.accept();
    let rounds = 0;
    for (fail(bench, c); c.state === QUEUED; fail(bench, c)) {
      bench.pass(30);
      bench.pool.setState("1", "up");
      bench.serve();
      assert.equal(c.state, CONNECTING);
      rounds++;
    }
    assert.equal(rounds, 3);
    assert.equal(ending(bench, c), "unavailable balancer connect-failed");
  });

  it("is told so at once where none may wait", () => {
    const bench = new Bench(WAITS, { queue: 0 });
    assert.equal(ending(bench, bench.accept()), "unavailable balancer no-targets");
  });
});
