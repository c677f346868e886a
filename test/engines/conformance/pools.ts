/** Pools and listeners that come, change and go while the engine runs. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { it } from "node:test";
import type { Connection, TcpAddress } from "../../../src/net/runtime.ts";
import { ALGORITHM_NAMES } from "../../../src/pool/pool.ts";
import { keepaliveIn } from "../../support/keepalive.ts";
import { answerer, echo, greeter } from "../../support/peers.ts";
import { ANY_PORT } from "../../support/ports.ts";
import { ending, readText } from "../../support/stream.ts";
import { now, settle, until } from "../../support/wait.ts";
import { servedPool, tcp } from "../front.ts";
import type { Host } from "../host.ts";
import { inLab, UNAVAILABLE } from "../lab.ts";

/** ms: longer than any test. */
const FOREVER = Number.POSITIVE_INFINITY;

export function pools(host: Host): void {
  const isReal = host.runtime.name !== "memory" && process.platform === "linux";
  const hasTimes = host.engine.name === "linux" || host.runtime.can.keepAliveTime;
  const noTimers = isReal && hasTimes ? false : "no list of timers, or no times to choose";

  it("serves each listener's pool, and names it in the records", () =>
    inLab(host, {}, async (lab) => {
      const other = await lab.another("other");
      await lab.target("one", answerer("one"));
      await lab.target("two", answerer("two"), {}, other);
      assert.equal(await lab.ask(), "one");
      await lab.recorded(1);
      assert.equal(await lab.ask(other.addresses[0]), "two");
      assert.deepEqual(
        (await lab.recorded(2)).map(({ pool, target }) => [pool, target]),
        [
          ["lab", "one"],
          ["other", "two"],
        ],
      );
    }));

  it("keeps each pool's permits, queue and answer apart", () =>
    inLab(host, { pool: { concurrency: 1, queue: 1 } }, async (lab) => {
      const other = await lab.another("other", { pool: { concurrency: 0 }, unavailable: Buffer.from("closed") });
      await lab.target("one", greeter("!"));
      const holder = await lab.client();
      await readText(holder, 1);
      const waiter = await lab.client();
      await until("the waiter", () => lab.pool.waiting === 1);
      assert.equal(other.pool.waiting, 0);
      const refused = await lab.client(other.addresses[0]);
      await until("the other pool's waiter", () => other.pool.waiting === 1);
      other.pool.setConcurrency(1);
      other.poolChanged();
      assert.equal(await readText(refused), "closed");
      await refused.close();
      await holder.closeWrite();
      assert.equal(await readText(waiter, 1), "!");
      await waiter.closeWrite();
      await lab.recorded(3);
    }));

  it("serves one pool behind several listeners, also such as come later", () =>
    inLab(host, { listen: [ANY_PORT, ANY_PORT] }, async (lab) => {
      await lab.target("one", answerer("one"));
      await lab.front.listen(ANY_PORT);
      assert.equal(new Set(lab.addresses.map(({ port }) => port)).size, 3);
      for (const address of lab.addresses) assert.equal(await lab.ask(address), "one");
    }));

  it("takes an address at once, and nobody in before it serves", () =>
    inLab(host, {}, async (lab) => {
      await lab.target("one", answerer("one"));
      const listener = await lab.engine.bind(ANY_PORT, { keepalive: 0 });
      const to = tcp(listener.address);
      const early = await lab.client(to);
      await early.closeWrite();
      await settle();
      assert.equal(lab.view("one").total, 0);
      await assert.rejects(lab.engine.bind(to, { keepalive: 0 }), { name: "NetError", code: "EADDRINUSE" });
      await listener.serve(lab.pool);
      assert.equal(await readText(early), "one");
      assert.equal(await lab.ask(to), "one");
      await lab.recorded(2);
    }));

  it("gives an address back that it never served", () =>
    inLab(host, {}, async (lab) => {
      const listener = await lab.engine.bind(ANY_PORT, { keepalive: 0 });
      await Promise.all([listener.close(), listener.close()]);
      const again = await lab.engine.bind(tcp(listener.address), { keepalive: 0 });
      await again.close();
    }));

  it("keeps clients alive as its listener says at the time", { skip: noTimers }, () =>
    inLab(host, {}, async (lab) => {
      await lab.target("one", echo);
      const listener = await lab.engine.bind(ANY_PORT, { keepalive: 0 });
      listener.serve(lab.pool);
      const to = tcp(listener.address);
      const served = async () => {
        const client = await lab.client(to);
        await client.write(Buffer.from("a"));
        assert.equal(await readText(client, 1), "a");
        return { client, timer: () => keepaliveIn(client.remote, client.local) };
      };
      const never = await served();
      listener.change(to, { keepalive: 600_000 });
      const sometimes = await served();
      await until("keepalive after minutes", () => (sometimes.timer() ?? 0) > 240_000);
      assert.equal(never.timer(), null);
      listener.change(to, { keepalive: 60_000 });
      const often = await served();
      await until("keepalive within the minute", () => (often.timer() ?? 60_001) < 60_000);
      for (const { client } of [never, sometimes, often]) await client.closeWrite();
      await lab.recorded(3);
    }),
  );

  it("closes one listener, and leaves connections and other listeners alone", () =>
    inLab(host, { listen: [ANY_PORT, ANY_PORT] }, async (lab) => {
      await lab.target("one", echo);
      const [first, second] = lab.addresses as [TcpAddress, TcpAddress];
      const client = await lab.client(first);
      await client.write(Buffer.from("a"));
      assert.equal(await readText(client, 1), "a");
      await lab.front.listeners[0]!.close();
      await assert.rejects(lab.client(first), { code: "ECONNREFUSED" });
      const other = await lab.client(second);
      for (const each of [client, other]) {
        await each.write(Buffer.from("b"));
        assert.equal(await readText(each, 1), "b");
        await each.closeWrite();
      }
      await lab.recorded(2);
    }));

  it("takes who is connected already when a listener closes", () =>
    inLab(host, { listen: [ANY_PORT, ANY_PORT] }, async (lab) => {
      await lab.target("one", answerer("one"));
      const [first] = lab.addresses;
      const clients = await Promise.all(Array.from({ length: 20 }, () => lab.client(first)));
      const closed = lab.front.listeners[0]!.close();
      for (const client of clients) {
        await client.closeWrite();
        assert.equal(await readText(client), "one");
      }
      await closed;
      await lab.recorded(20);
    }));

  it("moves a listener to another pool on the same socket; what is open stays where it is", () =>
    inLab(host, {}, async (lab) => {
      const other = await lab.another("other", { listen: [] });
      await lab.target("one", echo);
      await lab.target("two", answerer("two"), {}, other);
      const client = await lab.client();
      await client.write(Buffer.from("a"));
      assert.equal(await readText(client, 1), "a");
      await lab.front.listeners[0]!.serve(other.pool);
      for (let i = 0; i < 20; i++) assert.equal(await lab.ask(), "two");
      await client.write(Buffer.from("b"));
      assert.equal(await readText(client, 1), "b");
      await client.closeWrite();
      await until("its record", () => lab.records.some(({ target, bytesIn }) => target === "one" && bytesIn === 2));
      assert.equal(lab.view("one").active, 0);
    }));

  it("removes a pool: waiters are told, what is served may finish, and other pools notice nothing", () =>
    inLab(host, {}, async (lab) => {
      await lab.target("one", echo);
      const other = await lab.another("other", { pool: { concurrency: 1 } });
      await lab.target("two", echo, {}, other);
      const [mine, theirs] = [await lab.client(), await lab.client(other.addresses[0])];
      for (const client of [mine, theirs]) {
        await client.write(Buffer.from("a"));
        assert.equal(await readText(client, 1), "a");
      }
      const waiter = await lab.client(other.addresses[0]);
      await until("the waiter", () => other.pool.waiting === 1);
      let gone = false;
      const removed = other.close(FOREVER).then(() => (gone = true));
      assert.equal(await readText(waiter), UNAVAILABLE);
      for (const client of [mine, theirs]) {
        await client.write(Buffer.from("b"));
        assert.equal(await readText(client, 1), "b");
      }
      assert.equal(gone, false);
      await theirs.closeWrite();
      await waiter.close();
      await removed;
      assert.equal(other.pool.active, 0);
      await mine.write(Buffer.from("c"));
      assert.equal(await readText(mine, 1), "c");
      await mine.closeWrite();
      assert.deepEqual(
        new Set((await lab.recorded(3)).map(({ pool, cause }) => `${pool} ${cause}`)),
        new Set(["other stopping", "other fin", "lab fin"]), // in any order: they are several threads'
      );
    }));

  it("drops what a removed pool still serves after the time-out, which a second call may shorten", () =>
    inLab(host, {}, async (lab) => {
      const other = await lab.another("other");
      await lab.target("two", greeter("!"), {}, other);
      const client = await lab.client(other.addresses[0]);
      await readText(client, 1);
      const since = now();
      const slowly = other.close(FOREVER);
      await other.engine.removePool(other.pool, 300);
      await slowly;
      const took = now() - since;
      assert.ok(took >= 299 && took < 3_000, `removed after ${took} ms`);
      await ending(client);
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.pool, record!.endedBy, record!.cause], ["other", "balancer", "shutdown"]);
      await other.engine.removePool(other.pool, FOREVER); // it is gone
    }));

  it("has a pool again that was removed", () =>
    inLab(host, {}, async (lab) => {
      const other = await lab.another("other");
      await lab.target("two", answerer("two"), {}, other);
      assert.equal(await lab.ask(other.addresses[0]), "two");
      await other.close(FOREVER);
      const [address] = other.addresses;
      other.listeners.length = 0;
      lab.engine.addPool(other.served);
      await other.listen(address!);
      assert.equal(await lab.ask(address), "two");
    }));

  it("changes a pool's text and time-outs for all that begins from then on", () =>
    inLab(host, { queueTimeout: 60_000, pool: { concurrency: 0 } }, async (lab) => {
      const patient = await lab.client();
      let told = false;
      const text = readText(patient).finally(() => {
        told = true;
      });
      await until("the waiter", () => lab.pool.waiting === 1);
      const change = { queueTimeout: 200, unavailable: Buffer.from("changed") };
      lab.engine.changePool(servedPool(lab.pool, change));
      // A thread may hear of it a moment later.
      await until("the change", async () => {
        const since = now();
        const client = await lab.client();
        const answer = await Promise.race([readText(client), settleAfter(1_000)]);
        if (answer === null) client.abort(); // it came too early; on Deno it may wait on, since its abort is no reset
        return answer === "changed" && now() - since < 1_000;
      });
      assert.equal(told, false, "the first one keeps the time it had");
      lab.pool.setConcurrency(-1);
      lab.poolChanged();
      assert.equal(await text, "changed");
    }));

  it("follows its pool to other settings: who is served stays, and who waits keeps the place", () =>
    inLab(host, { pool: { concurrency: 1, queue: 4, algorithm: "leastconn" } }, async (lab) => {
      await lab.target("one", echo);
      const clients = [];
      for (let i = 0; i < 4; i++) {
        const client = await lab.client();
        await client.write(Buffer.from(String(i)));
        if (i === 0) assert.equal(await readText(client, 1), "0");
        else await until(`waiter ${i}`, () => lab.pool.waiting === i);
        clients.push(client);
      }
      lab.pool.change({ algorithm: "hash", persistent: 60_000, queue: 5_000, maxTargets: 2_000, concurrency: 2 });
      lab.poolChanged();
      assert.equal(await readText(clients[1]!, 1), "1");
      assert.deepEqual([lab.pool.active, lab.pool.waiting], [2, 2]);
      await clients[0]!.closeWrite();
      assert.equal(await readText(clients[2]!, 1), "2");
      await clients[2]!.closeWrite();
      assert.equal(await readText(clients[3]!, 1), "3");
      for (const client of [clients[1]!, clients[3]!]) await client.closeWrite();
      assert.ok((await lab.recorded(4)).every(({ cause, bytesIn }) => cause === "fin" && bytesIn === 1));
    }));

  it("loses nobody while its pool changes its algorithm and its memory under load", () =>
    inLab(host, {}, async (lab) => {
      for (const name of ["a", "b", "c"]) await lab.target(name, answerer(name));
      const rounds = 10 * ALGORITHM_NAMES.length;
      for (let i = 0; i < rounds; i++) {
        const answers = Promise.all(Array.from({ length: 8 }, () => lab.ask()));
        const algorithm = ALGORITHM_NAMES[i % ALGORITHM_NAMES.length]!;
        lab.pool.change({ algorithm, maxTargets: 100 + 50 * i, persistent: i % 3 === 0 ? 60_000 : null });
        lab.poolChanged();
        for (const answer of await answers) assert.match(answer, /^[abc]$/);
      }
      await lab.recorded(8 * rounds);
      assert.ok(lab.records.every(({ cause, tried }) => cause === "fin" && tried.length === 0));
    }));

  it("follows a pool to other memory while connections are open, and to targets beyond what there was memory for", () =>
    inLab(host, { pool: { maxTargets: 1_000, persistent: 60_000 } }, async (lab) => {
      await lab.target("one", echo);
      const long = await lab.client();
      await exchangeOn(long, "before");
      for (const [round, algorithm] of (["random", "hash", "roundrobin", "leastconn"] as const).entries()) {
        lab.pool.change({ algorithm, queue: 100 * round, persistent: round % 2 === 0 ? null : 60_000 });
        const { address } = await lab.target(`two ${round}`, answerer(`two ${round}`));
        for (let i = 0; i < 100; i++) lab.announce(`idle ${round} ${i}`, address, { weight: 0 });
        lab.pool.setState("one", "draining");
        for (let before = 0; before < round; before++) lab.pool.setState(`two ${before}`, "down");
        lab.poolChanged();
        assert.equal(await lab.ask(), `two ${round}`);
        await exchangeOn(long, algorithm);
      }
      await long.closeWrite();
      const records = await lab.recorded(5);
      assert.ok(records.every(({ cause }) => cause === "fin"));
      assert.deepEqual([lab.view("one").active, lab.view("one").total], [0, 1]);
    }));

  it("adds and removes pools and listeners beside connections that notice nothing", () =>
    inLab(host, {}, async (lab) => {
      await lab.target("one", echo);
      const long = await lab.client();
      for (let round = 0; round < 20; round++) {
        const other = await lab.another(`other-${round}`);
        await lab.target("two", answerer(`two ${round}`), {}, other);
        const asked = lab.ask(other.addresses[0]);
        await exchangeOn(long, `round ${round}`);
        assert.equal(await asked, `two ${round}`);
        await other.close(0);
        await assert.rejects(lab.client(other.addresses[0]), { code: "ECONNREFUSED" });
      }
      await long.closeWrite();
      const records = await lab.recorded(21);
      assert.ok(records.every(({ cause }) => cause === "fin"));
    }));

  it("ends every pool and listener at its close", () =>
    inLab(host, {}, async (lab) => {
      const other = await lab.another("other");
      await lab.target("two", greeter("!"), {}, other);
      const client = await lab.client(other.addresses[0]);
      await readText(client, 1);
      await lab.engine.close(0);
      await ending(client);
      assert.equal((await lab.recorded(1))[0]!.cause, "shutdown");
      for (const address of [...lab.addresses, ...other.addresses]) {
        await assert.rejects(lab.client(address), { code: "ECONNREFUSED" });
      }
      await assert.rejects(lab.engine.bind(ANY_PORT, { keepalive: 0 }), { name: "NetError", code: "ECLOSED" });
    }));
}

/** null, after that many ms of the host's time. */
async function settleAfter(ms: number): Promise<null> {
  const due = now() + ms;
  await until("some time", () => now() >= due);
  return null;
}

async function exchangeOn(client: Connection, text: string): Promise<void> {
  await client.write(Buffer.from(text));
  assert.equal(await readText(client, text.length), text);
}
