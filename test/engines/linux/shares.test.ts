import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Mailbox } from "../../../src/engines/linux/shared/mailbox.ts";
import * as abi from "../../../src/engines/linux/sys/abi.ts";
import { WorkerListener } from "../../../src/engines/linux/worker/listener.ts";
import { type Peer, Shares } from "../../../src/engines/linux/worker/shares.ts";
import { SmallArguments } from "../../../src/engines/linux/worker/small-arguments.ts";
import { SimulatedKernel } from "../../support/kernel/kernel.ts";
import { simulatedLibc } from "../../support/kernel/simulated-libc.ts";
import { Bench } from "./kernel/bench.ts";

/** One whose backlogs nobody can look at. */
const NOBODYS = new WorkerListener({ number: 0, descriptors: [-1, -2, -3], service: 0, place: 0 }, 1);

/** A thread among others that have so many connections and are awake. */
function thread(...loads: number[]) {
  const kernel = new SimulatedKernel();
  const libc = simulatedLibc(kernel);
  const small = new SmallArguments(libc, abi.EPOLL_EVENT.x64!);
  const own = Mailbox.create(16).inbox;
  const others = loads.map((load, i): Peer => {
    const mailbox = Mailbox.create(16);
    mailbox.inbox.open();
    mailbox.inbox.tell(load);
    return { index: 2 + i, mailbox, eventfd: -1 };
  });
  return { kernel, libc, small, own, others, shares: new Shares(own, others, libc, small) };
}

describe("shares of threads", () => {
  it("are uneven only where one has clearly more than another: an eighth, and two", () => {
    const { others, shares } = thread(104, 80, 96);
    assert.equal(shares.leastLoaded(91, NOBODYS), null);
    assert.equal(shares.limit, 92);
    assert.equal(shares.leastLoaded(92, NOBODYS), others[1]);
  });

  it("are nobody's business but a lone thread's own", () => {
    const { shares } = thread();
    shares.refresh(1_000, 0, 0);
    assert.equal(shares.limit, Number.POSITIVE_INFINITY);
    assert.equal(shares.leastLoaded(1_000, NOBODYS), null);
  });

  it("leave out who takes none", () => {
    const { others, shares } = thread(-1, 50);
    assert.equal(shares.leastLoaded(100, NOBODYS), others[1]);
    others[1]!.mailbox.inbox.tell(-1);
    assert.equal(shares.leastLoaded(100, NOBODYS), null);
    assert.equal(shares.limit, Number.POSITIVE_INFINITY);
  });

  it("count what is on its way: in an inbox, and in a listener's backlog", () => {
    const { kernel, libc, others, own, small } = thread(10, 12);
    const bench = new Bench({ libc, sleep: (ms) => kernel.clock.advance(ms), freshPath: () => "" });
    const { fd: listener, port } = bench.listener();
    const wanted = new WorkerListener({ number: 0, descriptors: [-1, listener, -2], service: 0, place: 0 }, 1);
    const shares = new Shares(own, others, libc, small);
    assert.equal(shares.leastLoaded(100, wanted), others[0]);
    others[0]!.mailbox.inbox.put(1, 0, 0, 7, new Uint8Array(abi.SOCKADDR_MAX));
    assert.equal(shares.leastLoaded(100, wanted), others[0]);
    for (let i = 0; i < 2; i++) bench.connect(bench.socket(), port);
    assert.equal(shares.leastLoaded(100, wanted), others[1]);
  });

  it("cost no call while they are even", () => {
    const { kernel, shares } = thread(10, 12);
    const before = kernel.calls;
    shares.refresh(12, 0, 0);
    assert.ok(shares.limit > 12);
    assert.equal(shares.leastLoaded(12, NOBODYS), null);
    assert.equal(kernel.calls, before);
  });

  it("are not evened out by a thread that is busier, unless it sleeps", () => {
    const { others, own, shares } = thread(10, 50);
    own.events = 3;
    others[0]!.mailbox.inbox.events = 11;
    assert.equal(shares.leastLoaded(100, NOBODYS), others[0]);
    others[0]!.mailbox.inbox.events = 12;
    assert.equal(shares.leastLoaded(100, NOBODYS), others[1]);
    others[0]!.mailbox.fallAsleep();
    assert.equal(shares.leastLoaded(100, NOBODYS), others[0]);
    assert.ok(others[0]!.mailbox.mustWake());
    assert.equal(shares.leastLoaded(100, NOBODYS), others[0], "it was woken, and has not come round");
    others[0]!.mailbox.awake();
    assert.equal(shares.leastLoaded(100, NOBODYS), others[1]);
  });

  it("differ by chance where connections are short", () => {
    const { shares } = thread(14);
    shares.refresh(16, 0, 0);
    assert.equal(shares.limit, 17.75);
    shares.refresh(16, 17, 1_000);
    // A Poisson distribution's standard deviation is the root of its mean.
    assert.ok(Math.abs(shares.limit - 2 * Math.sqrt(shares.limit) - 17.75) < 1e-9, `${shares.limit}`);
    shares.refresh(16, 33, 2_000);
    assert.equal(shares.limit, 17.75, "it has ended no more than it has");
  });

  it("are looked at once in a while", () => {
    const { others, shares } = thread(80);
    shares.refresh(0, 0, 0);
    others[0]!.mailbox.inbox.tell(8);
    shares.refresh(0, 0, 4);
    assert.equal(shares.limit, 92);
    shares.refresh(0, 0, 5);
    assert.equal(shares.limit, 11);
  });
});
