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
});
