/** Connecting to targets, on the simulated kernel: what is the balancer's own trouble, and what is the target's. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as abi from "../../../src/engines/linux/sys/abi.ts";
import type { CallName } from "../../../src/engines/linux/sys/libc.ts";
import { errnoName } from "../../support/kernel/numbers.ts";
import type { Peer } from "../../support/kernel/peers/peer.ts";
import { inSimulation } from "./simulation/simulation.ts";

const greet = (peer: Peer): void => void peer.say("hello");
const SORRY = new TextEncoder().encode("sorry");

describe("linux engine, connecting", () => {
  it("does not blame the target when there are no local ports left", () =>
    inSimulation({ engine: { unavailable: SORRY }, kernel: { ports: [50_000, 50_001] } }, (simulation) => {
      simulation.target("a", "10.0.0.1", greet);
      for (let i = 0; i < 2; i++) {
        const served = simulation.client();
        simulation.settle();
        assert.equal(served.text, "hello");
      }
      const third = simulation.client();
      simulation.settle();
      assert.equal(third.text, "sorry");
      assert.deepEqual([simulation.view("a").state, simulation.view("a").failures], ["up", 0]);
      assert.match(simulation.warnings.splice(0).join(), /cannot connect to targets: out of local ports/);
    }));

  const own: readonly [CallName, number, RegExp][] = [
    ["socket", abi.EMFILE, /out of file descriptors/],
    ["socket", abi.ENFILE, /out of file descriptors/],
    ["socket", abi.ENOBUFS, /out of memory/],
    ["connect", abi.ENOBUFS, /out of memory/],
  ];
  for (const [call, errno, warning] of own) {
    it(`does not blame the target for ${errnoName(errno)} of ${call}()`, () =>
      inSimulation({}, (simulation) => {
        simulation.target("a", "10.0.0.1", greet);
        simulation.kernel.faults.fail(call, errno);
        const client = simulation.client();
        simulation.settle();
        assert.deepEqual([simulation.view("a").state, simulation.view("a").failures], ["up", 0]);
        assert.match(simulation.warnings.splice(0).join(), warning);
        assert.equal(client.ending, "fin");
        const next = simulation.client();
        simulation.settle();
        assert.equal(next.text, "hello");
      }));
  }

  for (const errno of [abi.ECONNREFUSED, abi.EHOSTUNREACH, abi.ENETUNREACH, abi.ETIMEDOUT]) {
    it(`blames it for ${errnoName(errno)}`, () =>
      inSimulation({}, (simulation) => {
        simulation.announce("a", "10.0.0.1");
        simulation.kernel.network.route("10.0.0.1", { errno, ms: 10 });
        const client = simulation.client();
        simulation.pass(100);
        assert.equal(client.ending, "fin");
        assert.deepEqual([simulation.view("a").state, simulation.view("a").failures], ["suspect", 1]);
        assert.equal(simulation.records[0]?.cause, "connect-failed");
      }));
  }

  for (const [what, host] of [
    ["IPv4", "127.0.0.1"],
    ["IPv6", "::1"],
  ] as const) {
    it(`counts a connection to itself as refused, and resets it, so that its port is free at once (${what})`, () =>
      inSimulation({ engine: { threads: 1, unavailable: SORRY } }, (simulation) => {
        const { kernel, pool, scheduler } = simulation;
        const port = 50_000;
        scheduler.asMain(() =>
          pool.set({ identity: "a", address: { host, port }, weight: 1, maxConnections: 0 }, "up"),
        );
        kernel.network.nextPort = port;
        kernel.trace = [];
        const client = simulation.client();
        simulation.settle();
        assert.equal(client.text, "sorry");
        const { result: dialled } = kernel.trace.find(({ name }) => name === "socket")!;
        const calls = kernel.trace.flatMap(({ name, fd }) => (fd === dialled ? [name] : []));
        assert.deepEqual(calls.slice(-3), ["getsockname", "setsockopt", "close"]);
        kernel.trace = null;
        assert.deepEqual([simulation.view("a").state, simulation.view("a").failures], ["suspect", 1]);
        client.fin();
        simulation.settle();
      }));
  }

  it("serves through a port that is the target's own, at another address", () =>
    inSimulation({ engine: { threads: 1 } }, (simulation) => {
      const { internet, kernel, pool, scheduler } = simulation;
      const address = { host: "127.0.0.2", port: 50_000 };
      internet.target("a", address, greet);
      scheduler.asMain(() => pool.set({ identity: "a", address, weight: 1, maxConnections: 0 }, "up"));
      kernel.network.nextPort = address.port;
      const client = simulation.client();
      simulation.settle();
      assert.equal(client.text, "hello");
    }));

  it("dials a target that has moved at its new address", () =>
    inSimulation({ engine: { threads: 1 } }, (simulation) => {
      simulation.target("a", "10.0.0.1", (peer) => void peer.say("old").fin());
      const before = simulation.client();
      simulation.settle();
      simulation.target("a", "10.0.0.2", (peer) => void peer.say("new").fin());
      const after = simulation.client();
      simulation.settle();
      assert.deepEqual([before.text, after.text], ["old", "new"]);
    }));

  it("counts the connect time-out from the attempt, however long the client waited for it", () =>
    inSimulation({ engine: { connectTimeout: 1_000 }, kernel: { delay: [100, 101] } }, (simulation) => {
      const { pool, scheduler } = simulation;
      simulation.target("a", "10.0.0.1", greet);
      scheduler.asMain(() => pool.setConcurrency(0));
      const client = simulation.client();
      simulation.pass(5_000);
      assert.equal(pool.waiting, 1);
      scheduler.asMain(() => {
        pool.setConcurrency(1);
        simulation.poolChanged();
      });
      simulation.pass(1_000);
      assert.equal(client.text, "hello");
      assert.equal(simulation.view("a").failures, 0);
    }));
});
