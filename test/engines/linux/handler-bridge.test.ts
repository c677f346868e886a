import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import { runtime } from "#runtime";
import { HandlerBridge } from "../../../src/engines/linux/main/handler-bridge.ts";
import { PREAMBLE_BYTES, writePreamble } from "../../../src/engines/linux/shared/preamble.ts";
import { Slots } from "../../../src/engines/linux/shared/slots.ts";
import { SOCKADDR_MAX } from "../../../src/engines/linux/sys/abi.ts";
import { encodeLiteral } from "../../../src/engines/linux/sys/sockaddr.ts";
import { BY_BALANCER, NO_TARGETS, outcome } from "../../../src/proxy/outcome.ts";
import type { UnavailableHandler } from "../../../src/proxy/unavailable.ts";
import { systemClock } from "../../../src/util/clock.ts";
import { dial } from "../../support/peers.ts";
import { ending, readText } from "../../support/stream.ts";
import { settle } from "../../support/wait.ts";
import { labPool, servedPool } from "../front.ts";

/** The number of the only pool. */
const POOL = 3;

/** The preamble of worker 1 for a client that gets no target. */
function preamble(secret: Uint8Array): Uint8Array {
  const slots = Slots.create(1);
  const peer = new Uint8Array(SOCKADDR_MAX);
  encodeLiteral("192.0.2.1", 1_000, peer);
  slots.begin(0, POOL, 0, 5, 0, peer, 0);
  slots.setOutcome(0, outcome(BY_BALANCER, NO_TARGETS));
  return writePreamble(secret, 1, 7, slots, 0, peer);
}

const sayWho: UnavailableHandler = (_error, socket) => void socket.end(`sorry, ${socket.remoteAddress}`);

/** A bridge to a handler, and with which codes that was called. */
async function withBridge(
  test: (bridge: HandlerBridge, port: number, calls: string[]) => Promise<void>,
  handler: UnavailableHandler = sayWho,
) {
  const calls: string[] = [];
  const unavailable: UnavailableHandler = (error, socket) => {
    calls.push(error.code);
    return handler(error, socket);
  };
  const served = servedPool(labPool(), { unavailable });
  const bridge = new HandlerBridge({
    runtime,
    clock: systemClock,
    served: (pool) => (pool === POOL ? served : undefined),
    drop: () => undefined,
    warn: (message) => assert.fail(message),
  });
  try {
    await test(bridge, await bridge.open(), calls);
  } finally {
    await bridge.close();
  }
}

describe("the way to the handler of unavailable", () => {
  it("takes a connection that brings the secret for the client it names", () =>
    withBridge(async ({ secret }, port, calls) => {
      const worker = await dial(port);
      await worker.write(preamble(secret));
      assert.equal(await readText(worker), "sorry, 192.0.2.1");
      assert.deepEqual(calls, ["no-targets"]);
      await worker.close();
    }));

  for (const [what, change] of [
    ["its first", 0],
    ["its last", 15],
  ] as const) {
    it(`drops a connection whose secret is wrong in ${what} byte, and calls nobody`, () =>
      withBridge(async ({ secret }, port, calls) => {
        const wrong = Uint8Array.from(secret);
        wrong[change]! ^= 1;
        const stranger = await dial(port);
        await stranger.write(preamble(wrong));
        await ending(stranger);
        assert.deepEqual(calls, []);
        stranger.abort();
      }));
  }

  for (const [when, split] of [
    ["with the preamble", PREAMBLE_BYTES + 3],
    ["after it", PREAMBLE_BYTES],
    ["in one piece with its end", PREAMBLE_BYTES - 1],
  ] as const) {
    it(`gives the handler what the client says ${when}`, () => {
      const repeat: UnavailableHandler = (_error, socket) => {
        let said = "";
        socket.on("data", (part: Buffer) => {
          said += part;
        });
        return new Promise<void>((resolve) => {
          socket.on("end", () => resolve(void socket.end(`${said}!`)));
        });
      };
      return withBridge(async ({ secret }, port) => {
        const worker = await dial(port);
        const all = Buffer.concat([preamble(secret), Buffer.from("tea?")]);
        await worker.write(all.subarray(0, split));
        await settle();
        await worker.write(all.subarray(split));
        await worker.closeWrite();
        assert.equal(await readText(worker), "tea?!");
        await worker.close();
      }, repeat);
    });
  }

  it("drops a connection that ends before its preamble does", () =>
    withBridge(async ({ secret }, port, calls) => {
      const stranger = await dial(port);
      await stranger.write(preamble(secret).subarray(0, PREAMBLE_BYTES - 1));
      await stranger.closeWrite();
      await ending(stranger);
      assert.deepEqual(calls, []);
      stranger.abort();
    }));
});
