/** A simulation with one relay that stays, for tests of what ends such a one. */
import assert from "node:assert/strict";
import type { Peer } from "../../../support/kernel/peers/peer.ts";
import { inSimulation, type Simulation } from "./simulation.ts";

export type RelayTest = (simulation: Simulation, client: Peer, served: Peer) => void;

/** `age`: ms that it has lasted when the test begins. `keepalive`: the engine's, ms. */
export function inRelay(age: number, keepalive: number, test: RelayTest): Promise<void> {
  return inSimulation({ engine: { keepalive } }, (simulation) => {
    let served: Peer | undefined;
    simulation.target("a", "10.0.0.1", (peer) => {
      served = peer;
    });
    const client = simulation.client().say("hello");
    simulation.pass(age);
    assert.equal(served?.text, "hello");
    test(simulation, client, served!);
  });
}
