/** What the API shows and does, for the program that a balancer runs in. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import harmony from "../../src/index.ts";
import { removeFolders } from "../support/folder.ts";
import { echoServer, endServers, openConnection } from "../support/peers.ts";
import { until, within } from "../support/wait.ts";

after(async () => {
  await endServers();
  removeFolders();
});

describe("a server's operator", () => {
  it("sees what is open, ends it, and has a target drained, in the program's name", async () => {
    const target = `127.0.0.1:${(await echoServer()).port}`;
    const balancer = harmony.server({
      admin: "127.0.0.1:0",
      key: "library:a-key-that-only-these-tests-use",
      drainTimeout: 0,
      pools: { web: { listen: "127.0.0.1:0", targets: [target] } },
    });
    const { operator } = balancer;
    await assert.rejects(operator.status(), { code: "NOT_READY", retry: true });
    const { listen } = await balancer.ready;
    try {
      const { connection, next } = await openConnection(listen[0]!.port);
      const { items, total } = await operator.connections({ pool: "web" });
      assert.deepEqual([total, items[0]!.target, items[0]!.phase], [1, `web/${target}`, "relay"]);
      await assert.rejects(operator.kill({}), { code: "BAD_REQUEST" });
      assert.equal(await operator.kill({ target: `web/${target}` }), 1);
      await within("its end", assert.rejects(next()));
      await until("nothing to be open", async () => (await operator.connections()).total === 0);
      await connection.close();
      const drained = await operator.order(`web/${target}`, { state: "drain", reason: "a test" });
      assert.deepEqual([drained.state, drained.order?.by, drained.order?.reason], ["draining", "program", "a test"]);
      assert.equal((await operator.status()).orders, 1);
      assert.equal((await operator.targets("web"))[0]!.state, "draining");
      assert.equal(operator.events().at(-1)!.kind, "ordered");
      assert.equal(operator.history("web").pool, "web");
      await assert.rejects(operator.order("web/nobody", { state: "drain" }), { code: "NO_TARGET" });
      assert.equal((await operator.order(`web/${target}`, { state: null })).order, null);
    } finally {
      await balancer.close();
    }
  });
});
