import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as abi from "../../../src/engines/linux/sys/abi.ts";
import { amount } from "../../support/amount.ts";
import type { Peer } from "../../support/kernel/peers/peer.ts";
import { StreamPattern } from "../../support/kernel/peers/stream-pattern.ts";
import { Simulation } from "./simulation/simulation.ts";

const hello = (peer: Peer): void => void peer.say("hello").fin();

describe("an engine on the simulated kernel", () => {
  it("relays", async () => {
    const simulation = new Simulation();
    await simulation.start();
    simulation.target("a", "10.0.0.1", hello);
    const client = simulation.client().say("hi").fin();
    simulation.settle();
    simulation.pass(100);
    assert.equal(client.text, "hello");
    assert.equal(client.ending, "fin");
    assert.equal(simulation.records.length, 1);
    assert.equal(simulation.records[0]?.bytesIn, 2);
    assert.equal(simulation.records[0]?.bytesOut, 5);
    await simulation.close(0);
    assert.deepEqual(simulation.kernel.descriptors.list(), []);
    assert.deepEqual(simulation.scheduler.deaths, []);
  });

  it("listens for the end of the process while a thread runs, and no longer", async () => {
    const listeners = () => process.listenerCount("exit");
    const before = listeners();
    for (const threads of [1, 2]) {
      const simulation = new Simulation({ engine: { threads } });
      await simulation.start();
      assert.equal(listeners(), before + 1);
      simulation.pass(2_000); // a worker that dies young is not replaced at once
      simulation.engine.crashWorker(0);
      simulation.pass(10);
      assert.equal(listeners(), before + 1);
      await simulation.close(0);
      assert.equal(listeners(), before);
    }
  });

  it("holds a family that this host has not against the target, not against itself", async () => {
    const simulation = new Simulation();
    await simulation.start();
    simulation.target("a", "10.0.0.1", hello);
    simulation.kernel.faults.fail("socket", abi.EAFNOSUPPORT);
    const client = simulation.client();
    simulation.pass(100);
    assert.equal(client.ending, "fin");
    assert.equal(simulation.records[0]?.cause, "connect-failed");
    assert.deepEqual(simulation.warnings, []);
    assert.equal(simulation.pool.suspects().length, 1);
    await simulation.close(0);
  });

  it("gets past an urgent byte in a stream that is spliced", async () => {
    const simulation = new Simulation();
    await simulation.start();
    const stream = new StreamPattern(1);
    const served: Peer[] = [];
    simulation.target("a", "10.0.0.1", (peer) => served.push(peer.expect(stream)));
    const client = simulation.client().send(stream, 2_000_000, 0).urgent().send(stream, 500_000, 2_000_000).fin();
    simulation.pass(100);
    assert.equal(served[0]!.received, 2_500_000);
    assert.equal(served[0]!.ending, "fin");
    assert.equal(client.error, null);
    client.close();
    simulation.pass(100);
    await simulation.close(0);
  });

  it("resets what a dead worker had open, so that nothing that was cut looks complete", async () => {
    const simulation = new Simulation({ engine: { threads: 1 } });
    await simulation.start();
    const served: Peer[] = [];
    simulation.target("a", "10.0.0.1", (peer) => served.push(peer.say("the beginning")));
    const client = simulation.client();
    simulation.pass(10);
    assert.equal(client.text, "the beginning");
    const { allocated } = simulation.kernel;
    simulation.engine.crashWorker(0);
    simulation.pass(10);
    assert.equal(simulation.kernel.allocated, allocated, "what is allocated is never freed");
    assert.equal(client.ending, "ECONNRESET");
    assert.equal(served[0]!.ending, "ECONNRESET");
    assert.equal(simulation.records.length, 1);
    await simulation.close(0);
  });

  it("leaves no client hanging whose worker dies between its accept and anything else", async () => {
    for (let points = 0; points < amount(25); points++) {
      const simulation = new Simulation({ engine: { threads: 1 } });
      await simulation.start();
      simulation.pass(2_000); // a worker that dies young is not replaced at once
      simulation.target("a", "10.0.0.1", hello);
      const client = simulation.client();
      simulation.scheduler.threads[0]!.pointsLeft = points;
      simulation.pass(10_000);
      assert.notEqual(client.ending, "", `after ${points} points`);
      client.close();
      simulation.pass(1_000);
      assert.equal(simulation.records.length, simulation.kernel.accepted, `after ${points} points`);
      await simulation.close(0);
      assert.deepEqual(simulation.kernel.descriptors.list(), [], `after ${points} points`);
    }
  });

  it("loses no turn of the queue, wherever a worker dies that grants one or is granted one", async () => {
    for (let points = 0; points < amount(60); points++) {
      for (const dying of [0, 1]) {
        const simulation = new Simulation({ engine: { threads: 2 }, pool: { concurrency: 1 } });
        await simulation.start();
        simulation.pass(2_000); // a worker that dies young is not replaced at once
        const served: Peer[] = [];
        simulation.target("a", "10.0.0.1", (peer) => served.push(peer.say("hello")));
        const clients = Array.from({ length: 12 }, () => simulation.client());
        simulation.pass(10);
        simulation.scheduler.threads[dying]!.pointsLeft = points;
        for (let i = 0; i < clients.length && served.length > i; i++) {
          served[i]!.fin();
          clients.find((client) => client.text === "hello" && !client.finOrdered)?.fin();
          simulation.pass(20);
        }
        for (const client of clients) {
          if (client.ending !== "ECONNRESET") assert.equal(client.text, "hello", `worker ${dying}, ${points} points`);
        }
        assert.deepEqual([simulation.pool.active, simulation.pool.waiting], [0, 0]);
        await simulation.close(0);
      }
    }
  });

  it("relays a lot", async () => {
    const simulation = new Simulation({ kernel: { delay: [0.1, 2] }, threads: { turnMs: 0.05, preemption: 0.01 } });
    await simulation.start();
    const served: Peer[] = [];
    simulation.target("a", "10.0.0.1", (peer) => {
      served.push(peer);
      peer.expect(new StreamPattern(1)).send(new StreamPattern(2), 5_000_000, 0).fin();
    });
    const client = simulation.client().expect(new StreamPattern(2)).send(new StreamPattern(1), 20_000_000, 0).fin();
    simulation.pass(60_000);
    assert.equal(client.ending, "fin");
    assert.equal(client.received, 5_000_000);
    assert.equal(served[0]!.received, 20_000_000);
    assert.equal(simulation.records.length, 1);
    await simulation.close(0);
    assert.deepEqual(simulation.kernel.descriptors.list(), []);
  });
});
