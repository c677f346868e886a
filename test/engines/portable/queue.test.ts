import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Connection } from "../../../src/net/runtime.ts";
import { greeter } from "../../support/peers.ts";
import { readText } from "../../support/stream.ts";
import { settle } from "../../support/wait.ts";
import { inMemory, type MemoryLab } from "../memory-lab.ts";

/**
 * "a" has room and "small" is full. The head of the queue waits for "small", since the balancer had no port left towards "a" when
 * its turn came; the next one could be served by "a", if it were its turn.
 */
async function blocked(lab: MemoryLab): Promise<{ head: Connection; next: Connection }> {
  const a = await lab.target("a", greeter("a"), { weight: 1_000 });
  await lab.target("small", greeter("s"), { weight: 1, maxConnections: 1 });
  lab.pool.setState("a", "draining");
  await readText(await lab.client(), 1);
  lab.pool.setState("a", "up");
  let fault = true;
  lab.network.connectFault = (to) => {
    if (to.port !== a.port || !fault) return undefined;
    fault = false;
    return "EADDRNOTAVAIL";
  };
  const head = await lab.client();
  await settle();
  lab.clock.advance(500);
  const next = await lab.client();
  await settle();
  assert.equal(lab.pool.waiting, 2);
  lab.warnings.length = 0; // that it is out of ports
  return { head, next };
}

describe("portable engine: whoever waits behind the head of the queue", () => {
  it("has its turn at once when the head leaves", () =>
    inMemory({}, async (lab) => {
      const { head, next } = await blocked(lab);
      head.abort();
      assert.equal(await readText(next, 1), "a");
    }));

  it("has its turn at once when the head's time is up", () =>
    inMemory({ queueTimeout: 1_000 }, async (lab) => {
      const { head, next } = await blocked(lab);
      lab.clock.advance(600);
      assert.equal(await readText(head), "sorry");
      await head.close();
      assert.equal(await readText(next, 1), "a");
    }));
});
