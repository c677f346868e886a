/** Small messages beside streams that have much to move. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PIPE_BYTES } from "../../../src/engines/linux/worker/pipe.ts";
import { CLIENT, TARGET } from "../../../src/proxy/record.ts";
import type { Call } from "../../support/kernel/kernel.ts";
import type { Peer } from "../../support/kernel/peers/peer.ts";
import { StreamPattern } from "../../support/kernel/peers/stream-pattern.ts";
import { inSimulation, type Simulation } from "./simulation/simulation.ts";

const STREAMS = 5;
const FIRST = 3_000_000;
/** More than a turn moves. */
const MORE = 1_300_000;
const ROOMY = { kernel: { sendBuffer: 4_000_000, receiveBuffer: 4_000_000 }, engine: { threads: 1 } };

interface Pair {
  readonly client: Peer;
  readonly target: Peer;
}

/** Connections, and a thread that has to find out about all that comes next at once. */
function connect(simulation: Simulation, count: number): Pair[] {
  const targets: Peer[] = [];
  simulation.target("a", "10.0.0.1", (peer) => void targets.push(peer));
  return Array.from({ length: count }, (_, i) => {
    const client = simulation.client();
    simulation.settle();
    return { client, target: targets[i]! };
  });
}

/** What came between one look at the events and the next. */
function turns(trace: readonly Call[]): Call[][] {
  const found: Call[][] = [[]];
  for (const call of trace) {
    if (call.name === "epoll_wait") found.push([]);
    else found.at(-1)!.push(call);
  }
  return found;
}

describe("linux engine, beside streams that have much to move", () => {
  it("moves small messages first, and looks for more of them after a part of a pipe's worth", () =>
    inSimulation(ROOMY, (simulation) => {
      const { kernel, scheduler } = simulation;
      const [small, ...streams] = connect(simulation, STREAMS + 1) as [Pair, ...Pair[]];
      for (const [i, { client, target }] of streams.entries()) {
        client.expect(new StreamPattern(i));
        target.send(new StreamPattern(i), FIRST, 0);
      }
      simulation.settle();
      const { slots } = scheduler.threads[0]!;
      for (const { client } of streams) assert.ok(slots.streak(simulation.slotOf(client, 0), TARGET) > 0, "is busy");
      const fd = slots.fd(simulation.slotOf(small.client, 0), TARGET);
      assert.equal(slots.streak(simulation.slotOf(small.client, 0), CLIENT), 0);

      for (const thread of scheduler.living) thread.stop(50);
      for (const [i, { target }] of streams.entries()) target.send(new StreamPattern(i), MORE, FIRST);
      simulation.pass(10);
      small.client.say("ping");
      kernel.trace = [];
      simulation.pass(100);
      const taken = turns(kernel.trace);
      kernel.trace = null;

      assert.equal(small.target.text, "ping");
      for (const { client } of streams) assert.equal(client.received, FIRST + MORE);
      const first = taken.find((calls) => calls.length > 0)!;
      const said = first.findIndex((call) => call.name === "send" && call.fd === fd);
      assert.ok(said >= 0, "the message is moved in the first turn");
      assert.ok(!first.slice(0, said).some(({ name }) => name === "splice"), "before all streams");
      for (const calls of taken) {
        const moved = calls.reduce((sum, { name, result }) => (name === "splice" ? sum + Math.max(0, result) : sum), 0);
        assert.ok(moved / 2 <= PIPE_BYTES / 2, `${moved / 2} bytes in one turn, and somebody may be waiting`);
      }
    }));
});
