/** A connection whose path dies while something is to be delivered ends in bounded time; one whose reader stalls does not. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import type { Peer } from "../../support/kernel/peers/peer.ts";
import type { LivenessInfo } from "../../support/kernel/tcp/liveness.ts";
import { inRelay } from "./simulation/in-relay.ts";
import { inSimulation } from "./simulation/simulation.ts";

/** ms of a relay when its test begins: it is one that stays, and is watched. */
const AGE = 2_500;
const KEEPALIVE = 12_000;
/** ms after which the end is certain: the limit, a quarter of it for the next look, and the report that begins the watch. */
const CERTAIN = 1.25 * KEEPALIVE + 1_000;
/** More than the kernels and the balancer hold. */
const MUCH = 8_000_000;

/** Counts how often the kernel is asked about the balancer's ends of these connections. */
function countAsked(...peers: Peer[]): () => number {
  let asked = 0;
  for (const { endpoint } of peers) {
    const { liveness } = endpoint.peer!;
    const { info } = liveness;
    liveness.info = () => {
      asked++;
      return info.call(liveness);
    };
  }
  return () => asked;
}

for (const side of ["client", "target"] as const) {
  const sides = (client: Peer, served: Peer) =>
    (side === "client" ? [client, served] : [served, client]) as [Peer, Peer];

  describe(`a ${side} whose path is cut`, () => {
    it("is given up while bytes to it are unacknowledged", () =>
      inRelay(AGE, KEEPALIVE, (simulation, client, served) => {
        const [lost, other] = sides(client, served);
        other.say("still there?");
        simulation.settle();
        lost.cut();
        other.say("and now?");
        simulation.pass(KEEPALIVE - 1_000);
        assert.equal(simulation.records.length, 0);
        simulation.pass(CERTAIN - KEEPALIVE + 1_000);
        assert.equal(simulation.records[0]?.endedBy, side);
        assert.equal(other.ending, "ECONNRESET");
      }));

    it("is given up in the middle of a stream", () =>
      inRelay(AGE, KEEPALIVE, (simulation, client, served) => {
        const [lost, other] = sides(client, served);
        lost.pause();
        other.sendRaw(Buffer.alloc(MUCH));
        for (let i = 0; i < 50; i++) {
          lost.resume(10_000);
          simulation.pass(1_000);
        }
        lost.cut();
        lost.resume();
        simulation.pass(CERTAIN);
        assert.equal(simulation.records[0]?.endedBy, side);
        assert.equal(other.ending, "ECONNRESET");
      }));

    it("is given up while its window is probed, and what it had sent is delivered", () =>
      inRelay(AGE, KEEPALIVE, (simulation, client, served) => {
        const [lost, other] = sides(client, served);
        lost.pause();
        other.sendRaw(Buffer.alloc(MUCH));
        simulation.pass(2_000);
        lost.say(", goodbye");
        simulation.settle();
        lost.cut();
        simulation.pass(CERTAIN + KEEPALIVE / 4); // the first of the probes that prove it is some seconds away
        assert.equal(simulation.records[0]?.endedBy, side);
        assert.match(other.text, /, goodbye$/);
      }));

    it("is given up when only the end of the stream was to reach it", () =>
      inRelay(AGE, KEEPALIVE, (simulation, client, served) => {
        const [lost, other] = sides(client, served);
        simulation.pass(2 * KEEPALIVE); // nobody looks any more
        lost.cut();
        other.fin();
        simulation.pass(1_000);
        assert.equal(simulation.records.length, 0);
        simulation.pass(CERTAIN);
        assert.equal(simulation.records.length, 1);
      }));

    it("is kept without keepalive, and nobody asks", () =>
      inRelay(AGE, 0, (simulation, client, served) => {
        const [lost, other] = sides(client, served);
        const asked = countAsked(client, served);
        lost.cut();
        other.say("are you there?");
        simulation.pass(600_000);
        assert.equal(simulation.records.length, 0);
        assert.equal(asked(), 0);
      }));

    it("is kept when the path is mended in time", () =>
      inRelay(AGE, KEEPALIVE, (simulation, client, served) => {
        const [lost, other] = sides(client, served);
        const before = lost.text;
        lost.cut();
        other.say("are you there?");
        simulation.pass(KEEPALIVE - 2_000);
        lost.mend();
        simulation.pass(10 * KEEPALIVE);
        assert.equal(lost.text, `${before}are you there?`);
        assert.equal(simulation.records.length, 0);
      }));
  });
}

it("a reader that stalls is left alone, and gets every byte afterwards", () =>
  inRelay(AGE, KEEPALIVE, (simulation, client, served) => {
    client.pause();
    served.sendRaw(Buffer.alloc(MUCH));
    simulation.pass(60 * KEEPALIVE);
    assert.equal(simulation.records.length, 0);
    client.resume();
    simulation.pass(1_000);
    assert.equal(client.received, MUCH);
  }));

describe("what the kernel says of a peer", () => {
  const cases: readonly (readonly [what: string, ends: boolean, says: Partial<LivenessInfo>])[] = [
    ["nothing of it for long, and something was only just sent", false, { unacked: 1 }],
    ["it has answered the last retransmission", false, { unacked: 1, retransmits: 3, retransmitAfter: 120_000 }],
    ["its answer to a retransmission may be under way", false, { unacked: 1, retransmits: 3, retransmitAfter: 99_500 }],
    ["it has not answered the last retransmission", true, { unacked: 1, retransmits: 3, retransmitAfter: 98_000 }],
    ["two probes are unanswered, one of them just sent", false, { unsent: 1, probes: 2 }],
    ["three probes are unanswered", true, { unsent: 1, probes: 3 }],
    ["probes were unanswered, but not for long", false, { unsent: 1, probes: 3, silence: KEEPALIVE - 1 }],
  ];
  for (const [what, ends, says] of cases) {
    it(`${what}: it is ${ends ? "given up" : "left alone"}`, () =>
      inRelay(AGE, KEEPALIVE, (simulation, client) => {
        const quiet = { unacked: 0, unsent: 0, retransmits: 0, probes: 0, retransmitAfter: 200, silence: 100_000 };
        client.endpoint.peer!.liveness.info = () => ({ ...quiet, ...says });
        simulation.pass(3 * KEEPALIVE);
        assert.equal(simulation.records.length, ends ? 1 : 0);
      }));
  }
});

describe("asking", () => {
  it("is done once in the time of --keepalive for a busy connection", () =>
    inRelay(AGE, KEEPALIVE, (simulation, client, served) => {
      const asked = countAsked(client, served);
      client.pause();
      served.sendRaw(Buffer.alloc(50 * MUCH));
      const times = 20;
      for (let ms = 0; ms < times * KEEPALIVE; ms += 500) {
        client.resume(100_000);
        simulation.pass(500);
      }
      const ends = 2;
      assert.ok(asked() >= ends * (times - 2), `${asked()} times`);
      assert.ok(asked() <= ends * (times + 2), `${asked()} times`);
    }));

  it("is over for a connection that has fallen silent", () =>
    inRelay(AGE, KEEPALIVE, (simulation, client, served) => {
      simulation.pass(2 * KEEPALIVE);
      const asked = countAsked(client, served);
      simulation.pass(100 * KEEPALIVE);
      assert.equal(asked(), 0);
    }));

  it("is not done for short connections", () =>
    inSimulation({ engine: { keepalive: KEEPALIVE } }, (simulation) => {
      simulation.target("a", "10.0.0.1", (peer) => void peer.say("hello").fin());
      const asked: (() => number)[] = [];
      for (let i = 0; i < 100; i++) {
        const client = simulation.client().say("hello");
        simulation.pass(300);
        asked.push(countAsked(client));
        client.fin();
        simulation.settle();
      }
      simulation.pass(2 * KEEPALIVE);
      assert.equal(simulation.records.length, 100);
      assert.ok(asked.every((count) => count() === 0));
    }));
});
