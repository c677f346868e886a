import assert from "node:assert/strict";
import { describe, it } from "node:test";
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
