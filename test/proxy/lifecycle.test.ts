import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BY_CLIENT, BY_TARGET, FIN, outcome, REMOVAL_CAUSES, RESET, UNDECIDED } from "../../src/proxy/outcome.ts";
import {
  ANSWERING,
  CONNECTING,
  DELIVERING,
  ENDED,
  LINGERING,
  LOOKING_UP,
  QUEUED,
  RELAYING,
} from "../../src/proxy/states.ts";
import { ANSWER_MS, LINGER_MS } from "../../src/proxy/unavailable.ts";
import { amount } from "../support/amount.ts";
import fc from "../support/draws.ts";
import { Bench, type Connection, TOLD } from "./bench.ts";

/** The dial under way succeeds. */
function connect(bench: Bench, c: Connection): void {
  c.dialing = false;
  bench.lifecycle.connected(c);
}

function failConnect(bench: Bench, c: Connection, code: string): void {
  c.dialing = false;
  bench.lifecycle.connectFailed(c, code);
}

/** The answer is given and taken. */
function answer(bench: Bench, c: Connection): void {
  bench.lifecycle.answered(c);
  bench.lifecycle.end(c, UNDECIDED, false);
}

describe("lifecycle", () => {
  it("serves, and ends as the relay says", () => {
    const bench = new Bench();
    bench.target("1");
    const c = bench.accept();
    assert.equal(c.state, CONNECTING);
    bench.now += 7;
    connect(bench, c);
    assert.equal(c.connectMs, 7);
    bench.lifecycle.end(c, outcome(BY_TARGET, FIN), false);
    bench.verify();
    assert.equal(bench.ending(c), "relay target fin");
  });

  it("tries another target when one refuses, `requeue` times", () => {
    const bench = new Bench({ requeue: 1 });
    for (const name of ["1", "2", "3"]) bench.target(name);
    const c = bench.accept();
    failConnect(bench, c, "ECONNREFUSED");
    failConnect(bench, c, "ECONNREFUSED");
    answer(bench, c);
    bench.verify();
    assert.equal(bench.ending(c), "unavailable balancer connect-failed");
    assert.equal(new Set(c.tried).size, 2);
    assert.deepEqual([bench.record(c).requeues, bench.record(c).tried.length], [1, 2]);
    assert.equal(bench.pool.suspects().length, 2);
  });

  it("counts as requeued what was given to another target, whatever became of it there", () => {
    const bench = new Bench({ requeue: 2 });
    bench.target("1", 1);
    bench.target("2", 1);
    const [held, failed] = [bench.accept(), bench.accept()];
    connect(bench, held);
    failConnect(bench, failed, "ECONNREFUSED");
    assert.equal(failed.state, QUEUED, "the other target is full");
    const tried = [{ target: bench.pool.identity(failed.row), code: "ECONNREFUSED" }];
    const told = () => {
      const { requeues, tried } = bench.record(failed);
      return { requeues, tried };
    };
    assert.deepEqual(told(), { requeues: 0, tried });
    bench.lifecycle.end(held, outcome(BY_CLIENT, FIN), false);
    bench.serve();
    assert.equal(failed.state, CONNECTING);
    assert.deepEqual(told(), { requeues: 1, tried });
    connect(bench, failed);
    assert.deepEqual(told(), { requeues: 1, tried });
    bench.verify();
  });

  it("when held until the first target has waiters told of a stop, and those who may not wait of the lack of a target", () => {
    const bench = new Bench();
    bench.pool.hold();
    const held = [bench.accept(), bench.accept()];
    bench.serve();
    for (const c of held) assert.equal(c.state, QUEUED);
    bench.lifecycle.stop(0);
    for (const c of held) answer(bench, c);
    bench.verify();
    for (const c of held) assert.equal(bench.ending(c), "unavailable balancer stopping");

    const hasty = new Bench({}, { queue: 0 });
    hasty.pool.hold();
    const c = hasty.accept();
    answer(hasty, c);
    assert.equal(hasty.ending(c), "unavailable balancer no-targets");
  });

  it("does not hold against a target what the balancer has run out of", () => {
    const bench = new Bench();
    bench.target("1");
    bench.failDials("EMFILE");
    const c = bench.accept();
    assert.equal(c.state, ANSWERING);
    assert.deepEqual(bench.warnings, ["connect EMFILE"]);
    assert.equal(bench.pool.suspects().length, 0);
    bench.verify();
  });

  it("tells the pool of a target's first byte, without the client's own pause, while that wants to know", () => {
    const bench = new Bench({ requeue: 1 });
    for (const name of ["1", "2"]) bench.target(name);
    const told: [row: number, ms: number][] = [];
    bench.pool.answered = (row, ms) => void told.push([row, ms]);
    const answered = (asks: boolean) => {
      const c = bench.accept();
      bench.now += 1_000; // a target that fails, and is not the one that answers
      failConnect(bench, c, "ETIMEDOUT");
      bench.now += 7;
      connect(bench, c);
      if (asks) {
        bench.now += 500;
        c.askedAt = bench.now;
      }
      bench.now += 20;
      bench.lifecycle.observer.firstByte(c);
      return c;
    };
    answered(true);
    assert.deepEqual(told, [], "it does not want to know");
    bench.pool.observes = true;
    const asked = answered(true);
    const spokenTo = answered(false);
    const expected = [asked, spokenTo].map(({ row }) => [row, 27]);
    assert.deepEqual(told, expected);
    bench.lifecycle.endLost(asked, outcome(BY_TARGET, RESET));
    bench.lifecycle.observer.firstByte(asked);
    assert.deepEqual(told, expected, "of a target that has failed");
  });

  it("gives up an attempt at its deadline", () => {
    const bench = new Bench({ requeue: 0, connectTimeout: 100 });
    bench.target("1");
    const c = bench.accept();
    bench.pass(99);
    assert.equal(c.state, CONNECTING);
    bench.pass(1);
    assert.equal(c.state, ANSWERING);
    bench.verify();
  });

  it("ends a relay that has been idle for its limit since the last byte", () => {
    const bench = new Bench({ idleTimeout: 50 });
    bench.target("1");
    const c = bench.accept();
    connect(bench, c);
    bench.now += 40;
    c.movedAt = bench.now;
    bench.pass(49);
    assert.equal(c.state, RELAYING);
    bench.pass(1);
    bench.verify();
    assert.equal(bench.ending(c), "relay balancer idle");
  });

  it("delivers what an end had sent before it failed, and passes the reset on after that", () => {
    const bench = new Bench({ idleTimeout: 50 });
    bench.target("1");
    const c = bench.accept();
    connect(bench, c);
    bench.lifecycle.endLost(c, outcome(BY_TARGET, RESET));
    assert.equal(c.state, DELIVERING);
    bench.pass(100);
    bench.verify();
    c.delivered = true;
    bench.pass(1_000);
    bench.verify();
    assert.equal(bench.ending(c), "relay target reset");
  });

  it("delivers for as long as the other end takes something within 10 s", () => {
    const bench = new Bench();
    bench.target("1");
    const c = bench.accept();
    connect(bench, c);
    bench.pass(60_000);
    bench.lifecycle.endLost(c, outcome(BY_CLIENT, RESET));
    for (let i = 0; i < 50; i++) {
      c.movedAt = bench.now;
      for (let ms = 0; ms < 9_500; ms += 500) bench.pass(500);
    }
    assert.equal(c.state, DELIVERING);
    for (let ms = 0; ms < 1_000; ms += 500) bench.pass(500);
    assert.equal(bench.ending(c), "relay client reset");
    bench.verify();
  });

  it("looks at that after 20 ms, ever more seldom, and twice a second in the end", () => {
    const bench = new Bench();
    bench.target("1");
    const c = bench.accept();
    connect(bench, c);
    bench.lifecycle.endLost(c, outcome(BY_TARGET, RESET));
    const pauses: number[] = [];
    for (; c.state === DELIVERING && pauses.length < 40; bench.pass(c.due! - bench.now))
      pauses.push(c.due! - bench.now);
    assert.deepEqual(
      [...pauses].sort((a, b) => a - b),
      pauses,
    );
    assert.deepEqual([pauses[0], pauses.at(-1)], [20, 500]);
    assert.ok(pauses.length < 40, `${pauses.length} looks in 10 s`);
  });

  it("has nothing to wait for where all was delivered before", () => {
    const bench = new Bench();
    bench.target("1");
    const c = bench.accept();
    connect(bench, c);
    c.delivered = true;
    bench.lifecycle.endLost(c, outcome(BY_CLIENT, RESET));
    assert.equal(bench.ending(c), "relay client reset");
    bench.verify();
  });

  for (const [why, options, make] of [
    ["no-targets", {}, () => undefined],
    ["queue-full", { queue: 0, concurrency: 0 }, (bench: Bench) => bench.target("1")],
    ["queue-timeout", { concurrency: 0 }, (bench: Bench) => bench.target("1")],
    ["stopping", { concurrency: 0 }, (bench: Bench) => bench.target("1")],
  ] as const) {
    it(`tells a client that gets no target: ${why}`, () => {
      const bench = new Bench({ queueTimeout: 500 }, options);
      make(bench);
      const c = bench.accept();
      if (why === "stopping") bench.lifecycle.stop(1_000);
      if (why === "queue-timeout") bench.pass(500);
      bench.verify();
      answer(bench, c);
      bench.verify();
      assert.equal(bench.ending(c), `unavailable balancer ${why}`);
    });
  }

  it("waits so long for a client to take its answer, and so long for its FIN", () => {
    const bench = new Bench();
    const [slow, endless] = [bench.accept(), bench.accept()];
    bench.lifecycle.answered(endless);
    bench.pass(LINGER_MS - 1);
    assert.equal(endless.state, LINGERING);
    bench.pass(1);
    assert.equal(bench.ending(endless), "unavailable balancer no-targets");
    bench.pass(ANSWER_MS - LINGER_MS - 1);
    assert.equal(slow.state, ANSWERING);
    bench.pass(1);
    assert.equal(slow.state, ENDED);
    bench.verify();
  });

  it("counts the time in the queue, and the time to connect without it", () => {
    const bench = new Bench({}, { concurrency: 1 });
    bench.target("1");
    const [first, second] = [bench.accept(), bench.accept()];
    bench.pass(30);
    bench.lifecycle.clientReset(first);
    bench.serve();
    bench.pass(7);
    connect(bench, second);
    assert.deepEqual([second.queuedMs, second.connectMs], [30, 7]);
    bench.verify();
  });

  it("lets the next one in when a client is lost in the queue, also when its turn has come", () => {
    const bench = new Bench({}, { concurrency: 1 });
    bench.target("1");
    const [first, second, third] = [bench.accept(), bench.accept(), bench.accept()];
    bench.lifecycle.clientReset(first);
    bench.late.push(bench.pool.grant()!);
    bench.lifecycle.clientReset(second);
    assert.equal(bench.ending(second), "queue client reset");
    bench.verify();
    bench.serve();
    assert.equal(third.state, CONNECTING);
    bench.verify();
  });

  it("has the queue served when one leaves it that may have stood before others in vain", () => {
    const bench = new Bench({}, { concurrency: 0 });
    const waiter = bench.accept();
    assert.equal(bench.lifecycle.roomFreed, false);
    bench.lifecycle.clientReset(waiter);
    assert.equal(bench.lifecycle.roomFreed, true);
  });

  it("lets a waiter whose room another took wait on, with the deadline that it has", () => {
    const bench = new Bench({ queueTimeout: 500 });
    bench.target("1", 1);
    const [first, waiter] = [bench.accept(), bench.accept()];
    const due = bench.now + 500;
    bench.pass(50);
    bench.lifecycle.clientReset(first);
    bench.late.push(bench.pool.grant()!);
    assert.equal(bench.accept().state, CONNECTING);
    bench.take(bench.late.pop()!);
    assert.deepEqual([waiter.state, waiter.due], [QUEUED, due]);
    bench.lifecycle.clientReset(waiter);
    bench.verify();
  });

  it("turns away in a newcomer's stead who has fallen silent in a full queue", () => {
    const bench = new Bench({}, { concurrency: 0, queue: 2 });
    const [talker, silent] = [bench.accept(), bench.accept()];
    bench.lifecycle.clientSilent(silent!);
    bench.pass(20);
    const newcomer = bench.accept();
    bench.serve();
    bench.verify();
    assert.deepEqual([talker!.state, silent!.state, newcomer.state], [QUEUED, ANSWERING, QUEUED]);
    answer(bench, silent!);
    assert.equal(bench.ending(silent!), "unavailable balancer queue-full");
    assert.equal(bench.record(silent!).queuedMs, 20);
    const refused = bench.accept();
    answer(bench, refused);
    assert.equal(bench.ending(refused), "unavailable balancer queue-full");
    bench.verify();
  });

  it("tells a client that comes while it stops, and does not queue it", () => {
    const bench = new Bench({}, { concurrency: 0 });
    bench.target("1");
    bench.lifecycle.stop(1_000);
    const c = bench.accept();
    bench.verify();
    answer(bench, c);
    assert.equal(bench.ending(c), "unavailable balancer stopping");
  });

  it("tells a client for which only a full target is left while it stops that it stops", () => {
    const bench = new Bench({ requeue: 1 });
    bench.target("1", 1);
    bench.target("2", 1);
    const [c] = [bench.accept(), bench.accept()];
    bench.lifecycle.stop(1_000);
    failConnect(bench, c!, "ECONNREFUSED");
    bench.verify();
    answer(bench, c!);
    assert.equal(bench.ending(c!), "unavailable balancer stopping");
  });

  it("turns one away that finds every target full and the queue as well", () => {
    const bench = new Bench({ requeue: 1 }, { queue: 1 });
    for (const name of ["1", "2"]) bench.target(name, 1);
    const [c] = [bench.accept(), bench.accept(), bench.accept()];
    assert.equal(bench.lifecycle.waiting, 1);
    failConnect(bench, c!, "ECONNREFUSED");
    bench.verify();
    answer(bench, c!);
    assert.equal(bench.ending(c!), "unavailable balancer queue-full");
  });

  it("says that there is no target where all are full and none may wait", () => {
    const bench = new Bench({}, { queue: 0 });
    bench.target("1", 1);
    const [, c] = [bench.accept(), bench.accept()];
    bench.verify();
    answer(bench, c!);
    assert.equal(bench.ending(c!), "unavailable balancer no-targets");
  });

  it("tells the pool of bytes as they move, once", () => {
    const bench = new Bench();
    bench.target("1");
    const c = bench.accept();
    connect(bench, c);
    c.bytes.splice(0, 2, 5, 5);
    assert.deepEqual([bench.lifecycle.reportBytes(c), bench.lifecycle.reportBytes(c)], [true, false]);
    c.bytes[1] = 9;
    assert.equal(bench.lifecycle.reportBytes(c), true);
    const [target] = bench.pool.targets();
    assert.deepEqual([target!.bytesIn, target!.bytesOut], [5, 9]);
  });

  it("takes what is relayed off a target that has gone with a reset, and what is being connected to another one, which is no attempt more", () => {
    const bench = new Bench({ requeue: 0 });
    for (const name of ["1", "2"]) bench.target(name);
    const [one, other, waiting] = [bench.accept(), bench.accept(), bench.accept()];
    connect(bench, one);
    const gone = bench.pool.identity(one.row);
    bench.remove(one, "target-gone");
    assert.equal(one.state, RELAYING, "its target is up");
    bench.pool.setState(gone, "down");
    bench.now += 7;
    for (const c of [one, other, waiting]) bench.remove(c, "target-gone");
    bench.verify();
    assert.equal(bench.ending(one), "relay balancer target-gone");
    assert.ok(one.reset);
    for (const c of [other, waiting]) {
      assert.notEqual(bench.pool.identity(c.row), gone);
      connect(bench, c);
      assert.deepEqual(bench.record(c).tried, []);
    }
    bench.verify();
    assert.deepEqual(bench.pool.suspects(), []);
  });

  it("lets one that is being connected to a target that has gone wait, where the others are full, and tells it where there are none", () => {
    const bench = new Bench();
    bench.target("1", 1);
    bench.target("2", 1);
    const [one, other] = [bench.accept(), bench.accept()];
    for (const c of [one, other]) {
      bench.pool.setState(bench.pool.identity(c.row), "down");
      bench.remove(c, "target-gone");
      bench.verify();
    }
    assert.deepEqual([one.state, other.state], [QUEUED, ANSWERING]);
    answer(bench, other);
    assert.equal(bench.ending(other), "unavailable balancer no-targets");
  });

  it("takes a relay off its target for the sake of others, whose client is then not bound to it; nothing but relays", () => {
    const bench = new Bench({}, { persistent: 60_000 });
    bench.target("1");
    const [one, other] = [bench.accept(), bench.accept()];
    connect(bench, one);
    bench.target("2");
    for (const c of [one, other]) bench.remove(c, "rebalanced");
    assert.equal(bench.ending(one), "relay balancer rebalanced");
    assert.ok(one.reset);
    assert.equal(other.state, CONNECTING);
    assert.equal(bench.pool.bindings, 1, "the other's");
    bench.verify();
  });

  it("when it stops lets what is served go on until the time-out, and gives answers a moment more", () => {
    const bench = new Bench({}, { concurrency: 1 });
    bench.target("1");
    const [served, waiting] = [bench.accept(), bench.accept()];
    connect(bench, served);
    bench.lifecycle.stop(300);
    bench.lifecycle.stop(10_000); // cannot lengthen it
    assert.deepEqual([served.state, waiting.state], [RELAYING, ANSWERING]);
    bench.pass(300);
    assert.equal(bench.ending(served), "relay balancer shutdown");
    assert.ok(served.reset, "cut off, not finished");
    assert.equal(waiting.state, ANSWERING);
    bench.pass(1_000);
    assert.equal(bench.ending(waiting), "unavailable balancer stopping");
    bench.verify();
  });
});

const ANYWHERE = [LOOKING_UP, QUEUED, CONNECTING, RELAYING, DELIVERING, ...TOLD];

/** What may happen: `at` picks the connection or the target it happens to, if there is one that it can happen to. */
const EVENTS: Readonly<Record<string, (bench: Bench, at: number) => void>> = {
  accept: (bench) => void bench.accept(),
  connected: (bench, at) => each(bench, at, [CONNECTING], (c) => connect(bench, c)),
  refused: (bench, at) => each(bench, at, [CONNECTING], (c) => failConnect(bench, c, "ECONNREFUSED")),
  scarce: (bench, at) => each(bench, at, [CONNECTING], (c) => failConnect(bench, c, "EADDRNOTAVAIL")),
  lost: (bench, at) =>
    each(bench, at, [LOOKING_UP, QUEUED, CONNECTING, ...TOLD], (c) => bench.lifecycle.clientReset(c)),
  fin: (bench, at) => each(bench, at, [RELAYING], (c) => bench.lifecycle.end(c, outcome(BY_CLIENT, FIN), false)),
  reset: (bench, at) => each(bench, at, [RELAYING], (c) => bench.lifecycle.end(c, outcome(BY_TARGET, RESET), true)),
  failed: (bench, at) =>
    each(bench, at, [RELAYING], (c) => {
      c.delivered = at % 4 === 0;
      bench.lifecycle.endLost(c, outcome(BY_TARGET, RESET));
    }),
  delivered: (bench, at) => each(bench, at, [DELIVERING], (c) => bench.lifecycle.end(c, UNDECIDED, true)),
  fault: (bench, at) => each(bench, at, ANYWHERE, (c) => bench.lifecycle.abort(c)),
  removed: (bench, at) =>
    each(bench, at, ANYWHERE, (c) => bench.remove(c, REMOVAL_CAUSES[at % REMOVAL_CAUSES.length]!)),
  answered: (bench, at) => each(bench, at, [ANSWERING], (c) => bench.lifecycle.answered(c)),
  taken: (bench, at) => each(bench, at, [LINGERING], (c) => bench.lifecycle.end(c, UNDECIDED, false)),
  silent: (bench, at) => each(bench, at, [LOOKING_UP, QUEUED, CONNECTING], (c) => bench.lifecycle.clientSilent(c)),
  bytes: (bench, at) =>
    each(bench, at, [RELAYING], (c) => {
      c.bytes[at % 2]! += at;
      c.movedAt = bench.now;
      if (at % 3 === 0) bench.lifecycle.reportBytes(c);
    }),
  time: (bench, at) => bench.pass(at * 3),
  dials: (bench, at) => bench.failDials([null, null, "ECONNREFUSED", "EMFILE"][at % 4]!),
  target: (bench, at) => bench.target(`${at % 4}`, at % 3),
  drains: (bench, at) => void bench.pool.setState(`${at % 4}`, "draining"),
  leaves: (bench, at) => void bench.pool.remove(`${at % 4}`),
  concurrency: (bench, at) => bench.pool.setConcurrency((at % 4) - 1),
  held: (bench) => bench.pool.endHold(),
  looksUp: (bench, at) => {
    bench.pool.lookUps.ms = [0, 15, 60][at % 3]!;
    bench.lifecycle.lookedUp();
  },
  lookedUp: (bench) => bench.lookUp(),
  late: (bench) => {
    const grant = bench.pool.grant();
    if (grant !== null) bench.late.push(grant);
  },
  arrives: (bench) => {
    const grant = bench.late.shift();
    if (grant !== undefined) bench.take(grant);
  },
};

function each(bench: Bench, at: number, states: number[], run: (c: Connection) => void): void {
  const fitting = bench.in(...states);
  if (fitting.length > 0) run(fitting[at % fitting.length]!);
}

describe("a client of which others may know more", () => {
  /** Waits for what they know. */
  function looking(
    options: ConstructorParameters<typeof Bench>[0] = {},
    pool: ConstructorParameters<typeof Bench>[1] = {},
  ) {
    const bench = new Bench(options, { persistent: 60_000, ...pool });
    bench.target("1");
    bench.pool.lookUps.ms = 20;
    return { bench, c: bench.accept() };
  }

  it("is looked up before it asks for a permit, and goes on as any other, in its turn; the time counts as time in the queue", () => {
    const { bench, c } = looking();
    const other = bench.accept();
    bench.verify();
    assert.deepEqual([c.state, other.state, bench.pool.active], [LOOKING_UP, LOOKING_UP, 0]);
    bench.now += 3;
    const until = bench.pool.lookUps.begin();
    const late = bench.accept();
    let told = 0;
    bench.pool.lookUps.onServed = () => void told++;
    bench.lifecycle.lookedUp();
    assert.equal(told, 0);
    bench.pool.lookUps.done(until);
    bench.lifecycle.lookedUp();
    assert.deepEqual([told, bench.pool.bindings], [1, 2], "when they are bound");
    bench.verify();
    assert.deepEqual([c.state, other.state, late.state], [CONNECTING, CONNECTING, LOOKING_UP]);
    bench.now += 4;
    connect(bench, c);
    assert.deepEqual([bench.record(c).queuedMs, bench.record(c).connectMs], [3, 4]);
    bench.lookUp();
    assert.equal(late.state, CONNECTING);
    bench.verify();
  });

  it("has the target that it has elsewhere", () => {
    const bench = new Bench({}, { persistent: 60_000 });
    for (const name of ["1", "2", "3"]) bench.target(name);
    bench.pool.lookUps.ms = 20;
    const all = [bench.accept(), bench.accept(), bench.accept()];
    for (const { ticket } of all) {
      const key = Uint32Array.of(0, 0, 0xffff, ticket);
      const { now } = bench;
      bench.pool.exchange.adopt(key, bench.pool.row("2"), { usedAt: now, boundAt: 1 }, { now, stamp: 1 });
    }
    bench.lookUp();
    assert.deepEqual(
      all.map(({ row }) => bench.pool.identity(row)),
      ["2", "2", "2"],
    );
  });

  it("is not looked up again while it has a target that takes it", () => {
    const { bench, c } = looking();
    bench.lookUp();
    connect(bench, c);
    const again = () => {
      for (let i = 0; i < 4; i++) bench.accept(); // others
      return bench.accept();
    };
    assert.equal(again().state, CONNECTING);
    bench.pool.setState("1", "draining");
    assert.equal(again().state, LOOKING_UP);
  });

  it("waits no longer than the time for that", () => {
    const { bench, c } = looking();
    bench.pass(19);
    assert.equal(c.state, LOOKING_UP);
    bench.pass(1);
    assert.equal(c.state, CONNECTING);
    bench.verify();
    bench.lookUp(); // what comes then is for nobody
    bench.verify();
  });

  it("waits in the queue after that, where it has to", () => {
    const { bench, c } = looking({}, { concurrency: 0 });
    bench.now += 3;
    bench.lookUp();
    bench.verify();
    assert.equal(c.state, QUEUED);
    bench.pass(500);
    answer(bench, c);
    assert.deepEqual([bench.ending(c), bench.record(c).queuedMs], ["unavailable balancer queue-timeout", 503]);
  });

  for (const [how, what, ending] of [
    ["lost", (bench: Bench, c: Connection) => bench.lifecycle.clientReset(c), "queue client reset"],
    ["ended by an operator", (bench: Bench, c: Connection) => bench.remove(c, "killed"), "queue balancer killed"],
    ["dropped by a fault", (bench: Bench, c: Connection) => bench.lifecycle.abort(c), "queue balancer reset"],
  ] as const) {
    it(`may be ${how} meanwhile`, () => {
      const { bench, c } = looking();
      bench.now += 5;
      what(bench, c);
      bench.verify();
      assert.equal(bench.lifecycle.roomFreed, false, "it held nothing that others wait for");
      assert.deepEqual([bench.ending(c), bench.record(c).queuedMs], [ending, 5]);
      bench.lookUp();
      bench.verify();
    });
  }

  it("goes on at once where so many wait that it would be one too many, as they have no place in the queue", () => {
    const { bench, c } = looking({}, { queue: 0 });
    for (let n = 1; n < 1_000; n++) bench.accept();
    assert.equal(bench.in(LOOKING_UP).length, 1_000);
    assert.equal(bench.accept().state, CONNECTING);
    bench.lifecycle.clientReset(c);
    assert.equal(bench.accept().state, LOOKING_UP);
    bench.lookUp();
    assert.equal(bench.in(LOOKING_UP).length, 0);
    bench.verify();
  });

  it("goes on at once when the balancer stops, as one that was taken in before; not if it had to wait for a permit", () => {
    const { bench, c } = looking();
    bench.lifecycle.stop(1_000);
    assert.equal(c.state, CONNECTING);
    bench.verify();
    const { bench: full, c: late } = looking({}, { concurrency: 0 });
    full.lifecycle.stop(1_000);
    answer(full, late);
    assert.equal(full.ending(late), "unavailable balancer stopping");
    full.verify();
  });

  it("stays where it is when connections are taken off their targets", () => {
    const { bench, c } = looking();
    for (const cause of ["target-gone", "rebalanced"] as const) bench.remove(c, cause);
    assert.equal(c.state, LOOKING_UP);
    bench.verify();
  });

  it("goes on where nobody is looked up any more, and in a pool without bindings, or without an address, at once", () => {
    const { bench, c } = looking();
    bench.pool.lookUps.ms = 0;
    bench.lifecycle.lookedUp();
    assert.equal(c.state, CONNECTING);
    bench.verify();
    const { c: unbound } = looking({}, { persistent: null });
    assert.equal(unbound.state, CONNECTING);
  });
});

describe("lifecycle, whatever happens", () => {
  const event = fc.tuple(fc.constantFrom(...Object.keys(EVENTS), "accept", "connected"), fc.nat(60));
  const options = fc.record({
    requeue: fc.nat(2),
    idleTimeout: fc.constantFrom(0, 40),
    queueTimeout: fc.constant(90),
    queueWhenEmpty: fc.constantFrom(0, 70),
  });
  const pool = fc.record({
    concurrency: fc.constantFrom(-1, 0, 1, 3),
    queue: fc.constantFrom(0, 2, 50),
    persistent: fc.constantFrom(null, 60),
    held: fc.boolean(),
  });

  it("keeps its promises after every event, and holds nothing at the end", () => {
    fc.assert(
      fc.property(options, pool, fc.array(event, { maxLength: 120, size: "max" }), (given, poolGiven, events) => {
        const bench = new Bench(given, poolGiven);
        if (poolGiven.held) bench.pool.hold();
        else bench.target("1");
        for (const [name, at] of events) {
          EVENTS[name]!(bench, at);
          bench.serve();
          bench.verify();
        }
        bench.lifecycle.stop(0);
        for (const grant of bench.late.splice(0)) bench.take(grant);
        bench.serve();
        bench.verify();
        bench.pass(0);
        bench.pass(1_000);
        bench.verify();
        assert.equal(bench.in(ENDED).length, bench.all.length);
        assert.equal(bench.pool.active, 0);
        for (const c of bench.all) assert.notEqual(c.outcome, UNDECIDED);
      }),
      { numRuns: amount(300) },
    );
  });
});
