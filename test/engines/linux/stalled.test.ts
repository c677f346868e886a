/** Clients that have stopped reading: what they hold, what others have of the splicing meanwhile, and what comes back. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EAGAIN } from "../../../src/engines/linux/sys/abi.ts";
import { BUFFER_BYTES } from "../../../src/engines/linux/worker/shard.ts";
import { TARGET } from "../../../src/proxy/record.ts";
import { ENOPROTOOPT } from "../../support/kernel/numbers.ts";
import type { Peer } from "../../support/kernel/peers/peer.ts";
import { StreamPattern } from "../../support/kernel/peers/stream-pattern.ts";
import { inSimulation, type Simulation, type SimulationOptions } from "./simulation/simulation.ts";

const MANY = 100;
const MUCH = 6_000_000;
/** Buffers that let a stream grow to whole pipes. */
const ROOMY: SimulationOptions = {
  kernel: { sendBuffer: 2_000_000, receiveBuffer: 1_000_000 },
  engine: { threads: 1 },
};
/** Write buffers that keep their memory. */
const KEPT = 8;

class Streams {
  readonly simulation: Simulation;
  readonly clients: Peer[] = [];
  readonly #served: Peer[] = [];

  constructor(simulation: Simulation) {
    this.simulation = simulation;
    simulation.target("a", "10.0.0.1", (peer) => void this.#served.push(peer));
  }

  /**
   * A client to which a stream of its own is sent, of which it reads by itself no more than `reads` bytes, and its system
   * holds no more than `holds`.
   */
  begin(reads = Number.POSITIVE_INFINITY, bytes = MUCH, holds?: number): Peer {
    const pattern = new StreamPattern(1 + this.clients.length);
    const { address, internet } = this.simulation;
    const options = holds === undefined ? {} : { receiveBuffer: holds };
    const client = internet.client(address, undefined, options);
    client.expect(pattern).pause().resume(reads);
    this.simulation.settle();
    this.clients.push(client);
    this.#served.at(-1)!.send(pattern, bytes, 0).fin();
    this.simulation.settle();
    return client;
  }

  get pipes(): number {
    return this.simulation.kernel.descriptors.list().filter((file) => file.endsWith("pipe")).length / 2;
  }
}

/** What one client's stream came to: bytes that were spliced to it, and the largest piece. */
function spliced(simulation: Simulation, work: () => void): { total: number; largest: number } {
  const { kernel } = simulation;
  kernel.trace = [];
  work();
  const moved = kernel.trace.filter(({ name, result }) => name === "splice" && result > 0).map(({ result }) => result);
  kernel.trace = null;
  return { total: moved.reduce((sum, result) => sum + result, 0) / 2, largest: Math.max(0, ...moved) };
}

describe("linux engine, clients that have stopped reading", () => {
  it("take no pipe, and little memory", () =>
    inSimulation(ROOMY, (simulation) => {
      const streams = new Streams(simulation);
      const before = simulation.kernel.allocated;
      for (let i = 0; i < MANY; i++) streams.begin(2_000_000);
      assert.equal(streams.pipes, 1);
      const held = simulation.kernel.allocated - before;
      assert.ok(held <= MANY * BUFFER_BYTES, `${held} bytes`);
      let sent = 0;
      const { total, largest } = spliced(simulation, () => {
        sent = streams.begin().received;
      });
      assert.equal(sent, MUCH);
      assert.ok(total > 0.8 * MUCH, `${total} of ${MUCH} were spliced`);
      assert.ok(largest > 500_000, `in pieces of ${largest} at most`);
    }));

  it("get all of it once they read again", () =>
    inSimulation(ROOMY, (simulation) => {
      const streams = new Streams(simulation);
      for (let i = 0; i < 20; i++) streams.begin(100_000 * i);
      for (const client of streams.clients) client.resume();
      simulation.settle();
      for (const client of streams.clients) assert.deepEqual([client.received, client.ending], [MUCH, "fin"]);
    }));

  it("leave memory that is given back, but for a few buffers, and is used again", () =>
    inSimulation({ kernel: { sendBuffer: 8_192 }, engine: { threads: 1, keepalive: 0 } }, (simulation) => {
      const { kernel } = simulation;
      const streams = new Streams(simulation);
      const bytes = 60_000; // one read, of which the client's system takes a part
      for (let round = 1; round <= 3; round++) {
        const before = kernel.givenBack;
        for (let i = 0; i < 40; i++) streams.begin(0, bytes, 8_192);
        const { slots } = simulation.scheduler.threads[0]!;
        let waiting = 0;
        for (const client of streams.clients.slice(-40)) {
          const slot = simulation.slotOf(client, 0);
          if (slots.buffered(slot, TARGET) > 0) waiting++;
        }
        assert.equal(waiting, 40);
        simulation.pass(10_000);
        assert.equal(kernel.givenBack, before, "of what is in use");
        for (const client of streams.clients.slice(-40)) {
          if (round < 3) client.resume();
          else client.abort();
        }
        simulation.settle();
        if (round < 3) for (const client of streams.clients) assert.equal(client.received, bytes);
        simulation.pass(5_000);
        assert.equal(kernel.givenBack - before, (40 - KEPT) * BUFFER_BYTES);
        const calls = kernel.calls;
        simulation.pass(60_000);
        assert.ok(kernel.calls - calls < 5, "and then it sleeps");
      }
      assert.ok(kernel.allocated < 50 * BUFFER_BYTES, "the same memory each time");
    }));

  it("lose nothing when one takes much less than it had room for", () =>
    inSimulation(ROOMY, (simulation) => {
      const { faults } = simulation.kernel;
      const streams = new Streams(simulation);
      faults.fail("splice", EAGAIN, { after: 7 }); // half a pipe is filled for the fourth time, and nothing of it is taken
      simulation.kernel.trace = [];
      const client = streams.begin();
      simulation.pass(1_000);
      assert.equal(faults.pending, 0);
      assert.equal(client.received, MUCH);
      const sizes = simulation.kernel.trace.flatMap(({ name, result }) => (name === "splice" ? [result] : []));
      const refused = sizes.indexOf(-EAGAIN);
      assert.equal(sizes[refused - 1], 8 * BUFFER_BYTES);
      assert.equal(sizes[refused + 1], BUFFER_BYTES, "and the next time it is asked with less");
    }));

  it("are served by a kernel that does not tell how much room there is", () =>
    inSimulation(ROOMY, (simulation) => {
      const streams = new Streams(simulation);
      const stalled = streams.begin(1_000_000);
      simulation.kernel.faults.fail("getsockopt", ENOPROTOOPT, { times: 40 });
      stalled.resume();
      simulation.settle();
      assert.equal(stalled.received, MUCH);
      simulation.kernel.faults.clear();
    }));
});
