import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Pool } from "../../src/pool/pool.ts";
import type { ProbeOutcome } from "../../src/targets/probe.ts";
import { Suspects } from "../../src/targets/suspects.ts";
import { settle } from "../support/wait.ts";

describe("suspects", () => {
  it("drained while their probe is under way stay drained", async () => {
    const pool = Pool.create({ name: "p", algorithm: "leastconn", persistent: null, concurrency: -1, queue: 0 });
    const spec = { identity: "p/x", address: { host: "10.0.0.1", port: 1 }, weight: 1, maxConnections: 0 };
    pool.set(spec, "up");
    pool.setState("p/x", "suspect");
    let now = 0;
    let answer: (outcome: ProbeOutcome) => void = () => assert.fail("no probe was made");
    const probe = () => new Promise<ProbeOutcome>((resolve) => (answer = resolve));
    const suspects = new Suspects({ pools: new Map([["p", pool]]), now: () => now, probe, onChange: () => undefined });
    suspects.tick();
    now = 1_000;
    suspects.tick();
    pool.set(spec, "draining");
    answer("connected");
    await settle(3);
    assert.equal(pool.view("p/x")?.state, "draining");
  });
});
