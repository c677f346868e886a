/**
 * Credits of one target, issued to balancers that are played by a model: each takes reports in order, opens connections as long as its credits
 * let it, and is killed, stopped, started anew or cut off at any moment. Whatever comes first, there are never more connections than the limit.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Credits, type Issue } from "../../src/control/client/credits.ts";
import { amount } from "../support/amount.ts";
import fc from "../support/draws.ts";

const LEASE = 1_000;

/** A balancer and its connection. */
class Played {
  readonly index: number;
  instance = 0;
  isConnected = false;
  /** What it may use, and until when. */
  credits = 0;
  until = 0;
  active = 0;
  waiting = 0;
  /** On their way to it, and the answers and words of it on their way back. */
  readonly reports: { readonly issue: Issue; readonly sentAt: number }[] = [];
  readonly words: ((credits: Credits) => void)[] = [];

  constructor(index: number) {
    this.index = index;
  }

  allowed(now: number): number {
    return now < this.until ? this.credits : 0;
  }
}

/** One that has said goodbye: it opens no connections, and tells how many are left for as long as it is heard. */
interface Parted {
  readonly index: number;
  readonly instance: string;
  active: number;
  /** What it has told and the reporter has not heard yet. */
  readonly words: number[];
  isHeard: boolean;
  /** Until when what the reporter has heard last counts. */
  until: number;
}

class Group {
  readonly limit: number;
  credits: Credits;
  readonly balancers: readonly Played[];
  now = 0;
  /** Others have taken their places at the same address, and they live still. */
  #replaced: { readonly active: number; readonly until: number }[] = [];
  readonly parted: Parted[] = [];

  constructor(limit: number, size: number) {
    this.limit = limit;
    this.balancers = Array.from({ length: size }, (_, index) => new Played(index));
    this.credits = new Credits(limit, size, 0);
  }

  get open(): number {
    return this.balancers.reduce((sum, { active }) => sum + active, 0);
  }

  connect(balancer: Played): void {
    if (balancer.isConnected) return;
    balancer.isConnected = true;
    this.credits.connected(balancer.index, String(balancer.instance), LEASE, this.now);
    this.report(balancer);
  }

  /** What is on its way may arrive yet or not; the reporter does not hear of it. */
  cut(balancer: Played, arrives: boolean): void {
    if (arrives) while (balancer.reports.length > 0) this.take(balancer);
    balancer.reports.length = 0;
    balancer.words.length = 0;
    balancer.isConnected = false;
    this.credits.lost(balancer.index);
  }

  /** Its connections end with it. */
  restart(balancer: Played): void {
    this.cut(balancer, false);
    Object.assign(balancer, { instance: balancer.instance + 1, credits: 0, until: 0, active: 0, waiting: 0 });
  }

  /** It stops as it is to, and another one may come to its place. What is on its way to it is in force before that, or never. */
  stop(balancer: Played, arrives: boolean): void {
    if (!balancer.isConnected) return;
    if (arrives) while (balancer.reports.length > 0) this.take(balancer);
    const { index, instance, active, until } = balancer;
    this.parted.push({ index, instance: String(instance), active, words: [active], isHeard: true, until });
    this.restart(balancer);
  }

  /** So many of its connections end, or its word is merely said again. */
  tellLeft(parted: Parted | undefined, ended: number): void {
    if (parted === undefined) return;
    parted.active = Math.max(0, parted.active - ended);
    if (parted.isHeard) parted.words.push(parted.active);
  }

  /** Its connection is gone. */
  loseLeft(parted: Parted | undefined): void {
    if (parted === undefined) return;
    parted.isHeard = false;
    parted.words.length = 0;
  }

  hearLeft(parted: Parted | undefined): void {
    const active = parted?.words.shift();
    if (parted === undefined || active === undefined) return;
    this.credits.left(parted.index, parted.instance, active, this.now);
    parted.until = this.now + LEASE;
  }

  /** Another balancer answers at its address, while it goes on and opens whatever it may. */
  replace(balancer: Played): void {
    this.#replaced.push({ active: Math.max(balancer.active, balancer.allowed(this.now)), until: balancer.until });
    this.restart(balancer);
  }

  /** Connections that there are, or may be at any moment. */
  get usable(): number {
    const { now } = this;
    this.#replaced = this.#replaced.filter(({ until }) => until > now);
    const replaced = this.#replaced.reduce((sum, { active }) => sum + active, 0);
    const parted = this.parted.reduce((sum, { active }) => sum + active, replaced);
    return this.balancers.reduce((sum, one) => sum + Math.max(one.active, one.allowed(now)), parted);
  }

  report(balancer: Played): void {
    if (!balancer.isConnected || balancer.reports.length > 0 || balancer.words.length > 3) return;
    balancer.reports.push({ issue: this.credits.issue(balancer.index, this.now), sentAt: this.now });
  }

  take(balancer: Played): void {
    const report = balancer.reports.shift();
    if (report === undefined) return;
    const { issue, sentAt } = report;
    const before = balancer.allowed(this.now);
    const had = balancer.until > this.now ? before : undefined;
    Object.assign(balancer, { credits: issue.credits, until: sentAt + LEASE });
    const { active } = balancer;
    balancer.words.push((credits) => credits.answered(balancer.index, issue, active, had));
  }

  tell(balancer: Played): void {
    if (!balancer.isConnected || balancer.words.length > 3) return;
    const { active, waiting } = balancer;
    balancer.words.push((credits) => credits.told(balancer.index, active, waiting));
  }

  hear(balancer: Played): void {
    balancer.words.shift()?.(this.credits);
  }

  use(balancer: Played, wanted: number): void {
    const room = Math.max(0, balancer.allowed(this.now) - balancer.active);
    balancer.active += Math.min(room, wanted);
    balancer.waiting = wanted - Math.min(room, wanted);
  }

  pass(ms: number): void {
    this.now += ms;
    // Of one that nobody hears any more, what is open after its lease is not counted: the model has them end with it.
    for (const balancer of this.balancers) if (balancer.until <= this.now && !balancer.isConnected) balancer.active = 0;
    for (const parted of this.parted)
      if (parted.until <= this.now) Object.assign(parted, { active: 0, isHeard: false });
  }

  /** Another reporter in the place of the one that there was, which each balancer hears at once. */
  startAnew(): void {
    for (const balancer of this.balancers) this.cut(balancer, true);
    this.credits = new Credits(this.limit, this.balancers.length, this.now);
  }

  /** Everything arrives, and reports are made where they are due, until none is. */
  settle(): void {
    for (let round = 0; round < 50; round++) {
      this.pass(4);
      for (const balancer of this.balancers) {
        this.tell(balancer);
        if (this.credits.isDue(balancer.index, this.now) || round % 10 === 0) this.report(balancer);
        while (balancer.reports.length > 0) this.take(balancer);
        while (balancer.words.length > 0) this.hear(balancer);
      }
    }
  }
}

const DEEDS = [
  "connect",
  "cut",
  "cutLate",
  "restart",
  "replace",
  "stop",
  "stopLate",
  "tellLeft",
  "hearLeft",
  "loseLeft",
  "report",
  "take",
  "tell",
  "hear",
  "use",
  "end",
  "pass",
] as const;
const step = fc.record({
  deed: fc.constantFrom(...DEEDS, "take" as const, "hear" as const, "report" as const, "use" as const),
  who: fc.nat(),
  much: fc.nat(12),
});

function act(group: Group, { deed, who, much }: { deed: (typeof DEEDS)[number]; who: number; much: number }): void {
  const balancer = group.balancers[who % group.balancers.length]!;
  const parted = group.parted[who % Math.max(1, group.parted.length)];
  if (deed === "connect") group.connect(balancer);
  else if (deed === "cut" || deed === "cutLate") group.cut(balancer, deed === "cutLate");
  else if (deed === "restart") group.restart(balancer);
  else if (deed === "replace") group.replace(balancer);
  else if (deed === "stop" || deed === "stopLate") group.stop(balancer, deed === "stopLate");
  else if (deed === "tellLeft") group.tellLeft(parted, much);
  else if (deed === "hearLeft") group.hearLeft(parted);
  else if (deed === "loseLeft") group.loseLeft(parted);
  else if (deed === "report") group.report(balancer);
  else if (deed === "take") group.take(balancer);
  else if (deed === "tell") group.tell(balancer);
  else if (deed === "hear") group.hear(balancer);
  else if (deed === "use") group.use(balancer, much);
  else if (deed === "end") balancer.active = Math.max(0, balancer.active - much);
  else group.pass(much * 60);
}

/** Connected, and settled. */
function together(limit: number, size: number): Group {
  const group = new Group(limit, size);
  for (const balancer of group.balancers) group.connect(balancer);
  group.settle();
  return group;
}

const shares = (group: Group) => group.balancers.map((balancer) => balancer.allowed(group.now));

describe("credits", () => {
  it("are never more than the limit, whatever comes first", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 2, max: 4 }),
        fc.array(step, { minLength: 40, maxLength: 150 }),
        (limit, size, steps) => {
          const group = new Group(limit, size);
          for (const each of steps) {
            act(group, each);
            assert.ok(group.usable <= limit, `${group.usable} of ${limit}`);
          }
        },
      ),
      { numRuns: amount(3_000) },
    );
  });

  it("come to where they are wanted, whatever was before", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 3, max: 12 }),
        fc.integer({ min: 2, max: 4 }),
        fc.array(step, { maxLength: 60 }),
        fc.array(fc.nat(15), { minLength: 4, maxLength: 4 }),
        (limit, size, steps, wants) => {
          const group = new Group(limit, size);
          for (const each of steps) act(group, each);
          for (const balancer of group.balancers) group.connect(balancer);
          group.pass(2 * LEASE);
          for (const balancer of group.balancers) group.report(balancer);
          group.settle();
          // Everybody wants so much, all the time; half of the connections end now and then.
          for (let round = 0; round < 8; round++) {
            for (const balancer of group.balancers) {
              balancer.active = Math.floor(balancer.active / 2);
              group.use(balancer, Math.max(0, wants[balancer.index]! - balancer.active));
            }
            group.settle();
          }
          for (const balancer of group.balancers)
            group.use(balancer, Math.max(0, wants[balancer.index]! - balancer.active));
          const wanted = wants.slice(0, size).reduce((sum, want) => sum + want, 0);
          assert.equal(group.open, Math.min(limit, wanted), JSON.stringify({ wants, shares: shares(group) }));
        },
      ),
      { numRuns: amount(500) },
    );
  });

  it("are divided alike among balancers that are idle", () => {
    assert.deepEqual(shares(together(10, 3)), [4, 3, 3]);
    assert.deepEqual(shares(together(1, 3)), [1, 0, 0]);
  });

  it("are all with the only one that has clients, and come back one by one", () => {
    const group = together(10, 3);
    const [a, b] = group.balancers as [Played, Played];
    for (let round = 0; round < 3; round++) {
      group.use(a, 50);
      group.settle();
    }
    group.use(a, 50);
    assert.deepEqual([shares(group), a.active], [[10, 0, 0], 10]);
    group.use(b, 2);
    group.settle();
    assert.deepEqual(shares(group), [8, 0, 0], "nobody has what is still open there");
    a.active -= 1;
    group.settle();
    assert.deepEqual(shares(group), [8, 1, 0]);
  });

  it("do not move where nobody runs short", () => {
    const group = together(12, 3);
    for (const balancer of group.balancers) group.use(balancer, balancer.index);
    group.settle();
    assert.deepEqual(shares(group), [4, 4, 4]);
  });

  it("of a balancer that is lost are kept until its lease has run out", () => {
    const group = together(10, 3);
    const [a, b, c] = group.balancers as [Played, Played, Played];
    const lostAt = a.until - LEASE;
    group.cut(a, false);
    for (const balancer of [b, c]) group.use(balancer, 20);
    group.settle();
    assert.deepEqual(
      [b, c].map((each) => each.allowed(group.now)),
      [3, 3],
    );
    assert.ok(group.credits.next(group.now) >= lostAt + LEASE);
    group.pass(lostAt + LEASE * 1.02 - group.now);
    group.settle();
    assert.deepEqual(
      [b, c].map((each) => each.allowed(group.now)),
      [5, 5],
    );
  });

  it("of one that was started anew are so as well, and of one that merely reconnects are not", () => {
    const group = together(9, 3);
    const [a] = group.balancers as [Played];
    group.use(a, 2);
    group.cut(a, false);
    group.connect(a);
    group.settle();
    assert.deepEqual(shares(group), [3, 3, 3]);
    group.restart(a);
    group.connect(a);
    group.take(a);
    assert.equal(a.allowed(group.now), 0);
    group.hear(a);
    group.pass(LEASE * 1.02);
    for (const balancer of group.balancers) group.report(balancer);
    group.settle();
    assert.deepEqual(shares(group), [3, 3, 3]);
  });

  it("of one that stops are others' at once, but for those that it uses, which are so as its connections end", () => {
    const group = together(10, 3);
    const [a, b, c] = group.balancers as [Played, Played, Played];
    for (const balancer of [a, b, c]) group.use(balancer, 20);
    a.active = 3;
    group.stop(a, true);
    const [parted] = group.parted;
    const others = () => b.allowed(group.now) + c.allowed(group.now);
    group.settle();
    assert.equal(others(), 6, "nothing has been heard");
    for (const left of [3, 1]) {
      group.tellLeft(parted, parted!.active - left);
      while (parted!.words.length > 0) group.hearLeft(parted);
      group.settle();
      assert.equal(others(), 10 - left);
    }
    // In its place another one comes, which has what the others do not use, and nothing of what the one before has still.
    for (const balancer of [b, c]) group.use(balancer, 0);
    group.connect(a);
    for (const balancer of group.balancers) group.report(balancer);
    group.settle();
    assert.equal(others() + a.allowed(group.now), 9);
    group.tellLeft(parted, 1);
    group.hearLeft(parted);
    group.settle();
    assert.equal(others() + a.allowed(group.now), 10);
  });

  it("of one that stops and is lost before its last word are kept for a lease after the last that was heard", () => {
    const group = together(10, 2);
    const [a, b] = group.balancers as [Played, Played];
    group.use(a, 4);
    group.use(b, 20);
    group.settle();
    group.stop(a, true);
    const [parted] = group.parted;
    group.pass(LEASE / 2);
    group.hearLeft(parted);
    group.tellLeft(parted, 4);
    group.loseLeft(parted);
    group.settle();
    const { active } = parted!;
    assert.deepEqual([active, b.allowed(group.now)], [0, 6]);
    group.pass(LEASE / 2);
    group.settle();
    assert.equal(b.allowed(group.now), 6);
    group.pass(LEASE / 2);
    for (const _ of [1, 2]) {
      group.report(b);
      group.settle();
    }
    assert.equal(b.allowed(group.now), 10);
  });

  it("of another reporter before count, also with a balancer that cannot be reached", () => {
    const group = together(10, 3);
    const [a, b, c] = group.balancers as [Played, Played, Played];
    for (const balancer of group.balancers) group.use(balancer, 10);
    group.startAnew();
    for (const balancer of [a, b]) group.connect(balancer);
    group.settle();
    assert.deepEqual(shares(group).slice(0, 2), [0, 0], "the third may be about to answer");
    group.credits.lost(c.index); // it cannot be reached
    group.settle();
    assert.deepEqual(
      [a, b].map((each) => each.allowed(group.now)).reduce((x, y) => x + y),
      7,
    );
    group.pass(LEASE);
    for (const balancer of [a, b]) group.report(balancer);
    group.settle();
    assert.deepEqual(
      [a, b].map((each) => each.allowed(group.now)).reduce((x, y) => x + y),
      10,
    );
  });

  it("are issued at once where no other reporter was before, though a balancer cannot be reached", () => {
    const group = new Group(10, 3);
    const [a, b, c] = group.balancers as [Played, Played, Played];
    for (const balancer of [a, b]) group.connect(balancer);
    group.credits.lost(c.index);
    group.settle();
    assert.deepEqual(
      [a, b].map((each) => each.allowed(group.now)),
      [5, 5],
    );
  });

  it("give one that does not know of them a limit of one at least", () => {
    const credits = new Credits(1, 2, 0);
    credits.connected(0, "new", LEASE, 0);
    credits.connected(1, undefined, LEASE, 0);
    const first = [0, 1].map((index) => credits.issue(index, 0));
    for (const [index, issue] of first.entries()) credits.answered(index, issue, 0, undefined);
    assert.deepEqual(
      [0, 1].map((index) => credits.issue(index, 1).credits),
      [0, 1],
    );
  });

  it("tell each what all others have, for as long as that may be so", () => {
    const group = together(0, 3);
    const [a, b, c] = group.balancers as [Played, Played, Played];
    Object.assign(a, { active: 5 });
    Object.assign(b, { active: 2 });
    group.settle();
    const all = () => [a, b, c].map(({ index }) => group.credits.elsewhere(index, group.now));
    assert.deepEqual(all(), [2, 5, 7]);
    group.cut(a, false);
    assert.deepEqual(all(), [2, 5, 7]);
    group.pass(LEASE * 1.02);
    for (const balancer of [b, c]) group.report(balancer);
    assert.deepEqual(all(), [2, 0, 2]);
  });
});
