/** What the kernel has no more of is the balancer's lack: no target is blamed, nothing spins, and it goes on by itself. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ENOMEM, ENOSPC } from "../../../src/engines/linux/sys/abi.ts";
import type { Peer } from "../../support/kernel/peers/peer.ts";
import { simulatedLibc } from "../../support/kernel/simulated-libc.ts";
import { Simulation } from "./simulation/simulation.ts";

const hello = (peer: Peer): void => void peer.say("hello").fin();

const LACKS = [
  [ENOMEM, "memory for sockets"],
  [ENOSPC, "epoll watches (raise the limit: sysctl fs.epoll.max_user_watches)"],
] as const;

const NONE_LEFT = { code: "EMFILE", message: /no descriptors are left for clients.*ulimit/ };

describe("linux engine, out of something", () => {
  for (const [errno, what] of LACKS) {
    it(`blames no target for a lack of ${what}`, async () => {
      const simulation = new Simulation({ engine: { threads: 1 } });
      await simulation.start();
      simulation.target("a", "10.0.0.1", hello);
      simulation.kernel.faults.fail("epoll_ctl", errno, { after: 1 }); // the client is watched, its target cannot be
      const client = simulation.client().fin();
      simulation.pass(100);
      assert.equal(client.ending, "fin");
      assert.deepEqual([simulation.view("a").state, simulation.view("a").failures], ["up", 0]);
      assert.deepEqual(simulation.warnings, [`cannot connect to targets: out of ${what}`]);
      await simulation.close(0);
    });

    it(`drops a client for which there are no ${what}, says so, and takes the next one`, async () => {
      const simulation = new Simulation({ engine: { threads: 1 } });
      await simulation.start();
      simulation.target("a", "10.0.0.1", hello);
      simulation.kernel.faults.fail("epoll_ctl", errno);
      const [lost, next] = [simulation.client().fin(), simulation.client().fin()];
      simulation.pass(200);
      assert.deepEqual([lost.ending, next.text], ["ECONNRESET", "hello"]);
      assert.deepEqual(simulation.warnings, [`no new connections until others end: out of ${what}`]);
      assert.deepEqual([simulation.records[0]!.endedBy, simulation.records[0]!.cause], ["balancer", "reset"]);
      await simulation.close(0);
    });
  }

  it("does not spin while it can watch only some of its listeners, and goes on with all", async () => {
    const listen = [3000, 3001, 3002].map((port) => ({ host: "192.0.2.10", port }));
    const simulation = new Simulation({ engine: { threads: 1, listen } });
    const { kernel } = simulation;
    kernel.faults.fail("epoll_ctl", ENOSPC, { after: 2, times: 3 }); // the eventfd and the first listener are watched
    await simulation.start();
    simulation.target("a", "10.0.0.1", hello);
    const clients = listen.map((address) => simulation.internet.client(address).fin());
    const before = kernel.calls;
    simulation.pass(50);
    assert.ok(kernel.calls - before < 20, `${kernel.calls - before} calls in 50 ms`);
    simulation.pass(1_000);
    for (const client of clients) assert.equal(client.text, "hello");
    await simulation.close(0);
  });

  /** Of 200: the main thread's and the worker's own come before, and a quarter is left to others. */
  const LIMIT = 200;
  const CEILING = LIMIT - LIMIT / 4;

  /** Everybody waits until lift(). */
  const paused = (threads: number): Simulation =>
    new Simulation({ engine: { threads }, kernel: { descriptors: LIMIT }, pool: { concurrency: 0 } });

  const lift = (simulation: Simulation): void =>
    simulation.scheduler.asMain(() => {
      simulation.pool.setConcurrency(-1);
      simulation.poolChanged();
    });

  it("leaves descriptors to the rest of the process, and takes no more waiters than can be given targets", async () => {
    const simulation = paused(1);
    const { kernel, pool } = simulation;
    await simulation.start();
    simulation.target("a", "10.0.0.1", (peer) => void peer.say("hello"));
    const clients = Array.from({ length: LIMIT }, () => simulation.client());
    simulation.pass(1_000);
    assert.deepEqual(simulation.warnings.splice(0), [
      "no new connections until others end: out of file descriptors (raise the limit: ulimit -n)",
    ]);
    const { waiting } = pool;
    assert.ok(waiting > 50 && 2 * waiting <= CEILING, `${waiting} wait`);
    lift(simulation);
    simulation.pass(1_000);
    const served = clients.filter(({ text }) => text === "hello").length;
    assert.ok(served >= waiting && served <= waiting + 1, `${served} of ${waiting} are served`);
    assert.deepEqual(simulation.warnings, []);
    const numbers = Array.from({ length: LIMIT }, (_, fd) => fd).filter((fd) => kernel.descriptors.file(fd));
    assert.ok(Math.max(...numbers) < CEILING + 2, `the highest is ${Math.max(...numbers)}`);
    for (const client of clients) client.abort();
    simulation.settle();
    assert.equal(simulation.client().ending, "");
    await simulation.close(0);
  });

  for (const threads of [1, 2]) {
    it(`takes newcomers in the places of waiters that half-close without having sent anything, with ${threads} threads`, async () => {
      const simulation = paused(threads);
      await simulation.start();
      simulation.target("a", "10.0.0.1", (peer) => void peer.say("hello"));
      const silent = Array.from({ length: LIMIT }, () => simulation.client());
      simulation.pass(1_000);
      for (const client of silent) client.fin(); // those that wait, and those that nobody has accepted yet
      const honest = Array.from({ length: 5 }, () => simulation.client());
      simulation.pass(9_000); // less than they may wait
      lift(simulation);
      simulation.pass(1_000);
      assert.deepEqual(
        honest.map(({ text }) => text),
        honest.map(() => "hello"),
      );
      assert.ok(silent.some(({ ending }) => ending === "ECONNRESET"));
      assert.equal(simulation.warnings.splice(0).length, 1);
      await simulation.close(0);
    });
  }

  it("does not connect to a target with a descriptor of the others, and blames no target for that", async () => {
    const simulation = paused(1);
    const { kernel, pool } = simulation;
    await simulation.start();
    simulation.target("a", "10.0.0.1", hello);
    const client = simulation.client().fin();
    simulation.pass(10);
    assert.equal(pool.waiting, 1);
    const libc = simulatedLibc(kernel);
    while (libc.eventfd(0, 0) < CEILING + 1); // somebody else in this process
    lift(simulation);
    simulation.pass(100);
    assert.deepEqual([client.ending, client.text, simulation.view("a").state], ["fin", "", "up"]);
    assert.deepEqual(simulation.warnings, [
      "cannot connect to targets: out of file descriptors (raise the limit: ulimit -n)",
    ]);
    await simulation.close(0);
  });

  it("does not start where no descriptors are left for clients", async () => {
    const simulation = new Simulation({ engine: { threads: 4 }, kernel: { descriptors: 16 } });
    await assert.rejects(simulation.start(), NONE_LEFT);
    assert.deepEqual(simulation.kernel.descriptors.list(), []);
  });

  it("does not listen where none would be left", async () => {
    const simulation = new Simulation({ engine: { threads: 4 }, kernel: { descriptors: 18 } });
    await assert.rejects(simulation.start(), NONE_LEFT);
    assert.deepEqual(
      simulation.kernel.descriptors.list().filter((file) => file.endsWith("tcp")),
      [],
    );
    await simulation.close(0);
  });
});
