/** Clients that wait for the first target, in several threads whose turns a seed orders. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inSimulation, Simulation } from "./simulation/simulation.ts";

const CLIENTS = 12;
/** ms in which a worker hears of what it waits for; without being told it looks after 100 ms. */
const SOON_MS = 20;
const SORRY = new TextEncoder().encode("sorry");

/** What ends the wait, and what every client then gets. */
const ENDS: Readonly<Record<string, { readonly end: (simulation: Simulation) => void; readonly gets: string }>> = {
  "the first target": {
    end: (simulation) => void simulation.target("a", "10.0.0.1", (peer) => void peer.say("hello").fin()),
    gets: "hello",
  },
  "the end of the time": {
    end: (simulation) =>
      simulation.scheduler.asMain(() => {
        simulation.pool.endHold();
        simulation.poolChanged();
      }),
    gets: "sorry",
  },
};

describe("linux engine, waiting for the first target", () => {
  for (const [what, { end, gets }] of Object.entries(ENDS)) {
    for (let seed = 1; seed <= 12; seed++) {
      it(`is told of ${what} in all threads at once (seed ${seed})`, () => {
        const threads = { turnMs: 0.05, messageMs: 1, preemption: 0.1 };
        const engine = { threads: 1 + (seed % 4), unavailable: SORRY };
        return inSimulation({ seed, kernel: { delay: [0.05, 1] }, engine, threads }, (simulation) => {
          const { pool, records } = simulation;
          pool.hold();
          const clients = Array.from({ length: CLIENTS }, () => simulation.client());
          simulation.pass(40);
          assert.deepEqual([pool.waiting, records.length], [CLIENTS, 0]);
          end(simulation);
          simulation.pass(SOON_MS);
          for (const client of clients) assert.equal(client.text, gets);
          for (const client of clients) client.fin();
          simulation.pass(100);
          assert.equal(records.length, CLIENTS);
        });
      });
    }

    it(`loses nobody to ${what}, wherever a worker dies`, async () => {
      for (let points = 0; points < 40; points++) {
        for (const dying of [0, 1]) {
          const simulation = new Simulation({ engine: { threads: 2, unavailable: SORRY } });
          const { pool, scheduler } = simulation;
          await simulation.start();
          simulation.pass(2_000); // a worker that dies young is not replaced at once
          pool.hold();
          const clients = Array.from({ length: CLIENTS }, () => simulation.client());
          simulation.pass(10);
          scheduler.threads[dying]!.pointsLeft = points;
          end(simulation);
          simulation.pass(1_000);
          for (const client of clients) {
            const where = `worker ${dying}, ${points} points`;
            assert.notEqual(client.ending, "", `${where}: it hangs`);
            // A client whose worker has died is reset.
            if (client.error === null) assert.equal(client.text, gets, where);
            client.fin();
          }
          simulation.pass(1_000);
          assert.deepEqual([pool.active, pool.waiting], [0, 0], `worker ${dying}, ${points} points`);
          await simulation.close(0);
        }
      }
    });
  }
});
