/**
 * What a thread that dies in the middle of anything leaves behind. Two pools are led through the same commands; in one of them,
 * whatever can be derived is now and then overwritten and then repaired, and no result of a command may tell the two apart.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hash } from "../../src/pool/algorithms/hash.ts";
import { latency } from "../../src/pool/algorithms/latency.ts";
import { leastconn } from "../../src/pool/algorithms/leastconn.ts";
import { random } from "../../src/pool/algorithms/random.ts";
import { roundrobin } from "../../src/pool/algorithms/roundrobin.ts";
import {
  AVAILABILITIES,
  COUNTS,
  FREE_NODE,
  HEAD,
  LOST,
  PERMITS,
  ROOM_EVENTS,
  SILENT,
  SILENT_HEAD,
  SILENT_TAIL,
  SPAN,
  TAIL,
  WAITING,
} from "../../src/pool/header.ts";
import { layoutOf } from "../../src/pool/memory.ts";
import { ADMITTED, type AlgorithmName, MAY_WAIT, REFUSED, SharedPool, type TargetState } from "../../src/pool/pool.ts";
import type { MinTreeMemory, SumTreeMemory } from "../../src/pool/tree.ts";
import { amount } from "../support/amount.ts";
import fc from "../support/draws.ts";
import { addTarget, client, makePool, memoryOf } from "./helpers.ts";

/** More than a tree's node has children. */
const TARGETS = 20;
const QUEUE = 5;
const WORKERS = [0, 1, 2];
/** A worker that holds nothing. */
const IDLE = 3;

interface Held {
  readonly worker: number;
  readonly ticket: number;
  /** Its row, or the pool's name for its place in the queue. */
  readonly number: number;
}

/** A pool in the hands of three threads. */
class Side {
  readonly pool;
  readonly #workers: readonly SharedPool[];
  readonly #algorithm: AlgorithmName;
  connections: Held[] = [];
  /** With those that have lost their places and do not know. */
  waiters: Held[] = [];
  /** Over before they were told that they had lost their places. */
  gone: Held[] = [];
  #tickets = 0;
  now = 1;

  constructor(algorithm: AlgorithmName) {
    this.#algorithm = algorithm;
    this.pool = makePool({ algorithm, maxTargets: TARGETS, queue: QUEUE, concurrency: 8 });
    this.#workers = WORKERS.map((worker) => (worker === 0 ? this.pool : SharedPool.attach(this.pool.handle, worker)));
  }

  get layout() {
    return layoutOf(this.pool.handle);
  }

  /** Every fourth is a backup. Weights differ, so that no two targets tie: which of them comes first, a repair may change. */
  set(target: number, weight: number, max: number, state: TargetState): void {
    if (state === "down" && weight % 2 === 0) this.pool.remove(`${target}`);
    else addTarget(this.pool, `${target}`, { weight: weight * TARGETS + target, max, state, backup: target % 4 === 3 });
  }

  /** The row; or what became of it, but for the number of its place in the queue, which a repair may change. */
  accept(worker: number): number | string {
    const ticket = this.#tickets++;
    const entered = this.#workers[worker]!.enter(ticket);
    if (entered === ADMITTED)
      return this.#serve(worker, ticket, this.#workers[worker]!.pick(client(ticket), [], this.now));
    if (entered !== REFUSED) this.waiters.push({ worker, ticket, number: entered });
    return entered === REFUSED ? "refused" : "waits";
  }

  end(which: number, how: number): number {
    const [held] = this.connections.splice(which % Math.max(1, this.connections.length), 1);
    if (held === undefined) return -1;
    const pool = this.#workers[held.worker]!;
    if (how === 0) pool.failed(held.number, client(held.ticket), this.now);
    else {
      if (how === 1) pool.connected(held.number, 1);
      pool.release(held.number, client(held.ticket), 0, 0, this.now);
    }
    pool.leave();
    return held.number;
  }

  cancel(which: number): number {
    const [waiter] = this.waiters.splice(which % Math.max(1, this.waiters.length), 1);
    if (waiter === undefined) return -1;
    const { waiting } = this.pool;
    assert.ok(this.#workers[waiter.worker]!.cancel(waiter.number));
    if (this.pool.waiting === waiting) this.gone.push(waiter);
    return waiter.ticket;
  }

  /** A waiter falls silent. */
  silent(which: number): void {
    const waiter = this.waiters[which % Math.max(1, this.waiters.length)];
    if (waiter !== undefined) this.#workers[waiter.worker]!.silent(waiter.number);
  }

  /** A thread looks who has lost its place. */
  told(worker: number): string {
    const told: number[] = [];
    const pool = this.#workers[worker]!;
    for (let ticket = pool.takeLost(); ticket >= 0; ticket = pool.takeLost()) told.push(ticket);
    assert.equal(pool.hasLost(worker), false);
    this.waiters = this.waiters.filter(({ ticket }) => !told.includes(ticket));
    this.gone = this.gone.filter((each) => each.worker !== worker);
    return told.sort((a, b) => a - b).join();
  }

  grant(): string {
    const turn = this.pool.grant();
    if (turn === null) return "nobody's turn";
    const waiter = this.waiters.find(({ ticket }) => ticket === turn.ticket)!;
    const row = this.#workers[turn.worker]!.pickGranted(turn.ticket, client(turn.ticket), [], this.now);
    if (row !== MAY_WAIT) {
      this.waiters.splice(this.waiters.indexOf(waiter), 1);
      this.#keep(turn.worker, turn.ticket, row);
    }
    return `${turn.ticket} on ${row}`;
  }

  /** A thread has died: what it held is gone. */
  recover(worker: number): void {
    this.pool.recover(worker);
    this.connections = this.connections.filter((held) => held.worker !== worker);
    this.waiters = this.waiters.filter((waiter) => waiter.worker !== worker);
    this.gone = this.gone.filter((waiter) => waiter.worker !== worker);
  }

  verify(): void {
    for (const { identity, active } of this.pool.targets()) {
      const on = this.connections.filter(({ number }) => this.pool.identity(number) === identity);
      assert.equal(active, on.length, `connections of ${identity}`);
    }
    const waiting = this.waiters.length + this.gone.length - this.pool.lost;
    assert.deepEqual([this.pool.active, this.pool.waiting], [this.connections.length, waiting]);
  }

  /** Overwrites what can be derived from the rest. */
  spoil(garbage: number): void {
    const { layout, pool } = this;
    const { header, waiterNext, waiterPrevious, silentNext, silentPrevious, active, availability, suspects } = layout;
    for (const word of [HEAD, TAIL, FREE_NODE, WAITING, PERMITS, SILENT, SILENT_HEAD, SILENT_TAIL, LOST])
      header[word] = garbage;
    header.fill(garbage, COUNTS, COUNTS + AVAILABILITIES);
    for (const rows of [active, availability, suspects.keys]) rows.fill(garbage % 5, 0, header[SPAN]!);
    layout.lostHeads.fill(garbage);
    for (const nodes of [waiterNext, waiterPrevious, silentNext, silentPrevious]) nodes.fill(garbage);
    suspects.winners.fill(0);
    const { leaves, keys, sums, winners } = treeOf(pool.handle, this.#algorithm);
    for (const each of [leaves, keys]) each?.fill(garbage, 0, header[SPAN]!);
    for (const each of [sums, winners]) each?.fill(0);
  }

  #serve(worker: number, ticket: number, row: number): number {
    if (row !== MAY_WAIT) return this.#keep(worker, ticket, row);
    const waiter = this.#workers[worker]!.wait(ticket);
    if (waiter !== REFUSED) this.waiters.push({ worker, ticket, number: waiter });
    return row;
  }

  #keep(worker: number, ticket: number, row: number): number {
    if (row >= 0) this.connections.push({ worker, ticket, number: row });
    else this.#workers[worker]!.leave();
    return row;
  }
}

function treeOf(handle: SharedPool["handle"], algorithm: AlgorithmName): Partial<MinTreeMemory & SumTreeMemory> {
  if (algorithm === "leastconn") return memoryOf(handle, leastconn).own;
  if (algorithm === "roundrobin") return memoryOf(handle, roundrobin).own.tree;
  if (algorithm === "latency") return memoryOf(handle, latency).own.tree;
  if (algorithm === "random") return memoryOf(handle, random).own.tree;
  void hash; // it has nothing to derive
  return {};
}

type Step = (side: Side) => unknown;

const worker = fc.constantFrom(...WORKERS);
const state = fc.constantFrom<TargetState>("up", "up", "up", "suspect", "draining", "down");
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.nat(TARGETS - 1), fc.nat(50), fc.nat(2), state)
      .map((given) => (side: Side) => side.set(...given)),
  },
  { weight: 8, arbitrary: worker.map((which) => (side: Side) => side.accept(which)) },
  { weight: 5, arbitrary: fc.tuple(fc.nat(100), fc.nat(2)).map((given) => (side: Side) => side.end(...given)) },
  { weight: 4, arbitrary: fc.constant((side: Side) => side.grant()) },
  { weight: 1, arbitrary: fc.nat(100).map((which) => (side: Side) => side.cancel(which)) },
  { weight: 2, arbitrary: fc.nat(100).map((which) => (side: Side) => side.silent(which)) },
  { weight: 1, arbitrary: worker.map((which) => (side: Side) => side.told(which)) },
);
const repairs = fc.record({
  steps: fc.array(step, { maxLength: 25, size: "max" }),
  dead: fc.constantFrom(IDLE, IDLE, 1, 2),
  garbage: fc.nat(40),
});

describe("a pool that a dying thread has left half done", () => {
  for (const algorithm of ["leastconn", "roundrobin", "random", "latency"] as const) {
    it(`is as before once it is repaired, but for what that thread held (${algorithm})`, () => {
      fc.assert(
        fc.property(fc.array(repairs, { minLength: 1, maxLength: 5, size: "max" }), (course) => {
          const spoiled = new Side(algorithm);
          const whole = new Side(algorithm);
          const both = [spoiled, whole];
          for (const side of both)
            for (let i = 0; i < TARGETS; i++) side.set(i, 2 * i + 1, 1 + (i % 2), i % 5 ? "up" : "suspect");
          for (const { steps, dead, garbage } of course) {
            for (const take of steps) {
              const [one, other] = both.map((side) => take(side));
              assert.equal(one, other);
              for (const side of both) {
                side.now++;
                side.verify();
              }
            }
            spoiled.spoil(garbage);
            spoiled.recover(dead);
            if (dead !== IDLE) whole.recover(dead);
            // Waiters may try again after a repair.
            whole.layout.header[ROOM_EVENTS] = spoiled.layout.header[ROOM_EVENTS]!;
            for (const side of both) side.verify();
          }
        }),
        { numRuns: amount(60) },
      );
    });
  }
});
