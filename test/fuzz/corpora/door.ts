/**
 * Hellos over time against a model: reporters with right and wrong clocks, with tickets or without; recorded hellos that come again;
 * a balancer whose clock is put forward and back, and which is started again. No hello is ever proved twice, one is proved only if it
 * is timely or has a ticket that is, and an honest reporter gets in at its second attempt at the latest.
 */
import assert from "node:assert/strict";
import { handshakeOf, helloLine } from "../../../src/control/protocol/hello.ts";
import { Door, KINDS, SEEN, START } from "../../control/hello.ts";
import { ManualClock } from "../../support/clock.ts";
import fc from "../../support/draws.ts";
import { assertRefusal, type Corpus, corpus } from "../corpus.ts";

const WINDOW_MS = 60_000;
const TICKET_MS = 10_000;
const HOSTS = ["10.0.0.2", "10.0.0.3", "::1"];

type Step =
  | {
      readonly do: "hello";
      readonly kind: number;
      readonly off: number;
      readonly host: number;
      readonly ticket: number | null;
    }
  | { readonly do: "again"; readonly which: number; readonly host: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "set clock"; readonly ms: number }
  | { readonly do: "restart" };

const off = fc.oneof(
  fc.constantFrom(0, 1, -1, WINDOW_MS, -WINDOW_MS, WINDOW_MS + 1, -WINDOW_MS - 1, 1e9),
  fc.integer({ min: -90_000, max: 90_000 }),
);
const host = fc.nat(HOSTS.length - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("hello" as const),
      kind: fc.nat(KINDS.length - 1),
      off,
      host,
      ticket: fc.option(fc.nat(20)),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("again" as const), which: fc.nat(20), host }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      ms: fc.oneof(fc.integer({ min: 1, max: 20_000 }), fc.constantFrom(1, TICKET_MS, WINDOW_MS, 2 * WINDOW_MS)),
    }),
  },
  fc.record({ do: fc.constant("set clock" as const), ms: fc.integer({ min: -200_000, max: 200_000 }) }),
  fc.record({ do: fc.constant("restart" as const) }),
);

interface Sent {
  readonly line: string;
  /** By the reporter's clock. */
  readonly time: number;
  readonly ticket: Ticket | null;
  /** The process that has taken it last. */
  provedBy: number | null;
}

interface Ticket {
  readonly text: string;
  readonly host: string;
  readonly at: number;
  readonly process: number;
}

/** The balancer, what was sent to it, and what it gave out. */
class World {
  readonly clock = new ManualClock();
  /** ms by which the wall clock was put forward. */
  putForward = 0;
  door = this.newDoor();
  process = 0;
  /** By the wall clock. */
  startedAt = this.wall;
  readonly sent: Sent[] = [];
  readonly tickets: Ticket[] = [];

  get wall(): number {
    return START + this.clock.now() + this.putForward;
  }

  newDoor(): Door {
    return new Door({ clock: this.clock, wallClock: () => this.wall });
  }

  take(each: Step): void {
    if (each.do === "wait") this.clock.advance(each.ms);
    else if (each.do === "set clock") this.putForward += each.ms;
    else if (each.do === "restart") this.restart();
    else if (each.do === "again") {
      const one = this.sent[each.which % (this.sent.length || 1)];
      if (one) this.judge(one, HOSTS[each.host]!);
    } else this.meet(each);
  }

  restart(): void {
    this.clock.advance(1);
    this.door = this.newDoor();
    this.process += 1;
    this.startedAt = this.wall;
  }

  meet({ kind, off, host, ticket }: Step & { do: "hello" }): void {
    const given = ticket === null ? undefined : this.tickets[ticket % (this.tickets.length || 1)];
    const one = this.make(kind, this.wall + off, given ?? null);
    const code = this.judge(one, HOSTS[host]!);
    if (code === "proved") return;
    assert.equal(code, "CLOCK", "what is new is refused for its time alone");
    const newest = this.tickets.at(-1)!;
    assert.equal(
      this.judge(this.make(kind, one.time, newest), HOSTS[host]!),
      "proved",
      "a reporter that comes back with its ticket",
    );
  }

  make(kind: number, time: number, ticket: Ticket | null): Sent {
    const { claim, keys } = KINDS[kind]!;
    const payload = {
      time,
      software: "x",
      local: "10.0.0.2:1",
      remote: "10.0.0.1:1",
      ...(ticket && { ticket: ticket.text }),
    };
    const line = helloLine(claim, handshakeOf(claim, "initiator", keys), payload);
    const one: Sent = { line, time, ticket, provedBy: null };
    this.sent.push(one);
    return one;
  }

  judge(one: Sent, host: string): string {
    const judgement = this.door.judge(one.line, { ...SEEN, remote: { host, port: 1 } });
    if ("proved" in judgement) {
      assert.ok(one.provedBy === null || this.mayComeTwice(one), "a hello is proved once");
      assert.ok(one.ticket === null ? this.isTimely(one) : this.isGood(one.ticket, host), "what is proved is new");
      one.provedBy = this.process;
      return "proved";
    }
    assertRefusal(judgement.refused, ["CLOCK", "REPLAYED"]);
    const { code } = judgement.refused;
    if (code === "REPLAYED") assert.equal(one.provedBy, this.process, "what was not proved before is no repetition");
    else
      this.tickets.push({
        text: String(JSON.parse(judgement.line!).ticket),
        host,
        at: this.clock.now(),
        process: this.process,
      });
    return code;
  }

  isTimely({ time }: Sent): boolean {
    return Math.abs(this.wall - time) <= WINDOW_MS;
  }

  isGood({ host, at, process }: Ticket, from: string): boolean {
    return host === from && process === this.process && this.clock.now() - at <= TICKET_MS;
  }

  /** A balancer that was started again knows of its former life only that it ended: whatever bears a later time is new to it. */
  mayComeTwice({ time, ticket, provedBy }: Sent): boolean {
    return ticket === null && provedBy !== this.process && time >= this.startedAt;
  }
}

export const doors: Corpus = corpus("doors", fc.array(step, { maxLength: 40 }), (steps) => {
  const world = new World();
  for (const each of steps) world.take(each);
  return steps.length;
});
