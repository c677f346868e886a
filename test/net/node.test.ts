/** The adapter over `node:net` and `node:tls` on what Bun and Deno make of these modules. */
import { it } from "node:test";
import { runtime } from "../../src/net/node/node.ts";
import { conformance } from "./conformance.ts";

if (process.versions.bun === undefined && process.versions.deno === undefined) {
  it("the node adapter", { skip: "is the native one here: native.test.ts" }, () => {});
} else {
  conformance("the node adapter", runtime);
}
