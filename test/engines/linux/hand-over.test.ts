/** Connections handed over to threads that have fewer, on the simulated kernel. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SlotStore } from "../../../src/engines/linux/worker/slot-store.ts";
import { ENDED, FREE } from "../../../src/proxy/states.ts";
import type { Peer } from "../../support/kernel/peers/peer.ts";
import { inSimulation, Simulation } from "./simulation/simulation.ts";

const hello = (peer: Peer): void => void peer.say("hello");
const FOUR = { engine: { threads: 4 } };

/** Open connections of the living threads, in the order of their start. */
function shares({ scheduler }: Simulation): number[] {
  return scheduler.living.map(({ slots }) => {
    let open = 0;
    for (let slot = 0; slots.port(slot) !== 0; slot++) if (![FREE, ENDED].includes(slots.state(slot))) open++;
    return open;
  });
}

/** So many clients, who stay; `atOnce` of them at a time. */
function open(simulation: Simulation, count: number, atOnce = count): Peer[] {
  return Array.from({ length: count }, (_, i) => {
    const client = simulation.client();
    if ((i + 1) % atOnce === 0) simulation.settle();
    return client;
  });
}

/** Has those end that are this thread's, or are not. */
function end(simulation: Simulation, clients: readonly Peer[], thread: number, its: boolean): Peer[] {
  const leaving = clients.filter((client) => simulation.slotOf(client, thread) >= 0 === its);
  for (const client of leaving) client.abort();
  simulation.pass(100);
  return clients.filter((client) => !leaving.includes(client));
}

/** Has the kernel give half of the clients to one thread, and that one's part of the rest. */
function favour({ kernel: { network } }: Simulation): void {
  const listenerFor = network.listenerFor.bind(network);
  network.listenerFor = (from, to) => listenerFor(from.port % 2 ? from : { ...from, port: 1 }, to);
}

/** No thread has more than so many times the mean. */
function assertEven(simulation: Simulation, most = 1.2): void {
  const all = shares(simulation);
  const mean = all.reduce((sum, share) => sum + share) / all.length;
  assert.ok(Math.max(...all) <= most * mean, `shares of ${all.join(", ")}`);
}

describe("connections that are handed over", () => {
  // Of few, the two that do not make it clearly more are a larger part.
  for (const [count, most] of [
    [40, 1.4],
    [400, 1.2],
  ] as const) {
    it(`${count} long connections are spread over four threads, whatever the kernel does`, async () => {
      for (let seed = 1; seed <= 10; seed++) {
        await inSimulation({ ...FOUR, seed, kernel: { delay: [0.1, 2] }, threads: { turnMs: 0.1 } }, (simulation) => {
          simulation.target("a", "10.0.0.1", hello);
          favour(simulation);
          open(simulation, count, 20);
          simulation.pass(100);
          assertEven(simulation, most);
        });
      }
    });
  }

  it("new ones fill the gap of a thread whose own have ended", () =>
    inSimulation(FOUR, (simulation) => {
      simulation.target("a", "10.0.0.1", hello);
      const clients = open(simulation, 200);
      end(simulation, clients, 2, true);
      assert.equal(shares(simulation)[2], 0);
      open(simulation, 50, 10);
      assertEven(simulation);
    }));

  it("are served by the thread that has them, and recorded with their client's address", () =>
    inSimulation({ ...FOUR, kernel: { hosts: ["192.0.2.10", "2001:db8::10"] } }, (simulation) => {
      const served: Peer[] = [];
      simulation.target("a", "10.0.0.1", (peer) => served.push(peer.say("hello")));
      end(simulation, open(simulation, 100), 0, false);
      const before = shares(simulation)[0]!;
      const late = open(simulation, 20);
      assert.equal(shares(simulation)[0], before, "a thread that has more than all others takes one more");
      for (const client of late) client.fin();
      for (const peer of served) peer.fin();
      simulation.pass(100);
      for (const { text, ending } of late) assert.deepEqual([text, ending], ["hello", "fin"]);
      const recorded = simulation.records.map(({ client }) => `${client.host}:${client.port}`);
      for (const client of late) assert.ok(recorded.includes(client.name.replace("client ", "")), client.name);
    }));

  it("make no calls while shares are even", () =>
    inSimulation(FOUR, (simulation) => {
      simulation.target("a", "10.0.0.1", (peer) => void peer.say("hello").fin());
      const { kernel } = simulation;
      const { beforeCall } = kernel;
      const made: string[] = [];
      kernel.beforeCall = (name, fd) => {
        made.push(name);
        beforeCall?.(name, fd);
      };
      for (let i = 0; i < 100; i++) {
        const client = simulation.client().fin();
        simulation.settle();
        assert.equal(client.text, "hello");
      }
      assert.ok(made.includes("accept4"));
      assert.deepEqual(
        made.filter((name) => ["write", "read", "getsockopt"].includes(name)),
        [],
        "a thread was woken, or a backlog looked at",
      );
    }));

  it("go to no thread that takes none, since it has died", async () => {
    const simulation = new Simulation(FOUR);
    await simulation.start();
    simulation.target("a", "10.0.0.1", hello);
    end(simulation, open(simulation, 200), 1, true);
    simulation.engine.crashWorker(1); // at once after its start, so that it is not replaced for a second
    simulation.pass(10);
    assert.equal(simulation.scheduler.living.length, 3);
    assert.equal(simulation.engine.shares[1], -1);
    const before = simulation.internet.clients.length;
    open(simulation, 60);
    const late = simulation.internet.clients.slice(before);
    const waiting = late.filter((client) => client.text !== "hello").length;
    simulation.pass(2_000);
    assert.equal(simulation.scheduler.living.length, 4);
    for (const client of late) assert.equal(client.text, "hello");
    // The kernel gives the dead one's listener its part; nobody else has added to that.
    assert.ok(waiting > 0 && waiting < 30, `${waiting} of 60 waited`);
    await simulation.close(0);
    assert.deepEqual(simulation.kernel.descriptors.list(), []);
  });

  it("are lost by no death, wherever it comes: each client is served or reset, and recorded", async () => {
    for (let points = 0; points < 80; points++) {
      for (const dying of [0, 1]) {
        const simulation = new Simulation({ engine: { threads: 3 }, seed: points });
        await simulation.start();
        const served: Peer[] = [];
        simulation.target("a", "10.0.0.1", (peer) => served.push(peer.say("hello")));
        simulation.pass(2_000); // a worker that dies young is not replaced at once
        // The first thread has many and hands over, to the others who have none.
        const old = end(simulation, open(simulation, 60), 0, false);
        const clients = Array.from({ length: 12 }, () => simulation.client());
        simulation.scheduler.threads[dying]!.pointsLeft = points;
        simulation.pass(10_000);
        const when = `thread ${dying} after ${points} points`;
        for (const client of clients) {
          assert.ok(client.text === "hello" || client.ending === "ECONNRESET", `a client waits: ${when}`);
        }
        for (const client of [...clients, ...old]) client.abort();
        simulation.pass(1_000);
        assert.equal(simulation.records.length, simulation.kernel.accepted, when);
        assert.equal(simulation.pool.active, 0, when);
        await simulation.close(0);
        assert.deepEqual(simulation.kernel.descriptors.list(), [], when);
      }
    }
  });

  it("wait for a slot where there is none, and are served once there is", () =>
    inSimulation({ engine: { threads: 2 } }, (simulation) => {
      const { network } = simulation.kernel;
      const listenerFor = network.listenerFor.bind(network);
      network.listenerFor = (from, to) => listenerFor({ ...from, port: 1 }, to); // one thread accepts all
      simulation.target("a", "10.0.0.1", hello);
      open(simulation, 1);
      const receiver = simulation.scheduler.threads[simulation.engine.shares[0] === 0 ? 0 : 1]!;
      receiver.stop(20);
      const clients = open(simulation, 10);
      const onTheirWay = receiver.inbox.pending;
      assert.ok(onTheirWay > 0);
      const { take } = SlotStore.prototype;
      SlotStore.prototype.take = () => -1; // the main thread is behind with the records
      simulation.pass(50);
      SlotStore.prototype.take = take;
      assert.equal(receiver.inbox.pending, onTheirWay);
      assert.match(simulation.warnings.splice(0).join(), /^no new connections for now: the main thread is too busy/);
      simulation.pass(150);
      for (const { text } of clients) assert.equal(text, "hello");
    }));

  it("are told that the balancer stops, when that happens on their way", () =>
    inSimulation({ engine: { threads: 3, unavailable: new TextEncoder().encode("sorry") } }, async (simulation) => {
      const { engine, scheduler } = simulation;
      simulation.target("a", "10.0.0.1", hello);
      end(simulation, open(simulation, 60), 0, false);
      for (const thread of scheduler.threads.slice(1)) thread.stop(20);
      const clients = open(simulation, 30);
      const onTheirWay = scheduler.threads.reduce((sum, { inbox }) => sum + inbox.pending, 0);
      assert.ok(onTheirWay > 0);
      const closed = scheduler.asMain(() => engine.close(1_000));
      simulation.pass(100);
      // Those that the stopped threads had not accepted themselves are told as well.
      const told = clients.filter(({ text }) => text === "sorry").length;
      assert.ok(told >= onTheirWay, `${told} were told, and ${onTheirWay} on their way`);
      for (const { text } of clients) assert.ok(["hello", "sorry"].includes(text));
      await scheduler.until(closed);
    }));
});
