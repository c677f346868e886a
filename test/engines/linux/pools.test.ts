/** Pools and listeners that come and go, as the threads of the linux engine learn of them: on the simulated kernel. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import { EMFILE } from "../../../src/engines/linux/sys/abi.ts";
import { SlotStore } from "../../../src/engines/linux/worker/slot-store.ts";
import { Pool, SharedPool } from "../../../src/pool/pool.ts";
import type { UnavailableHandler } from "../../../src/proxy/unavailable.ts";
import type { Peer } from "../../support/kernel/peers/peer.ts";
import { SimulatedRuntime } from "../../support/kernel/runtime/runtime.ts";
import { Front, type FrontOptions, servedPool } from "../front.ts";
import { asMain } from "./simulation/as-main.ts";
import { inSimulation, type Simulation } from "./simulation/simulation.ts";

const HOST = "192.0.2.10";
const hello = (peer: Peer): void => void peer.say("hello");

/** A further pool in front of the simulation's targets. */
async function another(simulation: Simulation, name: string, options: FrontOptions = {}): Promise<Front> {
  const { scheduler } = simulation;
  const pool = Pool.create({ ...simulation.pool.options, name, maxTargets: 8, maxBindings: 8 });
  const listen = [{ host: HOST, port: 0 }];
  const front = new Front(asMain(simulation.engine, scheduler), pool, { unavailable: null, listen, ...options });
  await scheduler.until(front.open());
  simulation.settle();
  return front;
}

function announce({ scheduler }: Simulation, { pool, engine }: Front, host = "10.0.0.1"): void {
  scheduler.asMain(() => {
    pool.set({ identity: host, address: { host, port: 80 }, weight: 500, maxConnections: 0 }, "up");
    engine.poolChanged(pool);
  });
}

const clientOf = (simulation: Simulation, front: Front): Peer => simulation.internet.client(front.addresses[0]!);

/** The first thread gets clearly more connections than the others. */
function burden(simulation: Simulation): void {
  const clients = Array.from({ length: 60 }, () => simulation.client());
  simulation.settle();
  for (const client of clients) if (simulation.slotOf(client, 0) < 0) client.abort();
  simulation.pass(100);
}

/** Lets `ms` pass, and the main thread do what it has to do meanwhile. */
function passing({ kernel, scheduler }: Simulation, ms: number): Promise<void> {
  return scheduler.until(new Promise<void>((resolve) => void kernel.clock.after(ms, resolve)));
}

/** The first thread dies. */
function crash(simulation: Simulation): void {
  simulation.engine.crashWorker(0);
  simulation.pass(10);
  simulation.scheduler.deaths.length = 0;
}

describe("pools of the linux engine", () => {
  it("are attached by a thread with their first connection there", () =>
    inSimulation({}, async (simulation) => {
      const { attach } = SharedPool;
      const attached: string[] = [];
      SharedPool.attach = (handle, worker, adopt) => {
        attached.push(handle.options.name);
        return attach.call(SharedPool, handle, worker, adopt);
      };
      try {
        for (let i = 0; i < 50; i++) announce(simulation, await another(simulation, `p${i}`));
        const front = await another(simulation, "asked");
        announce(simulation, front);
        simulation.internet.target("a", { host: "10.0.0.1", port: 80 }, hello);
        assert.deepEqual(attached, []);
        for (let i = 0; i < 5; i++) {
          const client = clientOf(simulation, front);
          simulation.pass(10);
          assert.equal(client.text, "hello");
        }
        assert.deepEqual(new Set(attached), new Set(["asked"]));
        assert.ok(attached.length <= 2, `${attached.length} times by 2 threads`);
      } finally {
        SharedPool.attach = attach;
      }
    }));

  it("are forgotten only when no thread hands over connections of theirs any more", () =>
    inSimulation({}, async (simulation) => {
      const { engine, scheduler } = simulation;
      simulation.target("a", "10.0.0.1", hello);
      burden(simulation);
      const [former, next] = [await another(simulation, "former"), await another(simulation, "next", { listen: [] })];
      for (const front of [former, next]) announce(simulation, front);
      scheduler.living[0]!.stop(50);
      scheduler.asMain(() => former.listeners[0]!.serve(next.pool));
      const removed = scheduler.asMain(() => engine.removePool(former.pool, 1_000));
      const clients = Array.from({ length: 20 }, () => clientOf(simulation, former));
      simulation.pass(40);
      simulation.pass(500); // the first thread hears of the connections before it hears of the move
      for (const { text } of clients) assert.equal(text, "hello");
      await scheduler.until(removed);
      const late = clientOf(simulation, former);
      simulation.pass(10);
      assert.equal(late.text, "hello");
      const pools = new Set(simulation.records.map(({ pool }) => pool));
      assert.ok(pools.has("former"), "the first thread has handed some over");
    }));

  it("are not forgotten while a connection is on its way for which there is no slot", () =>
    inSimulation({}, async (simulation) => {
      const { engine, scheduler } = simulation;
      simulation.target("a", "10.0.0.1", hello);
      burden(simulation);
      const front = await another(simulation, "former");
      announce(simulation, front);
      const receiver = scheduler.living[1]!;
      receiver.stop(20);
      const clients = Array.from({ length: 20 }, () => clientOf(simulation, front));
      simulation.settle();
      assert.ok(receiver.inbox.pending > 0);
      const closed = scheduler.asMain(() => front.listeners[0]!.close());
      const { take } = SlotStore.prototype;
      SlotStore.prototype.take = () => -1;
      let gone = false;
      const removed = scheduler.asMain(() => closed.then(() => engine.removePool(front.pool, 0)));
      void removed.then(() => (gone = true));
      await passing(simulation, 600);
      SlotStore.prototype.take = take;
      assert.equal(gone, false);
      assert.ok(receiver.inbox.pending > 0);
      await scheduler.until(removed);
      simulation.pass(100);
      for (const { ending, text } of clients) assert.ok(text === "hello" || ending !== "", "a client waits");
      assert.match(simulation.warnings.splice(0).join(), /too busy to read the records/);
    }));

  it("are forgotten with their last connection also by a thread that is given its first one at the very end", () =>
    inSimulation({}, async (simulation) => {
      const { engine, kernel, scheduler } = simulation;
      simulation.target("a", "10.0.0.1", hello);
      burden(simulation);
      const former = await another(simulation, "former", { unavailable: Buffer.from("sorry") });
      const next = await another(simulation, "next", { listen: [] });
      for (const front of [former, next]) announce(simulation, front);
      const [giver, receiver] = [scheduler.living[0]!, scheduler.living[1]!];
      giver.stop(50);
      scheduler.asMain(() => former.listeners[0]!.serve(next.pool));
      const removed = scheduler.asMain(() => engine.removePool(former.pool, 600_000));
      await passing(simulation, 5); // the other thread has heard of both
      const clients = Array.from({ length: 20 }, () => clientOf(simulation, former));
      simulation.pass(35);
      receiver.stop(40);
      await passing(simulation, 20); // the giver has heard of both as well, so that the order to forget is out
      assert.ok(receiver.inbox.pending > 0, "some are on their way");
      const before = kernel.clock.now();
      await passing(simulation, 100);
      for (const client of clients) if (client.text === "sorry") client.abort();
      await scheduler.until(removed);
      assert.ok(kernel.clock.now() - before < 60_000, `${kernel.clock.now() - before} ms`);
    }));

  it("are all served by the successor of a thread that has died, and lose nothing in others", () =>
    inSimulation({ engine: { threads: 2 } }, async (simulation) => {
      const { engine, scheduler } = simulation;
      simulation.pass(2_000); // a worker that dies young is not replaced at once
      simulation.internet.target("a", { host: "10.0.0.1", port: 80 }, hello);
      const fronts: Front[] = [];
      for (let i = 0; i < 100; i++) {
        const front = await another(simulation, `p${i}`);
        announce(simulation, front);
        fronts.push(front);
      }
      const [changed, moved, closed] = fronts as [Front, Front, Front];
      const clients = fronts.map((front) => clientOf(simulation, front));
      simulation.pass(100);
      for (const { text } of clients) assert.equal(text, "hello");
      scheduler.asMain(() => engine.changePool(servedPool(changed.pool, { unavailable: Buffer.from("changed") })));
      scheduler.asMain(() => changed.pool.remove("10.0.0.1"));
      scheduler.asMain(() => moved.listeners[0]!.serve(changed.pool));
      await scheduler.until(closed.close(0));
      crash(simulation);
      simulation.pass(100);
      assert.match(simulation.warnings.splice(0).join(), /worker thread 1 has died with \d+ connections/);
      const lost = clients.filter(({ ending }) => ending === "ECONNRESET").length;
      const active = fronts.reduce((sum, { pool }) => sum + pool.active, 0);
      assert.ok(lost > 20 && lost < 80, `${lost} of 100 were lost`);
      assert.equal(active, 100 - lost);
      for (const front of [changed, moved, ...fronts.slice(3)]) {
        const isChanged = front === changed || front === moved;
        for (let i = 0; i < 3; i++) {
          const client = clientOf(simulation, front);
          simulation.pass(5);
          assert.equal(client.text, isChanged ? "changed" : "hello");
        }
      }
      const refused = clientOf(simulation, closed);
      simulation.pass(10);
      assert.equal(refused.ending, "ECONNREFUSED");
    }));

  it("tell a handler that comes later where its client had connected to", () =>
    inSimulation({}, async (simulation) => {
      const { engine, scheduler } = simulation;
      const front = await another(simulation, "handled");
      const unavailable: UnavailableHandler = (error, socket) => void socket.end(`${error.code} ${socket.localPort}`);
      scheduler.asMain(() => engine.changePool(servedPool(front.pool, { unavailable })));
      await scheduler.until(Promise.resolve());
      simulation.pass(10);
      const client = clientOf(simulation, front);
      for (let i = 0; i < 50; i++) {
        await new Promise((resolve) => setImmediate(resolve));
        simulation.pass(10);
      }
      assert.equal(client.text, `no-targets ${front.addresses[0]!.port}`);
    }));
});

describe("listeners of the linux engine", () => {
  it("are left alone, while descriptors are short, only where somebody comes", () =>
    inSimulation({ engine: { threads: 1 } }, async (simulation) => {
      const { kernel } = simulation;
      simulation.internet.target("a", { host: "10.0.0.1", port: 80 }, hello);
      const fronts: Front[] = [];
      for (let i = 0; i < 40; i++) fronts.push(await another(simulation, `p${i}`));
      for (const front of fronts) announce(simulation, front);
      kernel.faults.fail("accept4", EMFILE, { times: 3 });
      kernel.trace = [];
      const client = clientOf(simulation, fronts[20]!);
      simulation.pass(1_000);
      assert.equal(client.text, "hello");
      const watches = kernel.trace.filter(({ name }) => name === "epoll_ctl").length;
      assert.ok(watches < 12, `${watches} changes of what is watched`);
      assert.match(simulation.warnings.splice(0).join(), /out of file descriptors/);
    }));

  it("on a Unix socket are shared: all threads accept, one is woken, and one that dies is not missed", () =>
    inSimulation({}, async (simulation) => {
      const { kernel, scheduler } = simulation;
      const runtime = new SimulatedRuntime(kernel);
      simulation.target("a", "10.0.0.1", (peer) => void peer.say("hello").fin());
      const where = { path: "/run/clients.sock", mode: null, owner: null, group: null };
      const listener = await scheduler.until(simulation.front.listen(where));
      const ask = async (): Promise<void> => {
        const client = await scheduler.until(runtime.connect({ to: where }));
        const bytes = await scheduler.until(client.read());
        assert.equal(Buffer.from(bytes!).toString(), "hello");
        client.abort();
        simulation.pass(10);
      };
      for (let i = 0; i < 20; i++) await ask();
      simulation.pass(100);
      assert.deepEqual({ ...simulation.records.at(-1)!.client }, { host: "", port: 0 });
      crash(simulation); // at once after its start, so that it is not replaced for a second
      assert.match(simulation.warnings.splice(0).join(), /has died/);
      for (let i = 0; i < 20; i++) await ask();
      await scheduler.until(scheduler.asMain(() => listener.close()));
      await assert.rejects(scheduler.until(runtime.connect({ to: where })), { code: "ENOENT" });
      assert.equal(kernel.descriptors.list().filter((file) => file.endsWith("unix")).length, 0);
    }));
});
