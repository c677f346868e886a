/** A peer that has vanished without a word is noticed in bounded time, on both sides. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Peer } from "../../support/kernel/peers/peer.ts";
import { Simulation } from "./simulation/simulation.ts";

async function inSimulation(keepalive: number, test: (s: Simulation, client: Peer, served: Peer) => void) {
  const simulation = new Simulation({ engine: { keepalive } });
  await simulation.start();
  let served: Peer | undefined;
  simulation.target("a", "10.0.0.1", (peer) => {
    served = peer;
  });
  const client = simulation.client().say("hello");
  simulation.pass(5_000); // it is one that stays
  assert.equal(served?.text, "hello");
  test(simulation, client, served!);
  await simulation.close(0);
}

for (const side of ["client", "target"] as const) {
  describe(`a ${side} that has vanished`, () => {
    it("is given up after the time of --keepalive", () =>
      inSimulation(60_000, (simulation, client, served) => {
        (side === "client" ? client : served).cut();
        simulation.pass(54_000);
        assert.equal(simulation.records.length, 0);
        simulation.pass(8_000);
        assert.equal(simulation.records.length, 1);
        assert.equal(simulation.records[0]?.endedBy, side);
      }));

    it("is given up after another time", () =>
      inSimulation(12_000, (simulation, client, served) => {
        (side === "client" ? client : served).cut();
        simulation.pass(6_000);
        assert.equal(simulation.records.length, 0);
        simulation.pass(8_000);
        assert.equal(simulation.records.length, 1);
      }));

    it("is never missed without keepalive", () =>
      inSimulation(0, (simulation, client, served) => {
        (side === "client" ? client : served).cut();
        simulation.pass(24 * 3600_000);
        assert.equal(simulation.records.length, 0);
      }));
  });
}

it("a peer that is merely silent, or does not read, is left alone", () =>
  inSimulation(12_000, (simulation, client, served) => {
    client.pause();
    served.say("x".repeat(3_000_000));
    simulation.pass(3600_000);
    assert.equal(simulation.records.length, 0);
  }));
