/** A Lifecycle on a bench: a real pool, a store of plain objects, and an Io that does nothing but keep what it was told. */
import assert from "node:assert/strict";
import type { NetCode } from "../../src/net/net-error.ts";
import { type Grant, Pool, type PoolOptions } from "../../src/pool/pool.ts";
import type { Io } from "../../src/proxy/io.ts";
import { Lifecycle } from "../../src/proxy/lifecycle.ts";
import type { LifecycleOptions } from "../../src/proxy/options.ts";
import { type RemovalCause, UNDECIDED } from "../../src/proxy/outcome.ts";
import { type CloseRecord, recordOf } from "../../src/proxy/record.ts";
import { removeFromTarget } from "../../src/proxy/removal.ts";
import {
  ANSWERING,
  CONNECTING,
  DELIVERING,
  ENDED,
  FREE,
  LINGERING,
  LOOKING_UP,
  PERMIT,
  QUEUED,
  RELAYING,
  ROW,
} from "../../src/proxy/states.ts";
import type { Store } from "../../src/proxy/store.ts";
import { assertTried } from "../support/tried.ts";

export class Connection {
  readonly ticket: number;
  readonly acceptedAt: number;
  state = FREE;
  phase = 0;
  outcome = UNDECIDED;
  holds = 0;
  since = 0;
  waiter = -1;
  pass = 0;
  queuedMs = 0;
  connectMs = -1;
  firstByteMs = -1;
  row = -1;
  incarnation = 0;
  tried: number[] = [];
  codes: string[] = [];
  incarnations: number[] = [];
  readonly bytes = [0, 0];
  readonly reported = [0, 0];
  movedAt = 0;
  askedAt = 0;
  heardAt = 0;
  /** What the Io was told of it. */
  due: number | null = null;
  dialing = false;
  /** It has given up a target that did not fail it. */
  moved = false;
  /** What the Io says when it is asked. */
  delivered = false;
  /** Whether its client was reset at the end. */
  reset = false;
  readonly calls: string[] = [];

  constructor(ticket: number, acceptedAt: number) {
    this.ticket = ticket;
    this.acceptedAt = acceptedAt;
  }

  /** How often the Io was told this of it. */
  told(call: string): number {
    return this.calls.filter((each) => each === call).length;
  }
}

/** Failures are codes. */
class BenchStore implements Store<Connection, string> {
  readonly all: Connection[] = [];
  client = ({ ticket }: Connection) => ({ host: "10.0.0.1", port: 1 + ticket });
  clientKey = ({ ticket }: Connection) => Uint32Array.of(0, 0, 0xffff, ticket % 5);
  ticket = (c: Connection) => c.ticket;
  acceptedAt = (c: Connection) => c.acceptedAt;
  state = (c: Connection) => c.state;
  setState = (c: Connection, state: number) => Object.assign(c, { state });
  phase = (c: Connection) => c.phase;
  setPhase = (c: Connection, phase: number) => Object.assign(c, { phase });
  outcome = (c: Connection) => c.outcome;
  setOutcome = (c: Connection, outcome: number) => Object.assign(c, { outcome });
  holds = (c: Connection, what: number) => (c.holds & what) !== 0;
  addHold = (c: Connection, what: number) => Object.assign(c, { holds: c.holds | what });
  dropHold = (c: Connection, what: number) => Object.assign(c, { holds: c.holds & ~what });
  since = (c: Connection) => c.since;
  setSince = (c: Connection, time: number) => Object.assign(c, { since: time });
  waiter = (c: Connection) => c.waiter;
  setWaiter = (c: Connection, waiter: number) => Object.assign(c, { waiter });
  queuedMs = (c: Connection) => c.queuedMs;
  addQueuedMs = (c: Connection, ms: number) => Object.assign(c, { queuedMs: c.queuedMs + ms });
  connectMs = (c: Connection) => c.connectMs;
  setConnectMs = (c: Connection, ms: number) => Object.assign(c, { connectMs: ms });
  firstByteMs = (c: Connection) => c.firstByteMs;
  row = (c: Connection) => c.row;
  incarnation = (c: Connection) => c.incarnation;
  setRow = (c: Connection, row: number, incarnation: number) => Object.assign(c, { row, incarnation });
  tried = (c: Connection) => c.tried;
  triedCode = (c: Connection, nth: number) => c.codes[nth] as NetCode;
  movedAt = (c: Connection) => c.movedAt;
  setMovedAt = (c: Connection, time: number) => Object.assign(c, { movedAt: time, askedAt: time });
  find = (ticket: number) => this.all.find((c) => c.ticket === ticket && c.state !== ENDED) ?? null;
  heardAt = (c: Connection) => c.heardAt;
  askedAt = (c: Connection) => c.askedAt;
  bytes = (c: Connection, from: number) => c.bytes[from]!;
  unreported = (c: Connection, from: number) => c.bytes[from]! - c.reported[from]!;

  setReported(c: Connection): void {
    c.reported.splice(0, 2, ...c.bytes);
  }

  triedIncarnation = (c: Connection, nth: number) => c.incarnations[nth]!;

  addTried(c: Connection, row: number, incarnation: number, code: string): void {
    c.tried.push(row);
    c.incarnations.push(incarnation);
    c.codes.push(code);
  }

  passOver(c: Connection, pass: number): boolean {
    const first = c.pass !== pass;
    c.pass = pass;
    return first;
  }

  end(c: Connection, outcome: number): void {
    if (c.outcome === UNDECIDED) c.outcome = outcome;
    c.state = ENDED;
  }

  each(visit: (c: Connection) => void): void {
    for (const c of this.all) if (c.state !== ENDED) visit(c);
  }
}

export class Bench {
  readonly pool: Pool;
  readonly options: LifecycleOptions;
  readonly lifecycle: Lifecycle<Connection, string>;
  readonly #store = new BenchStore();
  now = 1_000;
  #dialFailure: string | null = null;
  /** Grants that another thread has made and that are still on their way. */
  readonly late: Grant[] = [];
  readonly warnings: string[] = [];

  constructor(options: Partial<LifecycleOptions> = {}, pool: Partial<PoolOptions> = {}) {
    this.options = {
      requeue: 1,
      connectTimeout: 100,
      idleTimeout: 0,
      queueTimeout: 500,
      queueWhenEmpty: 0,
      ...options,
    };
    const defaults = { algorithm: "leastconn", persistent: null, concurrency: -1, queue: 10, seed: 1 } as const;
    const { queueWhenEmpty } = this.options;
    this.pool = Pool.create({ name: "bench", maxTargets: 8, queueWhenEmpty, ...defaults, ...pool });
    this.lifecycle = new Lifecycle(this.pool, this.#store, this.#io(), this.options);
  }

  get all(): readonly Connection[] {
    return this.#store.all;
  }

  in(...states: number[]): Connection[] {
    return this.all.filter(({ state }) => states.includes(state));
  }

  target(identity: string, maxConnections = 0): void {
    const address = { host: "10.0.1.1", port: 1 + Number(identity) };
    this.pool.set({ identity, address, weight: 100, maxConnections }, "up");
  }

  /** From now on dials fail at once with this code; null: their outcome comes later. */
  failDials(code: string | null): void {
    this.#dialFailure = code;
  }

  accept(): Connection {
    const c = new Connection(this.all.length, this.now);
    this.#store.all.push(c);
    this.lifecycle.accepted(c);
    return c;
  }

  remove(c: Connection, cause: RemovalCause): void {
    const { pool, lifecycle } = this;
    const { row, state } = c;
    removeFromTarget({ pool, store: this.#store, lifecycle }, c, cause);
    if (state === CONNECTING && (c.row !== row || c.state !== state)) c.moved = true;
  }

  /** Serves the queue from its head, as an engine does after events that may have made room. */
  serve(): void {
    for (let ticket = this.pool.takeLost(); ticket >= 0; ticket = this.pool.takeLost()) {
      this.lifecycle.lostPlace(this.all[ticket]!, false);
    }
    this.lifecycle.beginPass();
    for (let grant = this.pool.grant(); grant !== null; grant = this.pool.grant()) {
      if (this.late.some(({ ticket }) => ticket === grant?.ticket) || !this.take(grant)) break;
    }
    this.lifecycle.roomFreed = false;
  }

  /** Those who have come until now were looked up. */
  lookUp(): void {
    this.pool.lookUps.done(this.pool.lookUps.begin());
    this.lifecycle.lookedUp();
  }

  /** A grant reaches its connection. */
  take({ ticket }: Grant): boolean {
    const c = this.all[ticket]!;
    return c.state !== QUEUED || this.lifecycle.granted(c);
  }

  /** Time passes, and the timers that are due by then come. */
  pass(ms: number): void {
    this.now += ms;
    for (const c of this.all) {
      if (c.due === null || c.due > this.now) continue;
      c.due = null;
      this.lifecycle.timedOut(c);
    }
    if (this.now >= this.lifecycle.abortAt) this.lifecycle.abortDue();
  }

  /** The close record, or what it would be if it ended now. */
  record(c: Connection): CloseRecord {
    return recordOf(this.#store, c, { pool: this.pool, listener: "*:3000", startedAt: 0, durationMs: 0 });
  }

  /** The close record, as `phase endedBy cause`. */
  ending(c: Connection): string {
    assert.equal(c.state, ENDED, "it has ended");
    const { phase, endedBy, cause } = this.record(c);
    return `${phase} ${endedBy} ${cause}`;
  }

  /** What lifecycle.ts promises, after every event. */
  verify(): void {
    const served = this.in(CONNECTING, RELAYING, DELIVERING);
    for (const c of this.all) {
      assert.equal(
        c.holds,
        served.includes(c) ? PERMIT | ROW : 0,
        "a permit and a row in these states, and in no other",
      );
      assert.equal(c.dialing, c.state === CONNECTING, "a dial under way in this state, and in no other");
      const timed = c.state === RELAYING ? this.options.idleTimeout > 0 : c.state !== ENDED;
      assert.equal(c.due !== null, timed, "a timer wherever something is waited for");
      assertTried(this.record(c), this.options.requeue, { moved: c.moved, waits: this.options.queueWhenEmpty > 0 });
      for (const call of ["ended", "close"]) assert.equal(c.told(call), c.state === ENDED ? 1 : 0, call);
      assert.ok(c.told("answer") <= 1, "one answer at most");
    }
    assert.equal(this.lifecycle.open, this.all.length - this.in(ENDED).length);
    assert.equal(this.lifecycle.waiting, this.in(QUEUED, LOOKING_UP).length);
    assert.equal(this.pool.waiting, this.in(QUEUED).length);
    assert.equal(this.pool.active, served.length + (this.pool.granted ? 1 : 0), "permits");
    for (const { identity, active } of this.pool.targets()) {
      const on = served.filter(({ row }) => this.pool.identity(row) === identity);
      assert.equal(active, on.length, `connections of ${identity}`);
    }
  }

  #io(): Io<Connection, string> {
    const tell = (call: string) => (c: Connection) => void c.calls.push(call);
    return {
      dial: (c) => {
        c.dialing = this.#dialFailure === null;
        return this.#dialFailure;
      },
      undial: (c) => Object.assign(c, { dialing: false }),
      relay: tell("relay"),
      lookSoon: () => {},
      delivered: (c) => c.delivered,
      answer: tell("answer"),
      close: (c, reset) => {
        c.dialing = false;
        c.reset = reset;
        c.calls.push("close");
      },
      ended: tell("ended"),
      roomFreed: () => undefined,
      queued: tell("queued"),
      arm: (c, due) => Object.assign(c, { due }),
      disarm: (c) => Object.assign(c, { due: null }),
      timeoutFailure: () => "ETIMEDOUT",
      codeOf: (failure) => failure as NetCode,
      now: () => this.now,
      warn: (kind) => void this.warnings.push(kind),
    };
  }
}

/** States in which the client is told that it gets no target. */
export const TOLD = [ANSWERING, LINGERING];
