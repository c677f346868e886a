/** How a relay leaves its target whose FIN came first: by a reset where the pool wants that and nothing can be lost, by a FIN otherwise. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TargetSocketOptions } from "../../../src/net/socket-options.ts";
import type { Peer } from "../../support/kernel/peers/peer.ts";
import { StreamPattern } from "../../support/kernel/peers/stream-pattern.ts";
import { inSimulation, type Simulation } from "./simulation/simulation.ts";

const UPLOAD = 3_000_000;

/** A relay that stands, and both its peers. */
function relayed(sockets: TargetSocketOptions, test: (simulation: Simulation, client: Peer, served: Peer) => void) {
  // All that a client sends finds room in the balancer's kernel, and not in the target's.
  const kernel = { sendBuffer: 2 * UPLOAD, receiveBuffer: 100_000 };
  return inSimulation({ kernel, engine: { threads: 1, sockets } }, (simulation) => {
    let served: Peer | undefined;
    simulation.target("a", "10.0.0.1", (peer) => {
      served = peer;
    });
    const client = simulation.client().say("request");
    simulation.settle();
    assert.equal(served?.text, "request");
    test(simulation, client, served!);
  });
}

/** Of the engine's end. */
const resetSent = (served: Peer) => served.endpoint.peer!.wasReset;

describe("a target that finishes first", () => {
  it("is left by a reset when the client finishes as well", () =>
    relayed({ close: "reset" }, (simulation, client, served) => {
      served.say("answer").fin();
      simulation.settle();
      assert.deepEqual([client.text, client.ending], ["answer", "fin"]);
      client.fin();
      simulation.settle();
      assert.deepEqual([resetSent(served), client.error], [true, null]);
      const [record] = simulation.records;
      assert.deepEqual([record?.endedBy, record?.cause], ["target", "fin"]);
    }));

  it("is left by a FIN unless the pool says otherwise", () =>
    relayed({}, (simulation, client, served) => {
      served.say("answer").fin();
      simulation.settle();
      client.fin();
      simulation.settle();
      assert.deepEqual([resetSent(served), served.ending], [false, "fin"]);
    }));

  it("gets all that the client sends after it, and a FIN", () =>
    relayed({ close: "reset" }, (simulation, client, served) => {
      served.expect(new StreamPattern(1)).say("go on").fin();
      simulation.settle();
      client.send(new StreamPattern(1), UPLOAD, 0).fin();
      simulation.pass(10_000);
      assert.deepEqual([served.received, served.ending], ["request".length + UPLOAD, "fin"]);
    }));

  it("gets what it had not acknowledged, and a FIN", () =>
    relayed({ close: "reset" }, (simulation, client, served) => {
      served.expect(new StreamPattern(1)).pause();
      client.send(new StreamPattern(1), UPLOAD, 0);
      simulation.settle();
      assert.ok(served.endpoint.peer!.unacknowledged > 0);
      served.fin();
      simulation.settle();
      client.fin();
      simulation.settle();
      served.resume();
      simulation.pass(10_000);
      assert.deepEqual([served.received, served.ending], ["request".length + UPLOAD, "fin"]);
    }));

  it("is left by a FIN where the pool came to want resets only after that", () =>
    relayed({}, (simulation, client, served) => {
      served.fin();
      simulation.settle();
      simulation.scheduler.asMain(() =>
        simulation.engine.changePool({ ...simulation.served, sockets: { close: "reset" } }),
      );
      simulation.settle();
      client.fin();
      simulation.settle();
      assert.deepEqual([resetSent(served), served.ending], [false, "fin"]);
    }));
});

it("a client that finishes first gets what the target says after that, whatever the pool wants", () =>
  relayed({ close: "reset" }, (simulation, client, served) => {
    client.fin();
    simulation.settle();
    assert.equal(served.ending, "fin");
    served.say("late answer").fin();
    simulation.settle();
    assert.deepEqual([client.text, client.ending, resetSent(served)], ["late answer", "fin", false]);
  }));
