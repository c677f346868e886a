/** Others may write to the group's store, and too much of everything: what one of them says costs bounded work. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { settle } from "../support/wait.ts";
import { World } from "./world.ts";

describe("hints that come without end", () => {
  it("are a few reads, and not one each", async () => {
    const world = new World();
    const [a] = [await world.start("a"), await world.start("b")];
    await world.pass(1_000);
    const before = world.memory.counts.calls;
    for (let n = 0; n < 200; n++) {
      world.memory.tell(JSON.stringify({ t: "orders", by: "somebody" }));
      await settle(5);
    }
    await world.pass(20, 20);
    const calls = world.memory.counts.calls - before;
    assert.ok(calls >= 2 && calls <= 10, `each of the two has read ${calls / 2} times`);
    assert.equal(a.group.view().state, "connected");
    world.close();
  });
});
