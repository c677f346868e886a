import { describe } from "node:test";
import { runtime as node } from "../../src/net/node/node.ts";
import { relay } from "../../src/net/relay.ts";
import type { Runtime } from "../../src/net/runtime.ts";
import { type BlackHole, openBlackHole } from "../support/black-hole.ts";
import { connectSuite } from "./suite-connect.ts";
import { handshakesSuite } from "./suite-handshakes.ts";
import { peersSuite } from "./suite-peers.ts";
import { relaySuite } from "./suite-relay.ts";
import { streamSuite } from "./suite-stream.ts";
import { tlsSuite } from "./suite-tls.ts";
import { unixSuite } from "./suite-unix.ts";

/**
 * What every runtime has to fulfil. It branches on `runtime.can` alone (and, where only an in-process network can differ,
 * on its being "memory"). `unanswered` gives an address that never answers, and never has answered `runtime` itself.
 */
export function conformance(
  label: string,
  runtime: Runtime,
  unanswered: () => Promise<BlackHole> = () => openBlackHole(node),
): void {
  describe(label, () => {
    streamSuite(runtime);
    connectSuite(runtime, unanswered);
    peersSuite(runtime);
    tlsSuite(runtime);
    handshakesSuite(runtime);
    relaySuite(runtime);
    unixSuite(runtime);
  });
  if (runtime.relay === relay) return;
  describe(`${label}, reference relay`, () => relaySuite({ ...runtime, relay }, "light"));
}
