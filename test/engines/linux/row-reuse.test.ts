/** What records say of a target whose row another one has by the time they are read: on the simulated kernel. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Peer } from "../../support/kernel/peers/peer.ts";
import { inSimulation, type Simulation } from "./simulation/simulation.ts";

/** A client that has been served by it. */
function served(simulation: Simulation): Peer {
  const client = simulation.client();
  simulation.pass(10);
  assert.equal(client.text, "hello");
  return client;
}

describe("records of the linux engine", () => {
  it("name the target that served, though another one has its row by the time they are read", () =>
    inSimulation({ engine: { threads: 1 } }, (simulation) => {
      const { pool, records, scheduler } = simulation;
      simulation.target("left", "10.0.0.1", (peer: Peer) => void peer.say("hello"));
      const [before, client] = [served(simulation), served(simulation)];
      before.abort();
      while (records.length === 0) simulation.pass(1); // they are read at intervals from here on
      const row = pool.row("left");
      scheduler.asMain(() => pool.remove("left"));
      client.abort();
      while (pool.row("left") >= 0) simulation.pass(1);
      simulation.announce("came", "10.0.0.2");
      assert.equal(pool.row("came"), row);
      simulation.pass(100);
      assert.deepEqual(
        records.map(({ target }) => target),
        ["left", "left"],
      );
    }));
});
