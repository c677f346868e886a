/** A peer that has vanished without a word is noticed in bounded time, on both sides. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inRelay } from "./simulation/in-relay.ts";

/** ms of a relay when its test begins: it is one that stays. */
const AGE = 5_000;

for (const side of ["client", "target"] as const) {
  describe(`a ${side} that has vanished`, () => {
    it("is given up after the time of --keepalive", () =>
      inRelay(AGE, 60_000, (simulation, client, served) => {
        (side === "client" ? client : served).cut();
        simulation.pass(54_000);
        assert.equal(simulation.records.length, 0);
        simulation.pass(8_000);
        assert.equal(simulation.records.length, 1);
        assert.equal(simulation.records[0]?.endedBy, side);
      }));

    it("is given up after another time", () =>
      inRelay(AGE, 12_000, (simulation, client, served) => {
        (side === "client" ? client : served).cut();
        simulation.pass(6_000);
        assert.equal(simulation.records.length, 0);
        simulation.pass(8_000);
        assert.equal(simulation.records.length, 1);
      }));

    it("is never missed without keepalive", () =>
      inRelay(AGE, 0, (simulation, client, served) => {
        (side === "client" ? client : served).cut();
        simulation.pass(24 * 3600_000);
        assert.equal(simulation.records.length, 0);
      }));
  });
}

it("a peer that is merely silent, or does not read, is left alone", () =>
  inRelay(AGE, 12_000, (simulation, client, served) => {
    client.pause();
    served.say("x".repeat(3_000_000));
    simulation.pass(3600_000);
    assert.equal(simulation.records.length, 0);
  }));
