/** The queue between threads, on the simulated kernel: turns that are granted to somebody who is not there any more. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Peer } from "../../support/kernel/peers/peer.ts";
import { inSimulation } from "./simulation/simulation.ts";

const greet = (peer: Peer): void => void peer.say("hello");

/** More than any step takes here, and less than the queue's time-out. */
const A_WHILE = 1_000;
const ONE_PERMIT = { engine: { threads: 2, queueTimeout: 10 * A_WHILE }, pool: { concurrency: 1 } };

describe("linux engine, queue between threads", () => {
  it("takes a permit back that was granted to a client which has left meanwhile", () =>
    inSimulation(ONE_PERMIT, (simulation) => {
      simulation.target("a", "10.0.0.1", greet);
      const holder = simulation.clientOf(0);
      const leaver = simulation.clientOf(1);
      assert.deepEqual([holder.text, simulation.pool.waiting], ["hello", 1]);
      simulation.scheduler.living[1]!.stop(A_WHILE);
      holder.abort();
      simulation.pass(A_WHILE / 2);
      assert.equal(simulation.pool.granted, false, "it is the other thread's turn");
      leaver.abort();
      simulation.pass(A_WHILE);
      assert.equal(simulation.pool.active, 0);
      const next = simulation.client();
      simulation.pass(A_WHILE);
      assert.equal(next.text, "hello");
    }));

  it("goes on when the thread dies that was granted a turn", () =>
    inSimulation(ONE_PERMIT, (simulation) => {
      simulation.target("a", "10.0.0.1", greet);
      const holder = simulation.clientOf(0);
      const lost = simulation.clientOf(1);
      const behind = simulation.clientOf(0);
      assert.deepEqual([holder.text, simulation.pool.waiting], ["hello", 2]);
      const dying = simulation.scheduler.living[1]!;
      dying.stop(A_WHILE);
      holder.abort();
      simulation.pass(A_WHILE / 2);
      dying.pointsLeft = 0;
      simulation.pass(A_WHILE);
      assert.equal(lost.ending, "ECONNRESET");
      assert.match(simulation.warnings.splice(0).join(), /worker thread 2 has died with 1 connections/);
      assert.equal(behind.text, "hello");
    }));

  it("turns a silent waiter of another thread away, which sleeps, when a newcomer takes its place", () =>
    inSimulation({ ...ONE_PERMIT, pool: { concurrency: 0, queue: 2 } }, (simulation) => {
      const silent = simulation.clientOf(0);
      const patient = simulation.clientOf(1);
      silent.fin();
      simulation.settle();
      assert.deepEqual([simulation.pool.waiting, simulation.pool.silentWaiters], [2, 1]);
      simulation.clientOf(1);
      simulation.pass(10); // less than the time after which a thread with waiters wakes by itself
      assert.deepEqual([silent.ending, patient.ending], ["fin", ""]);
      const record = simulation.records.find(({ cause }) => cause === "queue-full");
      assert.deepEqual([record?.endedBy, record?.phase], ["balancer", "unavailable"]);
      assert.equal(simulation.pool.waiting, 2);
    }));

  it("turns a silent waiter away though the thread dies that has taken its place, and loses none with its own thread", () =>
    inSimulation({ ...ONE_PERMIT, pool: { concurrency: 0, queue: 2 } }, (simulation) => {
      const silent = simulation.clientOf(0);
      simulation.clientOf(1);
      silent.fin();
      simulation.settle();
      simulation.scheduler.living[0]!.stop(A_WHILE);
      simulation.clientOf(1);
      assert.equal(simulation.pool.lost, 1);
      const dying = simulation.scheduler.living[1]!;
      dying.pointsLeft = 0;
      simulation.pass(2 * A_WHILE);
      assert.match(simulation.warnings.splice(0).join(), /worker thread 2 has died with 2 connections/);
      assert.equal(silent.ending, "fin");
      assert.deepEqual([simulation.pool.lost, simulation.pool.waiting], [0, 0]);
    }));

  it("forgets who has lost a place when its thread dies before it knows", () =>
    inSimulation({ ...ONE_PERMIT, pool: { concurrency: 0, queue: 2 } }, (simulation) => {
      const silent = simulation.clientOf(0);
      simulation.clientOf(1);
      silent.fin();
      simulation.settle();
      const dying = simulation.scheduler.living[0]!;
      dying.stop(A_WHILE);
      simulation.clientOf(1);
      assert.equal(simulation.pool.lost, 1);
      dying.pointsLeft = 0;
      simulation.pass(2 * A_WHILE);
      assert.match(simulation.warnings.splice(0).join(), /worker thread 1 has died with 1 connections/);
      assert.deepEqual([simulation.pool.lost, simulation.pool.waiting], [0, 2]);
    }));
});
