/** Where the API has a target. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { targetPath } from "../../../src/admin/shared/target-path.ts";

it("a target's path in the API is its name without its pool, each part escaped", () => {
  assert.equal(targetPath({ id: "web/10.0.0.5:80", pool: "web" }), "/v1/pools/web/targets/10.0.0.5%3A80");
  assert.equal(targetPath({ id: "web/[::1]:80", pool: "web" }), "/v1/pools/web/targets/%5B%3A%3A1%5D%3A80");
  assert.equal(targetPath({ id: "mq/unix:/run/a b", pool: "mq" }), "/v1/pools/mq/targets/unix%3A%2Frun%2Fa%20b");
  assert.equal(targetPath({ id: "a/b/unix:/run/x", pool: "a/b" }), "/v1/pools/a%2Fb/targets/unix%3A%2Frun%2Fx");
});
