/** Clients whom a handler in the main thread answers, on the simulated kernel. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { UnavailableHandler } from "../../../src/proxy/unavailable.ts";
import { until } from "../../support/wait.ts";
import { inSimulation, type Simulation } from "./simulation/simulation.ts";

describe("linux engine, answers of a handler", () => {
  it("resets a client to whose handler it cannot connect", () => {
    let calls = 0;
    const unavailable = () => void calls++;
    return inSimulation({ engine: { threads: 1, unavailable } }, (simulation) => {
      simulation.kernel.network.route("127.0.0.1", "refuse");
      const client = simulation.client();
      simulation.settle();
      assert.equal(client.ending, "ECONNRESET");
      assert.deepEqual([simulation.records[0]?.cause, calls], ["no-targets", 0]);
    });
  });

  it("bring a lost client's last words and its end to the handler, not a reset that could overtake them", () => {
    const told: string[] = [];
    const unavailable: UnavailableHandler = (_error, socket) => {
      told.push("called");
      socket.on("data", (part: Buffer) => void told.push(String(part)));
      for (const event of ["end", "error", "close"]) socket.on(event, () => void told.push(event));
      return new Promise<void>((resolve) => void socket.on("end", resolve));
    };
    return inSimulation({ engine: { threads: 1, unavailable } }, async (simulation) => {
      const client = simulation.client();
      await soon(simulation, () => told.includes("called"));
      client.say("tea").reset();
      await soon(simulation, () => told.includes("close"));
      assert.deepEqual(told, ["called", "tea", "end", "close"]);
    });
  });

  it("end with a reset where the handler destroys its socket", () => {
    const unavailable: UnavailableHandler = (_error, socket) => void socket.destroy();
    return inSimulation({ engine: { threads: 1, unavailable } }, async (simulation) => {
      const client = simulation.client();
      await soon(simulation, () => client.ending !== "");
      assert.equal(client.ending, "ECONNRESET");
    });
  });
});

/** Takes turns with the handler's socket, whose events are tasks of this process. */
function soon(simulation: Simulation, done: () => boolean): Promise<boolean> {
  return until("the simulated machine and the handler", () => {
    simulation.settle();
    return done();
  });
}
