/** What a reporter sees of its servers, over a network in memory and a clock that is moved by hand. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TargetHealth } from "../../src/app/target-health.ts";
import { parseCheck } from "../../src/config/check-text.ts";
import { MAX_HEALTH_REASON } from "../../src/control/protocol/messages.ts";
import { MemoryNetwork } from "../../src/net/memory/memory.ts";
import type { Listener } from "../../src/net/runtime.ts";
import { ManualClock } from "../support/clock.ts";
import { settle } from "../support/wait.ts";

const CHECK = parseCheck("tcp interval=1s rise=2 fall=2");
const PORT = 8080;

class World {
  readonly network = new MemoryNetwork();
  readonly clock = new ManualClock();
  readonly changes: number[] = [];
  readonly health: TargetHealth;

  constructor(checks: readonly (typeof CHECK | "off")[] = [CHECK]) {
    this.health = new TargetHealth({
      targets: checks.map((check, index) => ({ check, port: PORT + index })),
      runtime: this.network,
      clock: this.clock,
      onChange: (index) => void this.changes.push(index),
    });
  }

  server(port = PORT): Promise<Listener> {
    return this.network.listen({ host: "127.0.0.1", port }, (connection) => void connection.close());
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 50) {
      this.clock.advance(50);
      await settle(4);
    }
  }

  async close(): Promise<void> {
    const closed = this.health.close();
    await this.pass(3_000);
    await closed;
    assert.equal(this.clock.pending, 0);
  }
}

describe("a target whose reporter checks it", () => {
  it("is down until the check has passed, with the reason, and each change is told", async () => {
    const world = new World();
    assert.equal(world.health.of(0).health, "down");
    assert.match(world.health.of(0).reason!, /^its check tcp has not passed yet/);
    await world.pass(500);
    assert.match(world.health.of(0).reason!, /refused/);
    const server = await world.server();
    await world.pass(3_000);
    assert.deepEqual(world.health.of(0), { health: "up" });
    await server.close();
    await world.pass(3_000);
    assert.equal(world.health.of(0).health, "down");
    assert.match(world.health.of(0).reason!, /^its check tcp fails \(.*refused.*\)$/);
    assert.equal(world.changes.filter((index) => index === 0).length >= 2, true);
    await world.close();
  });

  it("has a reason that a report can carry, however long its check is", async () => {
    const world = new World([parseCheck(`http:/${"a".repeat(300)} interval=1s`)]);
    assert.equal(world.health.of(0).reason?.length, MAX_HEALTH_REASON);
    await world.close();
  });

  it("passes anew when another server has been started, whatever came of the one before, and once is enough", async () => {
    const world = new World([parseCheck("tcp interval=10m rise=2 fall=2"), "off"]);
    for (const before of ["down", "up"]) {
      if (before === "down") await world.pass(3_000);
      assert.equal(world.health.of(0).health, before);
      let hasPassed = false;
      void world.health.anew(0).then(() => {
        hasPassed = true;
      });
      await world.pass(500);
      assert.deepEqual([world.health.of(0).health, hasPassed], ["down", false]);
      const server = await world.server();
      await world.pass(1_500);
      assert.deepEqual([world.health.of(0).health, hasPassed], ["up", true]);
      await server.close();
    }
    await world.health.anew(1);
    await world.close();
  });

  it("is looked at by itself: another one of the same reporter has its own check, or none", async () => {
    const world = new World([CHECK, "off", CHECK]);
    const server = await world.server(PORT + 2);
    await world.pass(3_000);
    assert.deepEqual(
      [0, 1, 2].map((index) => world.health.of(index).health),
      ["down", "up", "up"],
    );
    assert.equal(world.health.words(1), null);
    await server.close();
    await world.close();
  });
});
