/** Real reporters and real balancers on a network in memory: how they share the limit of a target, and what each knows of the others. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Agreement, type Seat } from "../../src/control/client/agreement.ts";
import { ControlClient, type ControlClientOptions } from "../../src/control/client/client.ts";
import { hostEnvironment } from "../../src/control/keys/key-places.ts";
import { Keys } from "../../src/control/keys/keys.ts";
import { ControlServer } from "../../src/control/server/server.ts";
import { MemoryNetwork } from "../../src/net/memory/memory.ts";
import type { Connection } from "../../src/net/runtime.ts";
import { ADMITTED, MAY_WAIT, Pool } from "../../src/pool/pool.ts";
import { PoolParts } from "../../src/targets/pool-parts.ts";
import { deferred } from "../../src/util/deferred.ts";
import { client as someone } from "../pool/helpers.ts";
import { ManualClock } from "../support/clock.ts";
import { settle } from "../support/wait.ts";
import { KEY, REPORT, START } from "./harness.ts";

const { t: _, ...TARGET } = REPORT;
const LEASE = 3_000;
const NOBODY = someone(0);

/** A balancer that can be cut off, and started anew. */
class Balancer {
  readonly host: string;
  pool = poolOf();
  /** Its welcome has no instance: it does not know of credits. */
  isOld = false;
  readonly #parts: PoolParts;
  #server: ControlServer;
  readonly #group: Group;
  readonly #connections: Connection[] = [];

  constructor(group: Group, index: number) {
    this.host = `10.0.0.${index + 1}`;
    this.#parts = new PoolParts((name) => {
      this.pool.share((concurrency) => this.#parts.part(name, concurrency));
    });
    this.#group = group;
    this.#server = this.#make();
  }

  #make(): ControlServer {
    const { network, clock } = this.#group;
    const runtime = network.from(this.host);
    return new ControlServer({
      runtime: {
        ...runtime,
        listen: (options, onConnection, onError) =>
          runtime.listen(options, (each) => onConnection(this.#noted(each)), onError),
      },
      admin: [{ host: this.host, port: 1666 }],
      adminTls: null,
      keys: new Keys([KEY], null, hostEnvironment()),
      pools: new Map([["default", this.pool]]),
      parts: this.#parts,
      hostTimeout: LEASE,
      heartbeat: 0,
      panicOf: () => true,
      maxTargets: () => 1_024,
      maxSessions: () => 100,
      name: "test-balancer",
      version: "2.0.0",
      clientListeners: () => [{ host: "", port: 3000 }],
      localAddresses: () => ["127.0.0.1"],
      onEvent: () => undefined,
      onChange: () => this.#serveWaiting(),
      clock,
      wallClock: () => START + clock.now(),
    });
  }

  start(): Promise<void> {
    return this.#server.start();
  }

  #noted(connection: Connection): Connection {
    this.#connections.push(connection);
    return connection;
  }

  /** No word of it arrives any more. */
  lose(): void {
    for (const connection of this.#connections.splice(0)) connection.abort();
  }

  /** As another process would after the first was killed: it remembers nothing. */
  async restart(): Promise<void> {
    this.lose();
    await this.close();
    this.pool = poolOf();
    await this.comesBack();
  }

  /** After close(), with the connections that it had. */
  async comesBack(): Promise<void> {
    this.#server = this.#make();
    await this.start();
  }

  /** `served`: settles when its connections are over; left out: they are. */
  close(served?: Promise<unknown>): Promise<void> {
    return this.#server.close({ served });
  }

  /** Gives one connection to whichever target; its name, or null. */
  take(): string | null {
    const row = this.pool.pick(NOBODY, [], this.#group.clock.now());
    return row < 0 ? null : this.pool.identity(row);
  }

  /** As many as it gives, at most so many. */
  takeAll(most = Number.POSITIVE_INFINITY): number {
    let taken = 0;
    while (taken < most && this.take() !== null) taken += 1;
    return taken;
  }

  /** So many come that have to wait for a target. */
  wait(count: number): void {
    assert.equal(this.pool.enter(0), ADMITTED);
    assert.equal(this.take(), null);
    this.pool.wait(0);
    for (let ticket = 1; ticket < count; ticket++) assert.ok(this.pool.enter(ticket) >= 0, "it waits behind");
  }

  /** As an engine does. */
  #serveWaiting(): void {
    for (let grant = this.pool.grant(); grant !== null; grant = this.pool.grant()) {
      if (this.pool.pickGranted(grant.ticket, NOBODY, [], this.#group.clock.now()) < 0) return;
    }
  }

  release(identity: string): void {
    this.pool.release(this.pool.row(identity), NOBODY, 0, 0, this.#group.clock.now());
  }

  credits(identity: string): number | null | undefined {
    return this.pool.view(identity)?.credits;
  }
}

function seatOf({ isOld }: Balancer, seat: Seat): Seat {
  if (!isOld) return seat;
  return { ...seat, connected: ({ instance: _, ...welcome }) => seat.connected(welcome) };
}

function poolOf(): Pool {
  return Pool.create({ name: "default", algorithm: "leastconn", persistent: null, concurrency: -1, queue: 100 });
}

class Group {
  readonly network = new MemoryNetwork();
  readonly clock = new ManualClock();
  readonly balancers: readonly Balancer[];
  readonly clients: ControlClient[] = [];
  readonly #agreements: Agreement[] = [];

  constructor(size: number) {
    this.balancers = Array.from({ length: size }, (_, index) => new Balancer(this, index));
  }

  static async start(size = 3): Promise<Group> {
    const group = new Group(size);
    for (const balancer of group.balancers) await balancer.start();
    return group;
  }

  /** A reporter of a target that accepts connections, by the name that every balancer gives it. */
  async join(
    host: string,
    maxConnections = 0,
    options: Partial<ControlClientOptions> = {},
    events: unknown[] = [],
  ): Promise<string> {
    await this.network.listen({ host, port: 8080 }, (connection) => void connection.close());
    const clients: ControlClient[] = [];
    const agreement = new Agreement({
      limits: [maxConnections],
      balancers: this.balancers.length,
      clock: this.clock,
      onDue: (balancer, ref) => clients[balancer]?.look(ref, { canWait: true }),
    });
    for (const [index, balancer] of this.balancers.entries()) {
      const client = new ControlClient({
        runtime: this.network.from(host),
        to: { host: balancer.host, port: 1666 },
        tls: null,
        key: () => KEY,
        targets: [{ ...TARGET, maxConnections }],
        seat: seatOf(balancer, agreement.seat(index)),
        ack: 300_000,
        software: "test-reporter 2.0.0",
        onEvent: (...event) => void events.push(event),
        clock: this.clock,
        wallClock: () => START + this.clock.now(),
        random: () => 0.5,
        ...options,
      });
      clients.push(client);
    }
    for (const client of clients) client.start();
    this.clients.push(...clients);
    this.#agreements.push(agreement);
    await this.pass(1_000);
    return `default/${host}:8080`;
  }

  async pass(ms: number, step = 50): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      this.clock.advance(Math.min(step, left));
      await settle(10);
    }
  }

  all(identity: string): (number | null | undefined)[] {
    return this.balancers.map((balancer) => balancer.credits(identity));
  }

  async close(): Promise<void> {
    for (const agreement of this.#agreements) agreement.close();
    for (const client of this.clients) await client.close();
    const closed = Promise.all(this.balancers.map((balancer) => balancer.close()));
    await this.pass(3_000, 1_000);
    await closed;
    assert.equal(this.clock.pending, 0, "timers");
  }
}

describe("the limit of a target that several balancers share", () => {
  it("is divided among them, and goes where clients wait", async () => {
    const group = await Group.start();
    const name = await group.join("10.0.1.1", 10);
    assert.deepEqual([...group.all(name)].sort(), [3, 3, 4]);
    const [a, b] = group.balancers as [Balancer, Balancer];
    a.takeAll();
    a.wait(20);
    await group.pass(1_000);
    assert.deepEqual([group.all(name), a.pool.view(name)?.active], [[10, 0, 0], 10]);
    // Two clients come elsewhere: they wait until connections have ended there.
    b.wait(2);
    await group.pass(500);
    assert.deepEqual([a.credits(name), b.credits(name)], [8, 0]);
    for (const served of [1, 2]) {
      a.release(name);
      await group.pass(500);
      assert.deepEqual([a.credits(name), b.pool.view(name)?.active], [8, served]);
    }
    await group.close();
  });

  it("holds while a balancer is started anew: what the one before had is issued after its lease", async () => {
    const group = await Group.start();
    const name = await group.join("10.0.1.1", 9);
    const [a, b, c] = group.balancers as [Balancer, Balancer, Balancer];
    for (const balancer of [b, c]) balancer.takeAll();
    await group.pass(500);
    const had = a.credits(name)!;
    const restarted = a.restart();
    await group.pass(1_000);
    await restarted;
    await group.pass(500);
    assert.equal(a.pool.view(name)?.state, "up");
    const rest = 9 - had;
    assert.ok((a.credits(name) ?? 0) + b.credits(name)! + c.credits(name)! <= rest, JSON.stringify(group.all(name)));
    await group.pass(LEASE * 1.1);
    assert.equal(
      group.all(name).reduce<number>((sum, each) => sum + (each ?? 0), 0),
      9,
    );
    await group.close();
  });

  it("is others' at once where a balancer stops, but for what it uses, which is so as its connections end", async () => {
    const group = await Group.start();
    const name = await group.join("10.0.1.1", 10);
    const [a, b, c] = group.balancers as [Balancer, Balancer, Balancer];
    const had = a.credits(name)!;
    const used = a.takeAll(2);
    const others = () => b.credits(name)! + c.credits(name)!;
    assert.equal(others(), 10 - had);
    const served = deferred<void>();
    let isClosed = false;
    const stopped = a.close(served.promise).then(() => {
      isClosed = true;
    });
    await group.pass(500);
    assert.equal(others(), 10 - used, "what it does not use");
    assert.equal(a.take(), null, "it has given it back");
    for (let left = used - 1; left >= 0; left--) {
      await group.pass(2 * LEASE);
      assert.equal(others(), 9 - left, "they may last longer than a lease");
      a.release(name);
      await group.pass(500);
      assert.equal(others(), 10 - left);
    }
    await group.pass(2_000);
    assert.ok(!isClosed, "others may be served still");
    served.resolve();
    await group.pass(100);
    await stopped;
    await group.close();
  });

  it("is as much another balancer's that comes to the place of one that stops", async () => {
    const group = await Group.start();
    const name = await group.join("10.0.1.1", 9);
    const [a] = group.balancers as [Balancer];
    a.takeAll(2);
    const former = a.pool;
    const served = deferred<void>();
    const stopped = a.close(served.promise);
    a.pool = poolOf();
    await group.pass(50);
    await a.comesBack();
    await group.pass(1_000);
    const sum = () => group.all(name).reduce<number>((total, each) => total + (each ?? 0), 0);
    assert.equal(sum(), 7, "the one before has two");
    for (const left of [1, 0]) {
      former.release(former.row(name), NOBODY, 0, 0, group.clock.now());
      await group.pass(500);
      assert.equal(sum(), 9 - left);
    }
    served.resolve();
    await group.pass(2_000);
    await stopped;
    await group.close();
  });

  it("is kept for a lease by a balancer that stops and is lost before it has told that it uses nothing any more", async () => {
    const group = await Group.start();
    const name = await group.join("10.0.1.1", 10);
    const [a, b, c] = group.balancers as [Balancer, Balancer, Balancer];
    const used = a.takeAll(2);
    const served = deferred<void>();
    const stopped = a.close(served.promise);
    await group.pass(500);
    a.lose();
    a.release(name);
    served.resolve();
    await group.pass(500);
    await stopped;
    assert.equal(b.credits(name)! + c.credits(name)!, 10 - used);
    await group.pass(LEASE * 1.1);
    assert.equal(b.credits(name)! + c.credits(name)!, 10);
    await group.close();
  });

  it("is kept by a balancer that has heard nothing for a lease, and not by one that answers", async () => {
    const group = await Group.start(2);
    const name = await group.join("10.0.1.1", 4);
    const [a] = group.balancers as [Balancer];
    assert.deepEqual(group.all(name), [2, 2]);
    assert.equal(a.takeAll(1), 1);
    // The process was stopped: its own clock has gone on, and no report was read meanwhile.
    const now = group.clock.now();
    assert.equal(a.pool.pick(NOBODY, [], now + LEASE), MAY_WAIT);
    await group.pass(LEASE); // reports come
    assert.ok(a.credits(name)! > 0);
    await group.close();
  });

  it("is a part of it for a balancer that does not know of credits, at least one, which is told once", async () => {
    const group = await Group.start(2);
    const [old] = group.balancers as [Balancer];
    old.isOld = true;
    const events: unknown[][] = [];
    const name = await group.join("10.0.1.1", 1, {}, events);
    assert.deepEqual([old.credits(name), old.pool.view(name)?.maxConnections], [null, 1]);
    assert.deepEqual(group.all(name), [null, 0]);
    await group.pass(2 * LEASE);
    assert.deepEqual(
      events.filter(([event]) => event === "inexact"),
      [["inexact", 0]],
    );
    await group.close();
  });
});

describe("connections that others have", () => {
  it("count where the next client goes: a newcomer gets its part, and not the next of every balancer", async () => {
    const group = await Group.start();
    const names: string[] = [];
    for (const [index, balancer] of group.balancers.entries()) {
      names.push(await group.join(`10.0.1.${index + 1}`));
      if (index > 0) await group.pass(LEASE); // so that all know what each has
      assert.equal(balancer.take(), names[index], "the one that has none");
      await group.pass(500);
    }
    const newcomer = await group.join("10.0.1.9");
    const total = (name: string) => group.balancers.reduce((sum, { pool }) => sum + (pool.view(name)?.active ?? 0), 0);
    for (const balancer of group.balancers) {
      assert.ok(balancer.take() !== null);
      await group.pass(500);
    }
    assert.deepEqual([...names, newcomer].map(total).sort(), [1, 1, 2, 2]);
    await group.close();
  });

  it("are not believed for longer than a lease after they were told", async () => {
    const group = await Group.start(2);
    const name = await group.join("10.0.1.1");
    const [a, b] = group.balancers as [Balancer, Balancer];
    a.takeAll(5);
    await group.pass(500);
    assert.equal(b.pool.view(name)?.elsewhere, 5);
    await a.close();
    await group.pass(2 * LEASE);
    assert.equal(b.pool.view(name)?.elsewhere, 0);
    await group.close();
  });
});

describe("a drain with several balancers", () => {
  it("is over once each has none left: one that answers, one that comes back, and one that does not", async () => {
    const group = await Group.start();
    const name = await group.join("10.0.1.1");
    const [a, b, c] = group.balancers as [Balancer, Balancer, Balancer];
    for (const balancer of group.balancers) assert.equal(balancer.take(), name);
    const left: (number | null | undefined)[] = [undefined, undefined, undefined];
    for (const [index, client] of group.clients.entries())
      void client.drain(60_000).then((active) => {
        left[index] = active;
      });
    await group.pass(1_000);
    assert.deepEqual(
      group.balancers.map(({ pool }) => pool.view(name)?.state),
      ["draining", "draining", "draining"],
    );
    a.release(name);
    const closed = [b.close(), c.close()];
    await group.pass(1_000);
    await Promise.all(closed);
    assert.deepEqual(left, [0, undefined, undefined], "those that are lost may come back");
    await b.comesBack();
    await group.pass(4_000);
    assert.deepEqual(left, [0, undefined, null], "what is open there is known again, and the other one is given up");
    assert.equal(b.pool.view(name)?.state, "draining");
    b.release(name);
    await group.pass(500);
    assert.deepEqual(left, [0, 0, null]);
    for (const client of group.clients) await client.leave();
    await group.close();
  });
});

describe("a pool's concurrency, at balancers that do not know of each other", () => {
  it("is divided by the number of balancers that its reporters speak to, and what remains goes to the first ones", async () => {
    const group = await Group.start();
    const permits = () => group.balancers.map(({ pool }) => pool.permits);
    for (const { pool } of group.balancers) pool.setConcurrency(11);
    assert.deepEqual(permits(), [11, 11, 11], "nobody has said anything");
    await group.join("10.0.1.1");
    assert.deepEqual(permits(), [4, 4, 3]);
    await group.join("10.0.1.2", 5);
    for (const { pool } of group.balancers) pool.setConcurrency(2);
    assert.deepEqual(permits(), [1, 1, 1], "at least one");
    for (const { pool } of group.balancers) pool.setConcurrency(-1);
    assert.deepEqual(permits(), [-1, -1, -1]);
    await group.balancers[1]!.close();
    for (const { pool } of group.balancers) pool.setConcurrency(11);
    await group.pass(2 * LEASE, 1_000);
    assert.deepEqual(permits(), [4, 4, 3], "one that is away keeps its part");
    await group.balancers[1]!.comesBack();
    await group.close();
  });
});
