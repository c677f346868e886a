import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { it } from "node:test";
import type { Connection } from "../../../src/net/runtime.ts";
import { answerer, echo, greeter } from "../../support/peers.ts";
import { ANY_PORT } from "../../support/ports.ts";
import { ending, readText } from "../../support/stream.ts";
import { now, until } from "../../support/wait.ts";
import type { Host } from "../host.ts";
import { inLab, Lab, UNAVAILABLE } from "../lab.ts";

/** ms: longer than any test. */
const FOREVER = Number.POSITIVE_INFINITY;

export function lifecycle(host: Host): void {
  it("says that it can run here", async () => {
    assert.equal(await host.engine.test({ listen: [ANY_PORT] }), null);
  });

  it("refuses an address that is taken, and goes on", () =>
    inLab(host, {}, async (lab) => {
      await lab.target("one", answerer("one"));
      const taken = await host.runtime.listen(ANY_PORT, (connection) => connection.abort());
      await assert.rejects(lab.front.listen(taken.address), { name: "NetError", code: "EADDRINUSE" });
      await taken.close();
      const listener = await lab.front.listen(taken.address);
      assert.deepEqual({ ...listener.address }, { ...taken.address });
      assert.equal(await lab.ask(taken.address), "one");
      assert.equal(await lab.ask(), "one");
    }));

  it("tells its real ports, in the order they were asked for", () =>
    inLab(host, { listen: [ANY_PORT, ANY_PORT] }, async (lab) => {
      await lab.target("one", greeter("!"));
      const ports = lab.addresses.map((address) => address.port);
      assert.equal(new Set(ports).size, 2);
      for (const port of ports) {
        assert.ok(port > 0);
        const client = await lab.client({ host: "127.0.0.1", port });
        assert.equal(await readText(client, 1), "!");
      }
    }));

  it("can be closed before it was started", async () => {
    const lab = new Lab(host, {});
    await lab.engine.close(FOREVER);
    await lab.dispose();
  });

  it("refuses connections once it has told those that it closes which were there, and lets open ones finish", () =>
    inLab(host, {}, async (lab) => {
      await lab.target("one", echo);
      const client = await lab.client();
      await client.write(Buffer.from("a"));
      await readText(client, 1);
      let closed = false;
      const closing = lab.engine.close(FOREVER).then(() => {
        closed = true;
      });
      await refused(lab);
      await client.write(Buffer.from("b"));
      assert.equal(await readText(client, 1), "b");
      assert.equal(closed, false);
      await client.closeWrite();
      assert.equal(await client.read(), null);
      await closing;
      const relayed = lab.records.filter(({ phase }) => phase === "relay");
      assert.deepEqual(
        relayed.map(({ endedBy, cause }) => [endedBy, cause]),
        [["client", "fin"]],
      );
      const others = lab.records.filter((record) => !relayed.includes(record));
      assert.ok(others.every(({ cause }) => cause === "stopping"));
    }));

  it("tells waiters that it stops", () =>
    inLab(host, { pool: { concurrency: 1 } }, async (lab) => {
      await lab.target("one", greeter("!"));
      const holder = await lab.client();
      await readText(holder, 1);
      const waiters = [await lab.client(), await lab.client(), await lab.client()];
      await until("the waiters", () => lab.pool.waiting === 3);
      const closing = lab.engine.close(FOREVER);
      for (const waiter of waiters) {
        assert.equal(await readText(waiter), UNAVAILABLE);
        await waiter.close();
      }
      const records = await lab.recorded(3);
      assert.ok(records.every((record) => record.cause === "stopping" && record.phase === "unavailable"));
      await holder.closeWrite();
      await closing;
      await lab.recorded(4);
    }));

  it("drops what is still open after the time-out", () =>
    inLab(host, {}, async (lab) => {
      await lab.target("one", greeter("!"));
      const client = await lab.client();
      await readText(client, 1);
      const since = now();
      await lab.engine.close(300);
      const took = now() - since;
      assert.ok(took >= 299 && took < 3_000, `closed after ${took} ms`);
      await ending(client);
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.phase, record!.endedBy, record!.cause], ["relay", "balancer", "shutdown"]);
    }));

  it("drops everything at once at time-out 0, also when it was closing slowly", () =>
    inLab(host, {}, async (lab) => {
      await lab.target("one", greeter("!"));
      const client = await lab.client();
      await readText(client, 1);
      const slowly = lab.engine.close(FOREVER);
      await lab.engine.close(0);
      await slowly;
      assert.equal((await lab.recorded(1))[0]!.cause, "shutdown");
      await lab.engine.close(FOREVER);
    }));

  it("does not wait for clients that ignore what they are told", () =>
    inLab(host, {}, async (lab) => {
      const deaf = await lab.client();
      await deaf.write(Buffer.from("x"));
      assert.equal(await readText(deaf), UNAVAILABLE);
      const since = now();
      await lab.engine.close(0);
      assert.ok(now() - since < 4_000, "an answer that lingers must not hold up the end");
      assert.equal((await lab.recorded(1))[0]!.cause, "no-targets");
    }));
}

/** Until then, clients are told that the engine closes. The portable one may cut off who comes between its last look and its end. */
async function refused(lab: Lab): Promise<void> {
  const what = async (): Promise<string> => {
    let client: Connection | undefined;
    try {
      client = await lab.client();
      return await readText(client);
    } catch (error) {
      return (error as { code: string }).code;
    } finally {
      client?.abort(); // the engine would wait for its end
    }
  };
  await until("a refusal", async () => {
    const told = await what();
    if (told === "ECONNREFUSED") return true;
    if (told !== UNAVAILABLE && lab.host.engine.name === "portable") lab.cutOff();
    else assert.equal(told, UNAVAILABLE);
    return false;
  });
}
