/** Ports that targets of other balancers have brought. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SharedServices } from "../../src/app/shared-services.ts";
import { WAITING } from "../../src/group/offers.ts";
import type { SharedTarget } from "../../src/targets/shared-target.ts";
import { ManualClock } from "../support/clock.ts";
import { settle } from "../support/wait.ts";

function targetOf(id: string, listen?: number): SharedTarget {
  const report = { id, pool: "db", port: 80, weight: 1, health: "up", drain: false, listen } as const;
  return { report, address: { host: "10.0.0.1", port: 80 }, key: "k", by: "a", since: 0, at: 0 };
}

class World {
  readonly clock = new ManualClock();
  readonly pools = new Set<string>();
  readonly asked: string[] = [];
  opened = 0;
  refuses: Error | null = null;
  readonly services = new SharedServices({
    clock: this.clock,
    services: { pools: this.pools },
    brought: {
      bring: async ({ pool, listen }, { key }) => {
        this.asked.push(`${pool}:${listen} for ${key}`);
        if (this.refuses !== null) throw this.refuses;
        this.pools.add(pool);
      },
    },
    onOpened: () => void this.opened++,
  });
}

describe("a service whose targets report to another balancer", () => {
  it("is opened once, and they wait until it is", async () => {
    const world = new World();
    assert.equal(world.services.pending(targetOf("one")), null, "one that brings nothing waits for nothing");
    assert.equal(world.services.pending(targetOf("one", 5432)), WAITING);
    assert.equal(world.services.pending(targetOf("two", 5432)), WAITING);
    await settle();
    assert.deepEqual([world.asked, world.opened], [["db:5432 for k"], 1]);
    assert.equal(world.services.pending(targetOf("two", 5432)), null);
  });

  it("that cannot be opened is the reason, and is tried again after a while", async () => {
    const world = new World();
    world.refuses = new Error("another program has it");
    assert.equal(world.services.pending(targetOf("one", 5432)), WAITING);
    await settle();
    const why = "port 5432 cannot be opened for pool db: another program has it";
    assert.deepEqual([world.services.pending(targetOf("one", 5432)), world.asked.length], [why, 1]);
    world.clock.advance(10_000);
    world.refuses = null;
    assert.equal(world.services.pending(targetOf("one", 5432)), why, "until it is known to be otherwise");
    await settle();
    assert.deepEqual([world.services.pending(targetOf("one", 5432)), world.opened], [null, 1]);
  });

  it("is opened anew when its pool has gone", async () => {
    const world = new World();
    world.services.pending(targetOf("one", 5432));
    await settle();
    world.pools.delete("db");
    assert.equal(world.services.pending(targetOf("one", 5432)), WAITING);
    await settle();
    assert.equal(world.asked.length, 2);
  });
});
