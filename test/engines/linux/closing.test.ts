/** What is over in bounded time, on the simulated kernel and its clock: answers to clients without a target, and the stop. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as abi from "../../../src/engines/linux/sys/abi.ts";
import { ANSWER_MS, LINGER_BYTES, LINGER_MS } from "../../../src/proxy/unavailable.ts";
import { amount } from "../../support/amount.ts";
import type { Peer } from "../../support/kernel/peers/peer.ts";
import { StreamPattern } from "../../support/kernel/peers/stream-pattern.ts";
import { Random } from "../../support/kernel/random.ts";
import { inSimulation, Simulation } from "./simulation/simulation.ts";

/** Stops that are tried. Each is some tens of ms of real time. */
const SEEDS = amount(60);
/** A timer of the engine comes at most so late. */
const TICK = 40;
const SORRY = { engine: { unavailable: new TextEncoder().encode("sorry") } };

function endings(simulation: Simulation): string[] {
  return simulation.records.map(({ phase, endedBy, cause }) => `${phase} ${endedBy} ${cause}`);
}

describe("linux engine, answers", () => {
  it("waits for a client that took its answer and does not hang up, and not for long", () =>
    inSimulation(SORRY, (simulation) => {
      const client = simulation.client();
      simulation.pass(LINGER_MS - TICK);
      assert.deepEqual([client.text, client.ending], ["sorry", "fin"]);
      assert.deepEqual(endings(simulation), []);
      simulation.pass(2 * TICK);
      assert.deepEqual(endings(simulation), ["unavailable balancer no-targets"]);
    }));

  it("lets an upload under way come to its end, and no more than that", () =>
    inSimulation(SORRY, (simulation) => {
      const stream = new StreamPattern(1);
      const upload = simulation
        .client()
        .send(stream, LINGER_BYTES - 1, 0)
        .fin();
      simulation.settle();
      assert.deepEqual([upload.sent, upload.text, upload.ending], [LINGER_BYTES - 1, "sorry", "fin"]);
      const endless = simulation.client().send(stream, 4 * LINGER_BYTES, 0);
      simulation.settle();
      assert.ok(endless.sent >= LINGER_BYTES && endless.sent < 2 * LINGER_BYTES, `${endless.sent} bytes were taken`);
      assert.equal(endings(simulation).length, 2);
    }));

  it("gives up a client that does not take its answer", () =>
    inSimulation({ engine: { unavailable: new Uint8Array(1_000_000) } }, (simulation) => {
      const client = simulation.client().pause();
      simulation.pass(ANSWER_MS - TICK);
      assert.deepEqual(endings(simulation), []);
      simulation.pass(2 * TICK);
      assert.deepEqual(endings(simulation), ["unavailable balancer no-targets"]);
      assert.equal(client.error, "ECONNRESET");
    }));
});

describe("linux engine, closing", () => {
  it("is over in the shortest time that close() was given, counted from that call", () =>
    inSimulation({}, (simulation) => {
      const { engine, scheduler } = simulation;
      simulation.target("a", "10.0.0.1", (peer: Peer) => void peer.say("hello"));
      const client = simulation.client();
      simulation.settle();
      for (const timeout of [60_000, 2_000, 2_000, 90_000]) {
        scheduler.asMain(() => void engine.close(timeout));
        simulation.pass(500);
      }
      assert.deepEqual(endings(simulation), []);
      simulation.pass(500 - TICK);
      assert.equal(client.ending, "");
      simulation.pass(2 * TICK);
      assert.equal(client.ending, "ECONNRESET");
      simulation.pass(100);
      assert.deepEqual(endings(simulation), ["relay balancer shutdown"]);
    }));

  it("tells those that were connected already, and not accepted yet, that it stops", () =>
    inSimulation(SORRY, (simulation) => {
      const { engine, scheduler } = simulation;
      for (const thread of scheduler.living) thread.stop(50);
      const clients = Array.from({ length: 10 }, () => simulation.client());
      simulation.pass(10);
      assert.deepEqual(clients.map(({ text }) => text).join(), ",,,,,,,,,");
      scheduler.asMain(() => void engine.close(1_000));
      simulation.pass(100);
      for (const client of clients) assert.deepEqual([client.text, client.ending], ["sorry", "fin"]);
      for (const client of clients) client.close();
      simulation.pass(100);
      const told = endings(simulation).filter((ending) => ending === "unavailable balancer stopping");
      assert.ok(told.length > 0, endings(simulation).join());
    }));

  it("resets nobody who was connected, however long the way is and whatever the threads are doing", async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = new Random(seed);
      const options = {
        seed,
        kernel: { delay: [0.1, random.pick([1, 30, 100])] as const },
        threads: {
          turnMs: random.pick([0, 1, 5]),
          messageMs: random.pick([0, 30]),
          preemption: random.pick([0, 0.05]),
        },
        engine: { ...SORRY.engine, threads: random.between(1, 4) },
      };
      await inSimulation(options, async (simulation) => {
        const { internet, kernel } = simulation;
        for (let at = 0; at < 800; at += random.unit() * 8) kernel.clock.schedule(at, () => void simulation.client());
        simulation.pass(300);
        await simulation.close(5_000);
        simulation.pass(3_000); // a SYN that was dropped is sent again after one
        const { clients } = internet;
        const told = clients.filter(({ text }) => text === "sorry");
        const refused = clients.filter(({ error, connected }) => error === "ECONNREFUSED" && !connected);
        assert.ok(
          told.length > 20 && refused.length > 20,
          `seed ${seed}: ${told.length} told, ${refused.length} refused`,
        );
        assert.equal(told.length + refused.length, clients.length, `seed ${seed}: some were neither told nor refused`);
      });
    }
  });

  it("is over soon with nothing to do, and at once if it is told to", async () => {
    for (const [timeout, most] of [
      [60_000, 400],
      [50, 50 + TICK],
      [0, 0],
    ] as const) {
      await inSimulation({}, async (simulation) => {
        const started = simulation.kernel.clock.now();
        await simulation.close(timeout);
        const took = simulation.kernel.clock.now() - started;
        assert.ok(took <= most, `${took} ms, with ${timeout} for what is open`);
      });
    }
  });

  it("replaces no thread that dies meanwhile, however long it may take", async () => {
    for (const timeout of [60_000, Number.POSITIVE_INFINITY]) {
      const simulation = new Simulation({ engine: { threads: 1 } });
      const { engine, kernel, scheduler } = simulation;
      await simulation.start();
      simulation.target("a", "10.0.0.1", (peer: Peer) => void peer.say("hello"));
      simulation.pass(2_000); // a thread that dies young is not replaced at once
      const client = simulation.client();
      simulation.pass(100);
      const closed = scheduler.asMain(() => engine.close(timeout));
      simulation.pass(1_000);
      assert.equal(client.ending, "");
      engine.crashWorker(0);
      simulation.pass(5_000);
      assert.deepEqual([client.ending, scheduler.living.length], ["ECONNRESET", 0]);
      await scheduler.until(closed);
      assert.deepEqual(kernel.descriptors.list(), []);
    }
  });

  it("closes its listeners at once where the kernel does not let it keep SYNs out", () =>
    inSimulation({ ...SORRY, kernel: { delay: [0.1, 1] } }, (simulation) => {
      const { engine, kernel, scheduler } = simulation;
      for (const thread of scheduler.living) thread.stop(50);
      const early = simulation.client();
      simulation.pass(10);
      kernel.faults.fail("setsockopt", abi.EPERM);
      scheduler.asMain(() => void engine.close(5_000));
      assert.equal(kernel.faults.pending, 0, "it has not tried");
      const late = simulation.client();
      simulation.pass(100);
      assert.deepEqual([early.text, early.ending], ["sorry", "fin"]);
      assert.equal(late.error, "ECONNREFUSED");
      simulation.pass(LINGER_MS);
    }));
});
