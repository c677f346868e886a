/** Clients that are no pool's yet: their threads die, there are too many, descriptors are short, others have room for them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MOST_IN_RECEPTION, MOST_IN_TARPIT } from "../../../src/edge/reception.ts";
import { isServed, RECEIVING } from "../../../src/engines/linux/shared/early-states.ts";
import type { Peer } from "../../support/kernel/peers/peer.ts";
import { type Asked, type Asking, askingFor, FOREVER } from "../edge/asking.ts";
import { Simulation, type SimulationOptions } from "./simulation/simulation.ts";

const hello = (peer: Peer): void => void peer.say("hello");
const ANYBODY = ["0.0.0.0/0", "::/0"];
const HEADER = "PROXY TCP4 198.51.100.7 192.0.2.10 4000 3000\r\n";

class Reception {
  readonly simulation: Simulation;

  constructor(options: SimulationOptions = {}) {
    this.simulation = new Simulation(options);
  }

  async start(asked: Asked): Promise<Asking> {
    const { simulation } = this;
    await simulation.start();
    simulation.target("a", "10.0.0.1", hello);
    return await this.ask(asked);
  }

  async ask(asked: Asked): Promise<Asking> {
    const asking = askingFor(asked);
    const { front, pool, scheduler } = this.simulation;
    await scheduler.until(scheduler.asMain(() => front.listeners[0]!.serve({ rules: asking.rules, pools: [pool] })));
    return asking;
  }

  /** So many clients that are connected. */
  clients(count: number): Peer[] {
    return Array.from({ length: count }, () => {
      const client = this.simulation.client();
      this.simulation.settle();
      return client;
    });
  }

  async end(): Promise<void> {
    const { kernel, scheduler } = this.simulation;
    await this.simulation.close(0);
    assert.deepEqual(kernel.descriptors.list(), []);
    assert.deepEqual(scheduler.deaths, []);
  }
}

describe("linux engine, clients that are no pool's yet", () => {
  it("give their share of the limits back when their thread dies, asked or served, and leave a record only if served", async () => {
    const reception = new Reception({ engine: { threads: 2 } });
    const { simulation } = reception;
    const asking = await reception.start({ senders: ANYBODY, limits: { connections: 20 } });
    simulation.pass(2_000); // a thread that dies young is not replaced at once
    const served = reception.clients(10).map((client) => client.say(`${HEADER}hi`));
    reception.clients(10).map((client) => client.say(HEADER.slice(0, -1)));
    simulation.pass(100);
    assert.equal(served.filter(({ text }) => text === "hello").length, 10);
    for (const worker of [0, 1]) simulation.engine.crashWorker(worker);
    simulation.pass(100);
    assert.equal(simulation.records.length, 10);
    const again = reception.clients(20).map((client) => client.say(HEADER));
    simulation.pass(100);
    assert.equal(again.filter(({ text }) => text === "hello").length, 20);
    assert.deepEqual(asking.refusals(), {});
    const [more] = reception.clients(1).map((client) => client.say(HEADER));
    simulation.pass(100);
    assert.equal(more!.ending, "ECONNRESET");
    assert.deepEqual(asking.refusals(), { "client-connections": 1 });
    simulation.scheduler.deaths.length = 0;
    await reception.end();
  });

  it("are not shown among the connections, and end by nobody's order", async () => {
    const reception = new Reception({ engine: { threads: 1 } });
    const { engine, pool } = reception.simulation;
    await reception.start({ senders: ANYBODY });
    reception.clients(3);
    assert.deepEqual([...engine.connections()], []);
    assert.deepEqual([pool.active, pool.waiting], [0, 0]);
    await reception.end();
    assert.deepEqual(reception.simulation.records, []);
  });

  it("are so many at most: of more, who has been asked for longest gives way", async () => {
    const reception = new Reception({ engine: { threads: 1 } });
    const { simulation } = reception;
    const asking = await reception.start({ senders: ANYBODY, prereadTimeout: FOREVER });
    const clients = reception.clients(MOST_IN_RECEPTION);
    const [last] = reception.clients(1);
    simulation.pass(10);
    assert.equal(clients[0]!.ending, "ECONNRESET");
    assert.deepEqual(asking.refusals(), { crowded: 1 });
    for (const client of [clients[1]!, last!]) client.say(HEADER);
    simulation.pass(10);
    assert.deepEqual([clients[1]!.text, last!.text], ["hello", "hello"]);
    await reception.end();
  });

  it("are kept waiting in so many numbers at most, and then reset at once", async () => {
    const reception = new Reception({ engine: { threads: 4 }, kernel: { descriptors: 40_000 } });
    const asking = await reception.start({ deny: ANYBODY, refuse: { type: "tarpit", ms: FOREVER } });
    const most = MOST_IN_TARPIT / 4;
    const clients = Array.from({ length: MOST_IN_TARPIT + 400 }, () => reception.simulation.client());
    reception.simulation.pass(100);
    const kept = clients.filter(({ over }) => !over).length;
    assert.ok(kept > 3 * most && kept <= MOST_IN_TARPIT, `${kept} are kept waiting`);
    assert.deepEqual(asking.refusals(), { denied: clients.length });
    await reception.end();
  });

  it("are the first to go where descriptors are short", async () => {
    const reception = new Reception({ engine: { threads: 1, reserve: 10 }, kernel: { descriptors: 60 } });
    const { simulation } = reception;
    const asking = await reception.start({ senders: ANYBODY, prereadTimeout: FOREVER });
    const idle = reception.clients(60);
    const speaking = reception.clients(8).map((client) => client.say(HEADER));
    simulation.pass(2_000);
    assert.deepEqual(
      speaking.map(({ text }) => text),
      speaking.map(() => "hello"),
    );
    assert.ok(idle.filter(({ over }) => over).length >= 16, "hardly any has gone");
    assert.ok((asking.refusals().crowded ?? 0) >= 16);
    assert.equal(simulation.view("a").failures, 0);
    simulation.warnings.length = 0;
    await reception.end();
  });

  for (const threads of [1, 3]) {
    it(`take from nobody the descriptor for its target by being kept waiting, with ${threads} threads`, async () => {
      const reception = new Reception({ engine: { threads, reserve: 10 }, kernel: { descriptors: 80 } });
      const { simulation } = reception;
      await reception.start({ deny: ["203.0.113.0/24"], refuse: { type: "tarpit", ms: FOREVER } });
      for (let round = 0; round < 20; round++) {
        for (let n = 0; n < 60; n++) simulation.client("203.0.113.7");
        simulation.settle();
        const honest = Array.from({ length: 3 }, () => simulation.client("198.51.100.7"));
        simulation.pass(1_000);
        assert.deepEqual(
          honest.map(({ ending, text }) => `${text}${ending}`),
          honest.map(() => "hello"),
          `in round ${round}`,
        );
        for (const client of honest) client.abort();
      }
      simulation.warnings.length = 0;
      await reception.end();
    });
  }

  it("are handed over to threads that have fewer, before they are asked", async () => {
    const reception = new Reception({ engine: { threads: 4 }, kernel: { delay: [0.1, 2] }, threads: { turnMs: 0.1 } });
    const { network } = reception.simulation.kernel;
    const asking = await reception.start({ senders: ANYBODY, limits: { connections: 100 } });
    const listenerFor = network.listenerFor.bind(network);
    network.listenerFor = (from, to) => listenerFor({ ...from, port: 1 }, to); // all of them at one thread
    const clients = reception.clients(100).map((client) => client.say(HEADER));
    reception.simulation.pass(200);
    const shares = reception.simulation.scheduler.living.map(({ slots }) => {
      let served = 0;
      for (let slot = 0; slots.port(slot) !== 0; slot++) if (isServed(slots.state(slot))) served++;
      return served;
    });
    assert.equal(clients.filter(({ text }) => text === "hello").length, 100);
    assert.ok(Math.max(...shares) <= 40, `shares of ${shares.join(", ")}`);
    assert.deepEqual(asking.refusals(), {});
    await reception.end();
  });

  it("are gone with their listener's rules, whose number others then have", async () => {
    const reception = new Reception({ engine: { threads: 2 } });
    const { simulation } = reception;
    const former = await reception.start({ senders: ANYBODY, limits: { connections: 3 } });
    const open = reception.clients(3).map((client) => client.say(HEADER));
    simulation.pass(100);
    for (let i = 0; i < 5; i++) await reception.ask({ senders: ANYBODY, limits: { connections: 2 } });
    const latter = await reception.ask({ senders: ANYBODY, limits: { connections: 2 } });
    const more = reception.clients(3).map((client) => client.say(HEADER));
    simulation.pass(100);
    assert.deepEqual(more.filter(({ text }) => text === "hello").length, 2);
    for (const client of open) client.abort();
    simulation.pass(100);
    assert.equal(simulation.records.length, 3);
    assert.deepEqual([former.refusals(), latter.refusals()], [{}, { "client-connections": 1 }]);
    await reception.end();
  });

  it("have nothing but their slots, which are used again", async () => {
    const reception = new Reception({ engine: { threads: 1 } });
    const { simulation } = reception;
    await reception.start({ senders: ANYBODY, prereadTimeout: 100 });
    for (let i = 0; i < 5; i++) {
      reception.clients(4);
      simulation.pass(300);
    }
    const { slots } = simulation.scheduler.living[0]!;
    assert.equal(slots.port(4), 0, "a fifth slot was used");
    assert.notEqual(slots.state(0), RECEIVING);
    await reception.end();
  });
});
