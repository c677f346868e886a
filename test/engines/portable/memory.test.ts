import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import { TICK_MS } from "../../../src/engines/portable/ticker.ts";
import { ANSWER_MS, LINGER_BYTES, LINGER_MS } from "../../../src/proxy/unavailable.ts";
import { PER_EPISODE } from "../../../src/util/rate-limited-log.ts";
import { echo, greeter } from "../../support/peers.ts";
import { drain, ending, readText } from "../../support/stream.ts";
import { settle } from "../../support/wait.ts";
import { inMemory, MemoryLab } from "../memory-lab.ts";

const NOBODY = { host: "127.0.0.1", port: 9 };

/** Who ended each connection so far, and how. */
function endings(lab: MemoryLab): string[] {
  return lab.records.map((record) => `${record.phase} ${record.endedBy} ${record.cause}`);
}

describe("portable engine: time-outs, to the tick", () => {
  it("connect time-out: neither early nor late", () =>
    inMemory({ connectTimeout: 700, requeue: 0 }, async (lab) => {
      lab.network.connectFault = (to) => (to.port === NOBODY.port ? "blackhole" : undefined);
      lab.announce("hole", NOBODY);
      const client = await lab.client();
      await settle();
      lab.clock.advance(699);
      await settle();
      assert.deepEqual([lab.view("hole").active, lab.view("hole").failures], [1, 0]);
      lab.clock.advance(TICK_MS);
      assert.equal(await readText(client), "sorry");
      await client.close();
      await settle();
      assert.deepEqual(endings(lab), ["unavailable balancer connect-failed"]);
      assert.equal(lab.view("hole").failures, 1);
    }));

  it("queue time-out: neither early nor late", () =>
    inMemory({ queueTimeout: 700, pool: { concurrency: 0 } }, async (lab) => {
      const client = await lab.client();
      await settle();
      lab.clock.advance(699);
      await settle();
      assert.equal(lab.pool.waiting, 1);
      lab.clock.advance(TICK_MS);
      assert.equal(await readText(client), "sorry");
      await client.close();
      await settle();
      assert.deepEqual(endings(lab), ["unavailable balancer queue-timeout"]);
      assert.ok(lab.records[0]!.queuedMs >= 700 && lab.records[0]!.queuedMs <= 700 + TICK_MS);
    }));

  it("idle limit: from the last byte, never early", () =>
    inMemory({ idleTimeout: 60_000 }, async (lab) => {
      await lab.target("one", echo);
      const client = await lab.client();
      for (let i = 0; i < 3; i++) {
        await client.write(Buffer.from("x"));
        await readText(client, 1);
        lab.clock.advance(59_000);
        await settle();
        assert.deepEqual(endings(lab), []);
      }
      lab.clock.advance(3_000);
      await settle();
      assert.deepEqual(endings(lab), ["relay balancer idle"]);
      assert.equal(await ending(client), "ECONNRESET");
    }));

  it("no idle limit with 0", () =>
    inMemory({ idleTimeout: 0 }, async (lab) => {
      await lab.target("one", greeter("!"));
      const client = await lab.client();
      await readText(client, 1);
      lab.clock.advance(24 * 3_600_000);
      await settle();
      assert.deepEqual(endings(lab), []);
    }));

  const stuckAnswers = {
    "a client that does not take its answer": Buffer.alloc(1_000_000),
    "a handler that never settles": () => new Promise<void>(() => undefined),
  };
  for (const [name, unavailable] of Object.entries(stuckAnswers)) {
    it(name, () =>
      inMemory({ unavailable }, async (lab) => {
        const client = await lab.client();
        await settle();
        lab.clock.advance(ANSWER_MS - 1);
        await settle();
        assert.deepEqual(endings(lab), []);
        lab.clock.advance(TICK_MS);
        await settle();
        assert.deepEqual(endings(lab), ["unavailable balancer no-targets"]);
        assert.equal(await ending(client), "ECONNRESET");
      }),
    );
  }

  it("a client that took its answer and does not hang up", () =>
    inMemory({}, async (lab) => {
      const client = await lab.client();
      assert.equal(await readText(client), "sorry");
      lab.clock.advance(LINGER_MS - TICK_MS);
      await settle();
      assert.deepEqual(endings(lab), []);
      lab.clock.advance(2 * TICK_MS);
      await settle();
      assert.deepEqual(endings(lab), ["unavailable balancer no-targets"]);
    }));

  it("a client that goes on sending after its answer", () =>
    inMemory({}, async (lab) => {
      const client = await lab.client();
      const block = Buffer.alloc(65_536);
      let sent = 0;
      await assert.rejects(async () => {
        for (; sent < 4 * LINGER_BYTES; sent += block.length) await client.write(block);
      });
      assert.ok(sent >= LINGER_BYTES && sent < LINGER_BYTES + 10 * block.length, `${sent} bytes were taken`);
    }));
});

describe("portable engine: a port that is in use", () => {
  const TAKEN = { host: "127.0.0.1", port: 4000 };

  for (const [what, leavesAfter] of [
    ["by a predecessor is waited for", 300],
    ["for longer is refused", 600],
  ] as const) {
    it(what, async () => {
      const lab = new MemoryLab({ listen: [TAKEN] });
      const predecessor = await lab.network.listen(TAKEN, (connection) => connection.abort());
      const outcome = lab.start().then(
        () => "started",
        (error) => error.code,
      );
      for (let ms = 0; ms <= 700; ms += 20) {
        if (ms === leavesAfter) await predecessor.close();
        lab.clock.advance(20);
        await settle();
      }
      assert.equal(await outcome, leavesAfter < 500 ? "started" : "EADDRINUSE");
      await lab.dispose();
    });
  }
});

describe("portable engine: closing", () => {
  it("a second call shortens the time-out, and cannot lengthen it", () =>
    inMemory({}, async (lab) => {
      await lab.target("one", greeter("!"));
      const client = await lab.client();
      await readText(client, 1);
      const closed = lab.engine.close(60_000);
      void lab.engine.close(1_000);
      void lab.engine.close(90_000);
      await settle();
      lab.clock.advance(999);
      await settle();
      assert.deepEqual(endings(lab), []);
      lab.clock.advance(TICK_MS);
      await closed;
      assert.deepEqual(endings(lab), ["relay balancer shutdown"]);
    }));

  it("leaves answers their moment though a listener closes again when it is told of an end", () => {
    const text = new Uint8Array(1_000).fill(65);
    let lab: MemoryLab | null = null;
    const onClose = () => void lab?.engine.close(0);
    const options = { network: { window: 100 }, pool: { concurrency: 1, queue: 0 }, unavailable: text, onClose };
    return inMemory(options, async (made) => {
      lab = made;
      await lab.target("one", echo);
      const served = await lab.client();
      await served.write(Buffer.from("x"));
      await readText(served, 1);
      const answered = await lab.client();
      await settle();
      const closing = lab.engine.close(500);
      lab.clock.advance(500 + TICK_MS);
      assert.equal(await readText(answered), "A".repeat(text.length));
      await answered.close();
      await closing;
    });
  });

  it("empties its backlog before it refuses connections, though not without end, and tells those in it that it stops", () =>
    inMemory({}, async (lab) => {
      const closing = lab.engine.close(60_000);
      const come = () => lab.network.connect({ to: lab.address }).catch(() => null);
      let told = 0;
      for (let client = await come(); client !== null; client = await come(), told++) {
        assert.equal(await readText(client), "sorry");
        await client.close();
        await settle(1);
        if (told >= 20) lab.clock.advance(50);
        assert.ok(told < 40, "it accepts for ever");
      }
      await closing;
      assert.deepEqual(endings(lab), Array(told).fill("unavailable balancer stopping"));
      assert.ok(told > 20, `${told} were told`);
    }));

  it("ends an attempt to connect as well", () =>
    inMemory({}, async (lab) => {
      lab.network.connectFault = (to) => (to.port === NOBODY.port ? "blackhole" : undefined);
      lab.announce("hole", NOBODY);
      await lab.client();
      await settle();
      await lab.engine.close(0);
      assert.deepEqual(endings(lab), ["connect balancer shutdown"]);
      assert.equal(lab.view("hole").failures, 0, "the target is not to blame");
    }));

  it("cannot be started afterwards", async () => {
    const lab = new MemoryLab({});
    await lab.engine.close(0);
    await assert.rejects(lab.start(), { name: "NetError", code: "ECLOSED" });
    await lab.dispose();
  });
});

describe("portable engine: trouble", () => {
  it("is told of once for each episode of accept errors", () =>
    inMemory({}, async (lab) => {
      await lab.target("one", greeter("!"));
      for (let episode = 1; episode <= 2; episode++) {
        let failures = 3;
        lab.network.acceptFault = () => (failures-- > 0 ? "EMFILE" : undefined);
        const client = await lab.client();
        await readText(client, 1);
        assert.equal(lab.warnings.length, episode);
        const says = "cannot accept connections: out of file descriptors (raise the limit: ulimit -n)";
        assert.equal(lab.warnings[episode - 1], says);
        lab.clock.advance(PER_EPISODE.window);
      }
      lab.warnings.length = 0;
    }));

  it("leaves descriptors to the rest of the process: turns clients away above its own, and says so", () =>
    inMemory({ limit: 150, reserve: 100 }, async (lab) => {
      await lab.target("one", greeter("!")); // a quarter of the limit is left to others, and 32 are the runtime's
      const most = Math.floor((150 - 37 - 32) / 2);
      const clients = [];
      for (let i = 0; i < most; i++) clients.push(await lab.client());
      for (const client of clients) assert.equal(await readText(client, 1), "!");
      assert.deepEqual(lab.warnings, []);
      await assert.rejects(readText(await lab.client()), { code: "ECONNRESET" });
      assert.deepEqual(lab.warnings.splice(0), [
        "cannot accept connections: out of file descriptors (raise the limit: ulimit -n)",
      ]);
      await clients[0]!.close();
      await settle();
      assert.equal(await readText(await lab.client(), 1), "!");
    }));

  it("gives a newcomer the descriptors of a waiter that has half-closed without having sent anything", () =>
    inMemory({ limit: 150, reserve: 100, pool: { concurrency: 0 } }, async (lab) => {
      const most = Math.floor((150 - 37 - 32) / 2);
      const clients = [];
      for (let i = 0; i < most; i++) clients.push(await lab.client());
      await clients[7]!.closeWrite();
      await settle();
      const [newcomer, next] = [await lab.client(), await lab.client()];
      await assert.rejects(readText(clients[7]!, 1), { code: "ECONNRESET" });
      await assert.rejects(readText(next, 1), { code: "ECONNRESET" });
      await lab.target("one", greeter("!"));
      lab.pool.setConcurrency(-1);
      lab.poolChanged();
      for (const client of [clients[0]!, newcomer]) assert.equal(await readText(client, 1), "!");
      assert.deepEqual(
        lab.records.map(({ cause, endedBy }) => [cause, endedBy]),
        [["queue-full", "balancer"]],
      );
      assert.equal(lab.warnings.splice(0).length, 1);
    }));

  it("does not start where no descriptors are left for clients", async () => {
    const lab = new MemoryLab({ limit: 40 });
    await assert.rejects(lab.start(), {
      code: "EMFILE",
      message: /no descriptors are left for clients.*ulimit/,
    });
    await lab.dispose();
  });

  it("is told of once, however long it lasts", () =>
    inMemory({}, async (lab) => {
      await lab.target("one", greeter("!"));
      lab.network.connectFault = (to) => (to.port === lab.address.port ? undefined : "EMFILE");
      for (let elapsed = 0; elapsed < 6 * PER_EPISODE.window; elapsed += PER_EPISODE.window / 2) {
        const client = await lab.client();
        assert.equal(await readText(client), "sorry");
        await client.close();
        lab.clock.advance(PER_EPISODE.window / 2);
      }
      assert.equal(lab.warnings.length, 1);
      lab.warnings.length = 0;
    }));

  for (const [code, what] of [
    ["EMFILE", /file descriptors/],
    ["EADDRNOTAVAIL", /local ports/],
    ["ENOBUFS", /memory/],
  ] as const) {
    it(`of its own while connecting is not blamed on the target: ${code}`, () =>
      inMemory({ requeue: 5 }, async (lab) => {
        await lab.target("one", greeter("!"));
        lab.network.connectFault = (to) => (to.port === lab.address.port ? undefined : code);
        for (let i = 0; i < 2; i++) {
          const client = await lab.client();
          assert.equal(await readText(client), "sorry");
          await client.close();
        }
        assert.deepEqual([lab.view("one").failures, lab.view("one").state], [0, "up"]);
        assert.equal(lab.warnings.length, 1);
        assert.match(lab.warnings[0]!, what);
        lab.warnings.length = 0;
      }));
  }

  it("of the engine itself ends the connection it was with, and says so", async () => {
    const lab = new MemoryLab({ pool: { concurrency: 1 } });
    await lab.start();
    await lab.target("one", echo);
    lab.network.relay = () => Promise.reject(new Error("broken inside"));
    const client = await lab.client();
    await settle();
    assert.deepEqual(endings(lab), ["relay balancer reset"]);
    assert.equal(lab.pool.active, 0, "its permit is free again");
    await assert.rejects(client.read(), { code: "ECONNRESET" });
    assert.equal(lab.warnings.length, 1);
    assert.match(lab.warnings[0]!, /dropped by a fault of the engine: broken inside/);
    await lab.dispose();
  });

  it("with the listener for close records does not stop it", () => {
    let records = 0;
    const onClose = () => {
      records++;
      throw new Error("not my day");
    };
    return inMemory({ onClose }, async (lab) => {
      for (let i = 0; i < 2; i++) {
        const client = await lab.client();
        assert.equal(await readText(client), "sorry");
        await client.close();
        await settle();
      }
      assert.equal(records, 2);
      assert.match(lab.warnings[0]!, /not my day/);
      lab.warnings.length = 0;
    });
  });

  it("with a target that resets at once reaches the client as a reset", () =>
    inMemory({}, async (lab) => {
      await lab.target("one", greeter("!"));
      lab.network.connectFault = (to) => (to.port === lab.address.port ? undefined : "reset");
      const client = await lab.client();
      assert.equal(await ending(client), "ECONNRESET");
      await settle();
      assert.deepEqual(endings(lab), ["relay target reset"]);
    }));

  it("with a target that resets reaches a client that has yet to read within a tick after it has", () =>
    inMemory({}, async (lab) => {
      await lab.target("one", async (target) => {
        await target.write(Buffer.from("hello"));
        await settle();
        target.abort();
      });
      const client = await lab.client();
      await settle(200);
      for (let second = 0; second < 5; second++) {
        lab.clock.advance(1_000);
        await settle();
      }
      assert.deepEqual(endings(lab), []);
      assert.equal(await readText(client, 5), "hello");
      lab.clock.advance(TICK_MS);
      await settle();
      assert.deepEqual(endings(lab), ["relay target reset"]);
      assert.equal(await ending(client), "ECONNRESET");
    }));
});

describe("portable engine: clients that leave before they are served", () => {
  it("from the queue: its turn goes to the next", () =>
    inMemory({ pool: { concurrency: 1 } }, async (lab) => {
      await lab.target("one", greeter("!"));
      const holder = await lab.client();
      await readText(holder, 1);
      const leaver = await lab.client();
      await settle();
      const next = await lab.client();
      await settle();
      assert.equal(lab.pool.waiting, 2);
      leaver.abort();
      await settle();
      assert.deepEqual(endings(lab), ["queue client reset"]);
      assert.equal(lab.pool.waiting, 1);
      await holder.closeWrite();
      await readText(next, 1);
    }));

  it("during connect: the attempt is given up, and the permit goes to the next", () =>
    inMemory({ pool: { concurrency: 1 } }, async (lab) => {
      let hole = true;
      await lab.target("one", greeter("!"));
      lab.network.connectFault = (to) => (hole && to.port !== lab.address.port ? "blackhole" : undefined);
      const leaver = await lab.client();
      await settle();
      const next = await lab.client();
      await settle();
      assert.deepEqual([lab.view("one").active, lab.pool.waiting], [1, 1]);
      hole = false;
      leaver.abort();
      await settle();
      assert.deepEqual(endings(lab), ["connect client reset"]);
      assert.equal(lab.view("one").failures, 0);
      await readText(next, 1);
    }));

  it("with a FIN only: they may wait for their answer, and are served", () =>
    inMemory({ pool: { concurrency: 0 } }, async (lab) => {
      await lab.target("one", echo);
      const client = await lab.client();
      await client.write(Buffer.from("still here"));
      await client.closeWrite();
      await settle();
      assert.equal(lab.pool.waiting, 1);
      lab.pool.setConcurrency(-1);
      lab.poolChanged();
      assert.equal(await readText(client), "still here");
    }));
});

describe("portable engine: order in the queue", () => {
  it("waits for room in the order of arrival, one grant for each room", () =>
    inMemory({}, async (lab) => {
      const served: string[] = [];
      const serve = async (connection: Parameters<typeof echo>[0]) => {
        served.push(await readText(connection, 1));
        await drain(connection);
        await connection.close();
      };
      await lab.target("one", serve, { maxConnections: 1 });
      const clients = [];
      for (const name of "abcdef") {
        const client = await lab.client();
        await client.write(Buffer.from(name));
        await settle();
        clients.push(client);
      }
      for (const client of clients) {
        await client.closeWrite();
        await settle();
      }
      assert.deepEqual(served, [..."abcdef"]);
    }));
});
