import assert from "node:assert/strict";
import { test } from "node:test";
import { Advice } from "../../src/targets/advice.ts";
import type { TargetPool } from "../../src/targets/target-pool.ts";

test("an operator is told once for each pool of what its options may not have been meant to do", () => {
  const said: string[] = [];
  const advice = new Advice((message) => said.push(message));
  const look = (name: string, evictions: number, loneClient: string | null) =>
    advice.look(name, { evictions, loneClient } as TargetPool);

  look("web", 0, null);
  assert.deepEqual(said, []);
  look("web", 0, "10.0.0.1");
  look("web", 0, "10.0.0.2");
  assert.equal(said.length, 1);
  assert.match(said[0]!, /^pool web: all connections come from one address, 10\.0\.0\.1, .* --persistent off/);
  look("web", 5, "10.0.0.1");
  look("web", 6, null);
  assert.equal(said.length, 2);
  assert.match(said[1]!, /^pool web: more clients than --max-bindings/);
  look("db", 1, "::1");
  assert.deepEqual(
    said.slice(2).map((text) => text.split(":")[0]),
    ["pool db", "pool db"],
  );
});
