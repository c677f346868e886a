import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deferred } from "../../../src/util/deferred.ts";
import { greeter } from "../../support/peers.ts";
import { readText } from "../../support/stream.ts";
import { settle } from "../../support/wait.ts";
import { inMemory } from "../memory-lab.ts";

describe("portable engine: after an attempt to connect that was given up", () => {
  it("the next one is made as if there had been none", () =>
    inMemory({ connectTimeout: 1_000, requeue: 0 }, async (lab) => {
      const target = await lab.target("one", greeter("!"));
      lab.network.connectFault = (to) => (to.port === target.port ? "blackhole" : undefined);
      const first = await lab.client();
      await settle();
      lab.clock.advance(1_100);
      assert.equal(await readText(first), "sorry");
      await first.close();
      lab.network.connectFault = null;
      assert.equal(await readText(await lab.client(), 1), "!");
      assert.equal(lab.view("one").failures, 1);
    }));

  it("a connection that comes of it all the same is dropped", () =>
    inMemory({ connectTimeout: 1_000, requeue: 0 }, async (lab) => {
      const target = await lab.target("one", greeter("!"));
      const late = deferred<void>();
      const connect = lab.network.connect.bind(lab.network);
      // As on a network whose attempts cannot be cancelled.
      lab.network.connect = async (options) => {
        const { to } = options;
        if ("path" in to || to.port !== target.port) return connect(options);
        const connection = await connect({ to });
        await late.promise;
        return connection;
      };
      const client = await lab.client();
      await settle();
      lab.clock.advance(1_100);
      assert.equal(await readText(client), "sorry");
      await client.close();
      late.resolve();
      await settle();
      assert.equal(lab.network.open, 0, "connections that nobody has closed");
    }));
});
