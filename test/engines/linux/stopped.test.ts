/** A thread whose process was stopped (SIGSTOP, a suspended machine) in the middle of a turn. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CallName } from "../../../src/engines/linux/sys/libc.ts";
import type { Peer } from "../../support/kernel/peers/peer.ts";
import { inSimulation, type Simulation } from "./simulation/simulation.ts";

const IDLE_MS = 3_000;
const STOP_MS = 20_000;
const OPTIONS = { kernel: { delay: [10, 10] as const }, engine: { threads: 1, idleTimeout: IDLE_MS } };

/** The process is stopped before each such call that is made, so often. */
function stopBefore({ kernel }: Simulation, call: CallName, times: number): void {
  const { beforeCall } = kernel;
  kernel.beforeCall = (name, fd) => {
    if (name === call && times-- > 0) kernel.clock.advance(STOP_MS);
    beforeCall?.(name, fd);
  };
}

function connect(simulation: Simulation): { client: Peer; target: () => Peer } {
  const accepted: Peer[] = [];
  simulation.target("a", "10.0.0.1", (peer) => void accepted.push(peer));
  const client = simulation.client();
  simulation.pass(1_000);
  return { client, target: () => accepted[0]! };
}

describe("linux engine, stopped in the middle of a turn", () => {
  it("holds it against nobody whom that turn has heard", () =>
    inSimulation(OPTIONS, (simulation) => {
      const { client, target } = connect(simulation);
      stopBefore(simulation, "recv", 1);
      client.say("a question");
      simulation.pass(15); // and STOP_MS in the turn that hears it
      simulation.client(); // wakes the thread before the target can have answered
      simulation.pass(50);
      assert.equal(target().text, "a question");
      target().say("an answer");
      simulation.pass(IDLE_MS - 1_000);
      assert.equal(client.text, "an answer");
      assert.deepEqual(simulation.records, []);
      simulation.pass(2_000);
      assert.deepEqual(
        simulation.records.map(({ cause }) => cause),
        ["idle", "idle"],
      );
    }));

  it("tries a target whose connection was begun in that turn for longer than that", () =>
    inSimulation(OPTIONS, (simulation) => {
      stopBefore(simulation, "connect", 1);
      const { client, target } = connect(simulation);
      simulation.pass(STOP_MS);
      assert.ok(target() !== undefined);
      assert.equal(simulation.view("a").failures, 0);
      client.fin();
      target().fin();
      simulation.pass(1_000);
    }));

  it("judges all the same when every turn is that slow", () =>
    inSimulation(OPTIONS, (simulation) => {
      const { client } = connect(simulation);
      stopBefore(simulation, "epoll_wait", 20);
      simulation.pass(5 * STOP_MS);
      assert.equal(simulation.records[0]?.cause, "idle");
      assert.equal(client.ending, "ECONNRESET");
    }));
});
