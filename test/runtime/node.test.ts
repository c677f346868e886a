/** The adapter over `node:net` and `node:tls`: on Node itself, and on what Bun and Deno make of these modules. */
import { runtime } from "../../src/runtime/node.ts";
import { conformance } from "./conformance.ts";

conformance("the node adapter", runtime);
