/** What moving bytes must keep to, on the simulated kernel: each test is of one way in which it could go wrong unseen. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EPIPE } from "../../../src/engines/linux/sys/abi.ts";
import { TARGET } from "../../../src/proxy/record.ts";
import type { Peer } from "../../support/kernel/peers/peer.ts";
import { StreamPattern } from "../../support/kernel/peers/stream-pattern.ts";
import { inSimulation, type Simulation } from "./simulation/simulation.ts";

/** More than a few full reads: such a stream goes through a pipe. */
const MUCH = 2_000_000;

/** The one connection of a simulation, from both sides. */
function connect(simulation: Simulation): { client: Peer; target: Peer } {
  const accepted: Peer[] = [];
  simulation.target("a", "10.0.0.1", (peer) => void accepted.push(peer));
  const client = simulation.client();
  simulation.settle();
  return { client, target: accepted[0]! };
}

describe("linux engine, relaying", () => {
  it("has no time limit when the idle limit is off", () =>
    inSimulation({ engine: { idleTimeout: 0 } }, (simulation) => {
      const { client, target } = connect(simulation);
      simulation.pass(24 * 3_600_000);
      client.say("still here");
      simulation.settle();
      assert.equal(target.text, "still here");
      assert.deepEqual(simulation.records, []);
    }));

  it("leaves no bytes in the pipe for the next client", () =>
    inSimulation({ engine: { threads: 1 } }, (simulation) => {
      const served: Peer[] = [];
      simulation.target("a", "10.0.0.1", (peer) => void served.push(peer));
      simulation.client();
      simulation.settle();
      simulation.kernel.faults.fail("splice", EPIPE, { after: 1 }); // the pipe is filled, and nobody takes what is in it
      served[0]!.send(new StreamPattern(1), MUCH, 0);
      simulation.settle();
      assert.equal(simulation.kernel.faults.pending, 0);
      simulation.pass(20_000);
      assert.equal(simulation.records.length, 1);
      const next = simulation.client().expect(new StreamPattern(2));
      simulation.settle();
      served[1]!.send(new StreamPattern(2), MUCH, 0).fin();
      simulation.settle();
      assert.deepEqual([next.received, next.ending], [MUCH, "fin"]);
    }));

  for (const amount of [1_000, MUCH]) {
    for (const who of ["client", "target"] as const) {
      it(`passes a reset of the ${who} on as one, behind ${amount} bytes`, () =>
        inSimulation({}, (simulation) => {
          const ends = connect(simulation);
          const other = ends[who === "client" ? "target" : "client"];
          ends[who].send(new StreamPattern(1), amount, 0).reset();
          other.expect(new StreamPattern(1));
          simulation.pass(1_000);
          assert.equal(other.ending, "ECONNRESET", "a cut answer must not pass for a complete one");
          const [record] = simulation.records;
          assert.deepEqual([record?.endedBy, record?.cause], [who, "reset"]);
        }));
    }
  }

  for (const who of ["client", "target"] as const) {
    for (const fin of [true, false]) {
      it(`loses nothing behind an urgent byte of the ${who}${fin ? ", nor the FIN" : ""}`, () =>
        inSimulation({}, (simulation) => {
          const ends = connect(simulation);
          const other = ends[who === "client" ? "target" : "client"];
          ends[who].say("before").urgent().say("after");
          if (fin) ends[who].fin();
          simulation.settle();
          assert.equal(other.text, "beforeafter");
          assert.equal(other.ending, fin ? "fin" : "");
        }));
    }
  }

  it("loses nothing behind an urgent byte in a busy stream, at which a splice says that it ends", () =>
    inSimulation({ engine: { threads: 1 } }, (simulation) => {
      const { client, target } = connect(simulation);
      client.expect(new StreamPattern(1)).pause();
      target.send(new StreamPattern(1), MUCH, 0).urgent().send(new StreamPattern(1), 1_000, MUCH).fin();
      simulation.settle();
      client.resume();
      simulation.pass(20_000);
      assert.deepEqual([client.received, client.ending], [MUCH + 1_000, "fin"]);
    }));

  // In small bites, as a phone far away takes them.
  const BITE = 6_000;

  for (const [what, quickly] of [
    ["copied", 0],
    ["spliced", MUCH / 2],
  ] as const) {
    it(`takes it for activity that a slow reader takes what is left over of what was ${what}`, () => {
      const kernel = { sendBuffer: 8_192, receiveBuffer: 1_000_000 };
      return inSimulation({ kernel, engine: { threads: 1, idleTimeout: 3_000 } }, (simulation) => {
        const { scheduler } = simulation;
        const address = { host: "10.0.0.1", port: 80 };
        const served: Peer[] = [];
        const serve = (peer: Peer) => void served.push(peer);
        simulation.internet.target("a", address, serve, { sendBuffer: 3 * MUCH });
        simulation.announce("a", address.host);
        const client = simulation.internet.client(simulation.address, undefined, { receiveBuffer: 8_192 });
        client.pause().resume(quickly).expect(new StreamPattern(1));
        simulation.settle();
        const total = quickly + 60_000;
        served[0]!.send(new StreamPattern(1), total, 0);
        simulation.settle();
        const slot = simulation.slotOf(client, 0);
        const { slots } = scheduler.threads[0]!;
        assert.equal(slots.bytes(slot, TARGET), total, "all of it has been read");
        assert.ok(slots.buffered(slot, TARGET) > 0, "some of it waits");
        while (client.received < total) {
          const before = client.received;
          client.resume(BITE);
          simulation.pass(1_000);
          assert.deepEqual(simulation.records, [], `ended after ${before} of ${total} bytes`);
          assert.ok(client.received > before);
        }
        simulation.pass(4_000);
        assert.equal(simulation.records[0]?.cause, "idle", "now there is none");
      });
    });
  }

  for (const who of ["client", "target"] as const) {
    it(`sends the FIN of the ${who} to a slow reader behind everything that is still buffered`, () =>
      inSimulation({ kernel: { sendBuffer: 8_192, receiveBuffer: 300_000 } }, (simulation) => {
        const ends = connect(simulation);
        const reader = ends[who === "client" ? "target" : "client"].pause().expect(new StreamPattern(1));
        const total = 3 * 64 * 1024 + 60_000; // the last read is a large one, and has the FIN behind it
        ends[who].send(new StreamPattern(1), total, 0).fin();
        for (let bites = 0; bites < 100 && !reader.finReceived; bites++) {
          reader.resume(BITE);
          simulation.pass(100);
        }
        assert.deepEqual([reader.received, reader.ending], [total, "fin"]);
      }));
  }

  it("splices no longer once a stream has become quiet", () =>
    inSimulation({}, (simulation) => {
      const { client, target } = connect(simulation);
      target.send(new StreamPattern(1), MUCH, 0);
      simulation.settle();
      assert.equal(client.received, MUCH);
      simulation.kernel.trace = [];
      for (let i = 0; i < 5; i++) {
        target.say("now and then");
        simulation.settle();
      }
      const splices = simulation.kernel.trace.filter(({ name, result }) => name === "splice" && result > 0);
      assert.ok(splices.length <= 2, `${splices.length} splices for five small messages`);
    }));

  it("reports nothing of the connection that had the slot before", () => {
    const engine = { threads: 1, requeue: 3, unavailable: new TextEncoder().encode("so sorry") };
    return inSimulation({ engine }, (simulation) => {
      const { kernel, pool, records, scheduler } = simulation;
      kernel.network.route("10.0.0.9", "refuse");
      simulation.announce("dead", "10.0.0.9", { weight: 1_000 });
      simulation.target("a", "10.0.0.1", (peer) => {
        peer.say("hello");
        kernel.clock.after(2_000, () => void peer.fin()); // long enough that bytes are reported while it is open
      });
      scheduler.asMain(() => pool.setConcurrency(0));
      const first = simulation.client().say("how are you").fin();
      simulation.pass(1_000);
      const slot = simulation.slotOf(first, 0);
      scheduler.asMain(() => pool.setConcurrency(-1));
      simulation.poolChanged();
      simulation.pass(3_000);
      const { bytesIn, bytesOut, queuedMs, requeues } = records[0]!;
      assert.deepEqual({ bytesIn, bytesOut, requeues }, { bytesIn: 11, bytesOut: 5, requeues: 1 });
      assert.ok(queuedMs >= 1_000);

      /** The record of a client that gets the same slot and says nothing, but for what is its own in any case. */
      const next = () => {
        for (;;) {
          const client = simulation.client();
          simulation.settle();
          const same = simulation.slotOf(client, 0) === slot;
          simulation.pass(3_000);
          client.fin();
          simulation.pass(100);
          const { client: _, listener: __, startedAt: ___, ...record } = records.at(-1)!;
          if (same) return record;
        }
      };
      const nothing = { pool: "simulated", bytesIn: 0, queuedMs: 0, tried: [], requeues: 0 };
      const served = {
        target: "a",
        phase: "relay",
        endedBy: "target",
        cause: "fin",
        bytesOut: 5,
        connectMs: 0,
        firstByteMs: 0,
      };
      assert.deepEqual(next(), { ...nothing, ...served, durationMs: 3_000 });
      const { bytesIn: reportedIn, bytesOut: reportedOut, total } = simulation.view("a");
      assert.deepEqual([reportedIn, reportedOut], [11, 5 * total]);

      for (const name of ["a", "dead"]) scheduler.asMain(() => pool.remove(name));
      const refused = {
        phase: "unavailable",
        endedBy: "balancer",
        cause: "no-targets",
        connectMs: null,
        firstByteMs: null,
      };
      assert.deepEqual(next(), { ...nothing, ...refused, target: null, bytesOut: 8, durationMs: 3_000 });
    });
  });
});
