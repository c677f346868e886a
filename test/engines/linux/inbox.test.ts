import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { INBOX_CELLS, INBOX_WORDS, Inbox } from "../../../src/engines/linux/shared/inbox.ts";
import { SOCKADDR_MAX } from "../../../src/engines/linux/sys/abi.ts";
import { decodePeer, encodeLiteral } from "../../../src/engines/linux/sys/sockaddr.ts";
import fc from "../../support/draws.ts";

const OWNER = 0;
const GIVERS = 3;

/** What threads do with an inbox of which each descriptor's client has a port of the same number. */
class Threads {
  readonly inbox = new Inbox(new Int32Array(new SharedArrayBuffer(INBOX_WORDS * 4)));
  readonly put = new Set<number>();
  readonly taken: number[] = [];
  #next = 0;
  #closed = true;
  readonly #address = new Uint8Array(SOCKADDR_MAX);

  give(giver: number): void {
    const fd = this.#next++;
    const address = new Uint8Array(SOCKADDR_MAX);
    encodeLiteral(fd % 2 ? "2001:db8::1" : "192.0.2.1", fd, address);
    if (!this.inbox.put(giver, fd % 7, fd % 5, fd, address)) return;
    this.put.add(fd);
    assert.ok(!this.#closed || this.taken.includes(fd), "put into an inbox that nobody will look into again");
  }

  take(): void {
    this.#took(this.inbox.take(this.#address));
  }

  close(): void {
    while (this.#took(this.inbox.close(this.#address)));
    this.#closed = true;
  }

  open(): void {
    this.#closed = false;
    this.inbox.open();
  }

  /** As for a dead owner's successor. */
  reopen(): void {
    this.close();
    this.open();
  }

  #took(fd: number): boolean {
    if (fd < 0) return false;
    assert.equal(decodePeer(this.#address, new Uint32Array(4), 0), fd, "the address of another client");
    assert.equal(this.inbox.service, fd % 7, "the service of another client");
    assert.equal(this.inbox.place, fd % 5, "the place of another client");
    this.taken.push(fd);
    return true;
  }

  /** What was put into it has come out, once. */
  check(): void {
    this.close();
    assert.deepEqual(
      this.taken.toSorted((a, b) => a - b),
      [...this.put].toSorted((a, b) => a - b),
    );
  }
}

type Step = { readonly kind: "give"; readonly giver: number } | { readonly kind: "take" | "close" | "reopen" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("give" as const), giver: fc.integer({ min: 1, max: GIVERS }) }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("take" as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("close" as const, "reopen" as const) }) },
);

describe("inbox", () => {
  it("gives back what was put into it, with its address, until it is full", () => {
    const threads = new Threads();
    threads.give(1);
    assert.equal(threads.put.size, 0, "it begins closed");
    threads.open();
    for (let i = 0; i < INBOX_CELLS + 2; i++) threads.give(1);
    assert.equal(threads.put.size, INBOX_CELLS);
    assert.equal(threads.inbox.pending, INBOX_CELLS);
    threads.take();
    threads.give(2);
    assert.equal(threads.put.size, INBOX_CELLS + 1);
    threads.check();
    assert.equal(threads.inbox.pending, 0);
    threads.give(1);
    assert.equal(threads.put.size, INBOX_CELLS + 1, "it is closed");
  });

  it("tells how many its owner has, and that it takes none", () => {
    const { inbox } = new Threads();
    assert.equal(inbox.told, -1);
    inbox.tell(0);
    assert.equal(inbox.told, 0);
    inbox.tell(7);
    assert.equal(inbox.told, 7);
    inbox.close(new Uint8Array(SOCKADDR_MAX));
    assert.equal(inbox.told, -1);
  });
});

describe("inbox, with other threads between any two operations on its memory", () => {
  const { compareExchange, exchange, load, store } = Atomics;
  let between: () => void = () => undefined;

  beforeEach(() => {
    const hooked = <F extends (...args: never[]) => unknown>(operation: F): F =>
      ((...args: never[]) => {
        between();
        return operation(...args);
      }) as F;
    Object.assign(Atomics, {
      compareExchange: hooked(compareExchange),
      exchange: hooked(exchange),
      load: hooked(load),
      store: hooked(store),
    });
  });

  afterEach(() => {
    Object.assign(Atomics, { compareExchange, exchange, load, store });
  });

  it("loses and doubles nothing", () => {
    const schedule = fc.array(fc.record({ step, after: fc.nat(2) }), { maxLength: 80 });
    fc.assert(
      fc.property(schedule, (steps) => {
        const threads = new Threads();
        threads.open();
        const rest = [...steps];
        /** Threads in the middle of a step: each does one at a time. */
        const busy = new Set<number>();
        let wait = 0;
        const next = () => {
          const thread = rest[0] === undefined ? -1 : rest[0].step.kind === "give" ? rest[0].step.giver : OWNER;
          if (thread < 0 || busy.has(thread)) return;
          const { step, after } = rest.shift()!;
          wait = after;
          busy.add(thread);
          if (step.kind === "give") threads.give(step.giver);
          else if (step.kind === "take") threads.take();
          else if (step.kind === "close") threads.close();
          else threads.reopen();
          busy.delete(thread);
        };
        between = () => {
          if (--wait < 0) next();
        };
        while (rest.length > 0) next();
        between = () => undefined;
        threads.check();
      }),
      { numRuns: 2_000 },
    );
  });
});
