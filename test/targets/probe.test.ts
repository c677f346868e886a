import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryNetwork } from "../../src/net/memory/memory.ts";
import { Prober } from "../../src/targets/probe.ts";
import { ManualClock } from "../support/clock.ts";
import { settle } from "../support/wait.ts";

const TARGET = { host: "10.0.0.7", port: 8080 };

function setUp() {
  const network = new MemoryNetwork();
  const clock = new ManualClock();
  return { network, clock, prober: new Prober({ runtime: network, clock }) };
}

describe("a probe", () => {
  it("says whether the target accepts, or why it could not be connected to", async () => {
    const { network, clock, prober } = setUp();
    assert.equal(await prober.probe(TARGET, 2_000), "ECONNREFUSED");
    const target = await network.listen(TARGET, (connection) => void connection.close());
    assert.equal(await prober.probe(TARGET, 2_000), "connected");
    network.connectFault = () => "blackhole";
    const silent = prober.probe(TARGET, 2_000);
    clock.advance(2_000);
    assert.equal(await silent, "ETIMEDOUT");
    network.connectFault = () => "EHOSTUNREACH";
    assert.equal(await prober.probe(TARGET, 2_000), "EHOSTUNREACH");
    await target.close();
    const closed = prober.close();
    clock.advance(1_000);
    await closed;
    assert.deepEqual([clock.pending, network.open], [0, 0]);
  });
});

describe("closing the prober", () => {
  it("ends the probes under way at once, and allows no further ones", async () => {
    const { network, clock, prober } = setUp();
    network.connectFault = () => "blackhole";
    const probe = prober.probe(TARGET, 2_000);
    await prober.close();
    assert.equal(await probe, "EABORTED");
    network.connectFault = null;
    const target = await network.listen(TARGET, () => assert.fail("no probe was wanted"));
    assert.equal(await prober.probe(TARGET, 2_000), "EABORTED");
    await target.close();
    assert.deepEqual([clock.pending, network.open], [0, 0]);
  });

  it("waits until the connections of earlier probes are gone, a second at most", async () => {
    const { network, clock, prober } = setUp();
    const target = await network.listen(TARGET, () => undefined);
    assert.equal(await prober.probe(TARGET, 2_000), "connected");
    let closed = false;
    const closing = prober.close().then(() => {
      closed = true;
    });
    clock.advance(999);
    await settle();
    assert.equal(closed, false);
    clock.advance(1);
    await closing;
    await target.close();
    assert.equal(clock.pending, 0);
  });
});
