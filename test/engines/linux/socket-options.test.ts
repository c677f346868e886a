/** How sockets are set as an operator wants: those of clients, those to targets, and what becomes of it when he wants something else. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { socketsLacking, tryTargetSockets } from "../../../src/engines/linux/main/socket-trial.ts";
import * as abi from "../../../src/engines/linux/sys/abi.ts";
import { decodePeer, endOfWords } from "../../../src/engines/linux/sys/sockaddr.ts";
import { NetError } from "../../../src/net/net-error.ts";
import type { ListenSocketOptions, TargetSocketOptions } from "../../../src/net/socket-options.ts";
import { SimulatedKernel } from "../../support/kernel/kernel.ts";
import type { Peer } from "../../support/kernel/peers/peer.ts";
import { simulatedLibc } from "../../support/kernel/simulated-libc.ts";
import { inSimulation, type Simulation } from "./simulation/simulation.ts";

const TOS = [abi.IPPROTO_IP, abi.IP_TOS] as const;
const SEND_BUFFER = [abi.SOL_SOCKET, abi.SO_SNDBUF] as const;
const RECEIVE_BUFFER = [abi.SOL_SOCKET, abi.SO_RCVBUF] as const;
const NO_DELAY = [abi.IPPROTO_TCP, abi.TCP_NODELAY] as const;
const IDLE = [abi.IPPROTO_TCP, abi.TCP_KEEPIDLE] as const;
const COUNT = [abi.IPPROTO_TCP, abi.TCP_KEEPCNT] as const;
const FAST_OPEN = [abi.IPPROTO_TCP, abi.TCP_FASTOPEN] as const;

const ALL: ListenSocketOptions & TargetSocketOptions = {
  sendBuffer: 70_000,
  receiveBuffer: 80_000,
  noDelay: false,
  congestion: "reno",
  dscp: 46,
};

/** An option of the engine's end. */
function optionOf({ endpoint }: Peer, [level, option]: readonly [number, number]): number {
  const into = new Uint8Array(16);
  assert.ok(endpoint.peer!.options.get(level, option, into) >= 0);
  return new DataView(into.buffer).getInt32(0, true);
}

function congestionOf({ endpoint }: Peer): string {
  const into = new Uint8Array(16);
  endpoint.peer!.options.get(abi.IPPROTO_TCP, abi.TCP_CONGESTION, into);
  return new TextDecoder().decode(into).replace(/\0.*$/s, "");
}

/** Where it was connected to from. */
function hostOf({ socket }: Peer): string {
  const words = new Uint32Array(4);
  return endOfWords(words, 0, decodePeer(socket.acceptedFrom(), words, 0)).host;
}

interface Pair {
  readonly client: Peer;
  readonly served: Peer;
}

/** A client that is served at a target; the target says something twice, the client as well. */
function pair(simulation: Simulation): Pair {
  const client = simulation.client().say("one");
  simulation.settle();
  const served = simulation.internet.targets[0]!.accepted.at(-1)!;
  for (const peer of [served, client, served, client]) {
    peer.say("more");
    simulation.settle();
  }
  assert.equal(served.text, "onemoremore");
  return { client, served };
}

const common = (peer: Peer) => [
  optionOf(peer, SEND_BUFFER),
  optionOf(peer, RECEIVE_BUFFER),
  optionOf(peer, NO_DELAY),
  optionOf(peer, TOS),
  congestionOf(peer),
];

describe("what an operator wants of sockets", () => {
  it("holds for clients, for targets, or for neither", () =>
    inSimulation({ engine: { threads: 1, listenSockets: ALL } }, (simulation) => {
      simulation.target("a", "10.0.0.1", () => undefined);
      const { client, served } = pair(simulation);
      assert.deepEqual(common(client), [140_000, 160_000, 0, 46 << 2, "reno"]);
      assert.deepEqual([optionOf(served, NO_DELAY), optionOf(served, TOS), congestionOf(served)], [1, 0, "cubic"]);
    }));

  it("is another pool's own", () =>
    inSimulation({ engine: { threads: 1, sockets: ALL } }, (simulation) => {
      simulation.target("a", "10.0.0.1", () => undefined);
      const { client, served } = pair(simulation);
      assert.deepEqual(common(served), [140_000, 160_000, 0, 46 << 2, "reno"]);
      assert.deepEqual([optionOf(client, NO_DELAY), optionOf(client, TOS), congestionOf(client)], [1, 0, "cubic"]);
    }));

  it("is taken back for those who come then", () =>
    inSimulation({ engine: { threads: 2, listenSockets: { ...ALL, fastOpen: 16 }, sockets: ALL } }, (simulation) => {
      const { engine, front, scheduler } = simulation;
      simulation.target("a", "10.0.0.1", () => undefined);
      const before = pair(simulation);
      front.listeners[0]!.change(simulation.address, { keepalive: 60_000 });
      scheduler.asMain(() => engine.changePool({ ...simulation.served, sockets: undefined }));
      simulation.settle();
      for (let i = 0; i < 4; i++) {
        const { client, served } = pair(simulation);
        for (const peer of [client, served]) {
          assert.deepEqual([optionOf(peer, NO_DELAY), optionOf(peer, TOS), congestionOf(peer)], [1, 0, "cubic"]);
          assert.notEqual(optionOf(peer, SEND_BUFFER), 140_000);
        }
        assert.equal(optionOf(client, FAST_OPEN), 0);
      }
      assert.equal(congestionOf(before.client), "reno");
    }));

  it("changes nothing where the kernel refuses a part of it", () =>
    inSimulation({ engine: { threads: 1, listenSockets: { dscp: 8 } } }, (simulation) => {
      const listener = simulation.front.listeners[0]!;
      simulation.target("a", "10.0.0.1", () => undefined);
      assert.throws(
        () => listener.change(simulation.address, { keepalive: 60_000, sockets: { dscp: 9, congestion: "none-such" } }),
        (error) => error instanceof NetError && /has no congestion control "none-such"/.test(error.message),
      );
      assert.equal(optionOf(pair(simulation).client, TOS), 8 << 2);
    }));

  it("has its own times for keepalive", () => {
    const times = { keepaliveTimes: { idle: 31, interval: 7, count: 5 } };
    return inSimulation({ engine: { threads: 1, listenSockets: times, sockets: times } }, (simulation) => {
      simulation.target("a", "10.0.0.1", () => undefined);
      const { client, served } = pair(simulation);
      simulation.pass(2_000); // connections that stay are kept alive
      for (const peer of [client, served]) assert.deepEqual([optionOf(peer, IDLE), optionOf(peer, COUNT)], [31, 5]);
      simulation.front.listeners[0]!.change(simulation.address, { keepalive: 60_000 });
      simulation.scheduler.asMain(() => simulation.engine.changePool({ ...simulation.served, sockets: undefined }));
      simulation.settle();
      const later = pair(simulation);
      simulation.pass(2_000);
      for (const peer of [later.client, later.served])
        assert.deepEqual([optionOf(peer, IDLE), optionOf(peer, COUNT)], [30, 3]);
    });
  });
});

describe("addresses to connect from", () => {
  const hosts = ["192.0.2.10", "192.0.2.11", "192.0.2.12"];

  it("have their turns", () =>
    inSimulation({ kernel: { hosts }, engine: { threads: 1, sockets: { source: hosts.slice(1) } } }, (simulation) => {
      simulation.target("a", "10.0.0.1", () => undefined);
      const seen = Array.from({ length: 4 }, () => hostOf(pair(simulation).served));
      assert.deepEqual(new Set(seen.slice(0, 2)), new Set(hosts.slice(1)));
      assert.deepEqual(seen.slice(2), seen.slice(0, 2));
    }));

  it("give as many connections as they have ports together", () =>
    inSimulation(
      {
        kernel: { hosts, ports: [50_000, 50_001] },
        engine: { threads: 1, sockets: { source: hosts.slice(1) } },
      },
      (simulation) => {
        simulation.target("a", "10.0.0.1", () => undefined);
        for (let i = 0; i < 4; i++) pair(simulation);
        const fifth = simulation.client();
        simulation.settle();
        assert.equal(fifth.ending, "fin");
        assert.equal(simulation.view("a").state, "up");
        assert.match(simulation.warnings.splice(0).join(), /out of local ports/);
      },
    ));

  it("are the clients' own where they are of the target's family", () =>
    inSimulation({ engine: { threads: 1, sockets: { source: "client" } } }, (simulation) => {
      simulation.target("a", "10.0.0.1", () => undefined);
      const client = simulation.client("198.51.100.7").say("hello");
      simulation.settle();
      const served = simulation.internet.targets[0]!.accepted[0]!;
      assert.equal(hostOf(served), "198.51.100.7");
      assert.equal(served.text, "hello");
      assert.equal(client.error, null);
    }));
});

describe("what cannot be had", () => {
  const libc = () => simulatedLibc(new SimulatedKernel({ seed: 1, hosts: ["192.0.2.10"] }));

  it("is said before anything is served", () => {
    const listeners = [{ congestion: "none-such" }];
    assert.match(socketsLacking(libc(), { listeners, targets: [] })!, /no congestion control "none-such"/);
    assert.match(socketsLacking(libc(), { listeners: [], targets: [{ source: ["192.0.2.99"] }] })!, /192\.0\.2\.99/);
    assert.equal(socketsLacking(libc(), { listeners: [ALL], targets: [{ ...ALL, source: ["192.0.2.10"] }] }), null);
  });

  it("is an error that names it", () => {
    assert.throws(
      () => tryTargetSockets(libc(), { source: ["192.0.2.99"] }),
      (error) => error instanceof NetError && /from .*: the address does not belong to this host/.test(error.message),
    );
  });
});
