import { describe } from "node:test";
import { relay } from "../../src/net/relay.ts";
import type { Runtime } from "../../src/net/runtime.ts";
import { type BlackHole, blackHole } from "./kit.ts";
import { connectSuite } from "./suite-connect.ts";
import { handshakesSuite } from "./suite-handshakes.ts";
import { peersSuite } from "./suite-peers.ts";
import { relaySuite } from "./suite-relay.ts";
import { streamSuite } from "./suite-stream.ts";
import { tlsSuite } from "./suite-tls.ts";

/**
 * What every runtime has to fulfil. It branches on `runtime.can` alone (and, where only an in-process network can differ,
 * on its being "memory"). `openBlackHole` gives an address that never answers.
 */
export function conformance(
  label: string,
  runtime: Runtime,
  openBlackHole: () => Promise<BlackHole> = () => blackHole(),
): void {
  describe(label, () => {
    streamSuite(runtime);
    connectSuite(runtime, openBlackHole);
    peersSuite(runtime);
    tlsSuite(runtime);
    handshakesSuite(runtime);
    relaySuite(runtime);
  });
  if (runtime.relay === relay) return;
  describe(`${label}, reference relay`, () => relaySuite({ ...runtime, relay }, "light"));
}
