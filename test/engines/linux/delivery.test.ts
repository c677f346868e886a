/** What an end had sent before it failed reaches the other one before that is reset. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Peer } from "../../support/kernel/peers/peer.ts";
import { StreamPattern } from "../../support/kernel/peers/stream-pattern.ts";
import { Simulation, type SimulationOptions } from "./simulation/simulation.ts";

const SENT = 1_500_000;
/** Less than the buffers on the way hold, so that a peer may reset behind it though nobody reads. */
const HELD = 500_000;

/** An engine with one target, and one client that is connected to it. */
async function inSimulation(options: SimulationOptions, test: (s: Simulation, client: Peer, served: Peer) => void) {
  const simulation = new Simulation(options);
  await simulation.start();
  let served: Peer | undefined;
  simulation.target("a", "10.0.0.1", (peer) => {
    served = peer;
  });
  const client = simulation.client();
  simulation.pass(100);
  assert.ok(served);
  test(simulation, client, served);
  client.close();
  simulation.pass(100);
  await simulation.close(0);
  assert.equal(simulation.pool.active, 0);
  assert.equal(simulation.view("a").active, 0);
  assert.deepEqual(simulation.kernel.descriptors.list(), []);
  assert.deepEqual(simulation.scheduler.deaths, []);
}

for (const [side, other] of [
  ["target", "client"],
  ["client", "target"],
] as const) {
  const pick = (of: typeof side | typeof other, client: Peer, served: Peer) => (of === "client" ? client : served);

  describe(`a ${side} that resets behind ${SENT} bytes`, () => {
    it(`the ${other} reads them all, then the reset`, () =>
      // All have reached us when the reset comes: what the sender's own kernel still has is gone with it.
      inSimulation({ kernel: { receiveBuffer: 2 * SENT } }, (simulation, client, served) => {
        const from = pick(side, client, served);
        const to = pick(other, client, served).expect(new StreamPattern(1));
        from.send(new StreamPattern(1), SENT, 0).reset();
        simulation.pass(1_000);
        assert.equal(to.received, SENT);
        assert.equal(to.ending, "ECONNRESET");
        const [record] = simulation.records;
        assert.deepEqual([record?.endedBy, record?.cause], [side, "reset"]);
        assert.equal(side === "client" ? record?.bytesIn : record?.bytesOut, SENT);
      }));

    it(`the ${other} does, though it reads late and a little at a time`, () =>
      inSimulation({ kernel: { receiveBuffer: 100_000, sendBuffer: 300_000 } }, (simulation, client, served) => {
        const from = pick(side, client, served);
        const to = pick(other, client, served).expect(new StreamPattern(1)).pause();
        from.send(new StreamPattern(1), SENT, 0);
        simulation.pass(1_000);
        const sent = from.sent;
        assert.ok(sent > 0 && sent < SENT, `${sent} bytes wait`);
        from.abort();
        for (let i = 0; i < 12; i++) {
          to.resume(25_000);
          simulation.pass(2_000);
        }
        to.resume();
        simulation.pass(1_000);
        // What the sender's own kernel had not sent is gone with its reset; what we had acknowledged is not.
        const { bytesIn, bytesOut } = simulation.records[0]!;
        const read = side === "client" ? bytesIn : bytesOut;
        assert.ok(read > 300_000, `${read} were read`);
        assert.equal(to.received, read);
        assert.equal(to.ending, "ECONNRESET");
      }));

    it(`the ${other} that takes none of them is given up`, () =>
      inSimulation({}, (simulation, client, served) => {
        const to = pick(other, client, served).pause();
        pick(side, client, served).send(new StreamPattern(1), HELD, 0).reset();
        simulation.pass(9_000);
        assert.equal(simulation.records.length, 0);
        assert.equal(simulation.pool.active, 1);
        simulation.pass(3_000);
        assert.equal(simulation.records.length, 1);
        assert.equal(to.ending, "ECONNRESET");
      }));
  });
}

describe("a delivery", () => {
  it("is over when the other end fails as well", () =>
    inSimulation({}, (simulation, client, served) => {
      client.pause();
      served.send(new StreamPattern(1), HELD, 0).reset();
      simulation.pass(1_000);
      assert.equal(simulation.records.length, 0);
      client.abort();
      simulation.pass(100);
      assert.equal(simulation.records.length, 1);
      assert.equal(simulation.records[0]?.endedBy, "target");
    }));

  it("ends with a stop's time-out", () =>
    inSimulation({}, (simulation, client, served) => {
      client.pause();
      served.send(new StreamPattern(1), HELD, 0).reset();
      simulation.pass(1_000);
      simulation.scheduler.asMain(() => void simulation.engine.close(500));
      simulation.pass(1_000);
      assert.equal(simulation.records.length, 1);
    }));

  it("goes on when a write has met the reset before a read did", () =>
    inSimulation({}, (simulation, client, served) => {
      client.expect(new StreamPattern(1));
      for (const thread of simulation.scheduler.living) thread.stop(50);
      client.say("still here"); // the first event of the batch
      simulation.pass(10);
      served.send(new StreamPattern(1), 5_000, 0).reset();
      simulation.pass(1_000);
      assert.equal(client.received, 5_000);
      assert.equal(client.ending, "ECONNRESET");
    }));
});
