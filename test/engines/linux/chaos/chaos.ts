/** Anything that can happen to an engine, in an order that a seed decides, and what must be true whatever happens. */
import assert from "node:assert/strict";
import * as abi from "../../../../src/engines/linux/sys/abi.ts";
import type { Pool } from "../../../../src/pool/pool.ts";
import type { CloseRecord } from "../../../../src/proxy/record.ts";
import { CONNECTING, DELIVERING, QUEUED, RELAYING } from "../../../../src/proxy/states.ts";
import type { Target } from "../../../support/kernel/peers/internet.ts";
import type { Peer } from "../../../support/kernel/peers/peer.ts";
import { PipeEnd } from "../../../support/kernel/pipe.ts";
import { Random } from "../../../support/kernel/random.ts";
import { assertTried } from "../../../support/tried.ts";
import { Simulation } from "../simulation/simulation.ts";
import { Conversation } from "./conversation.ts";
import { Services, settingsOf } from "./services.ts";

const QUEUE_MS = 4_000;
const CONNECT_MS = 2_000;
const ANSWER = new TextEncoder().encode("nobody is here");

/** Where clients come from. */
const CLIENTS = Array.from({ length: 9 }, (_, i) => `198.51.100.${i + 1}`);

export interface ChaosOptions {
  readonly seed: number;
  /** Things that happen. */
  readonly steps: number;
  /** Workers die as well. */
  readonly deaths?: boolean;
}

interface Server {
  readonly name: string;
  readonly host: string;
  readonly maxConnections: number;
  target: Target | null;
}

export class Chaos {
  readonly simulation: Simulation;
  readonly #random: Random;
  readonly #options: ChaosOptions;
  readonly conversations: Conversation[] = [];
  readonly #byPort = new Map<number, Conversation>();
  readonly #servers: Server[];
  readonly #cut = new Set<Peer>();
  readonly #idleTimeout: number;
  readonly #requeue: number;
  #records = 0;
  #wrongRecord: unknown = null;
  #services: Services | null = null;

  constructor(options: ChaosOptions) {
    this.#options = options;
    const random = new Random(options.seed);
    this.#random = random;
    this.#idleTimeout = random.pick([0, 0, 3_000]);
    this.#requeue = random.below(3);
    const slow = random.chance(0.7);
    this.simulation = new Simulation({
      seed: options.seed,
      kernel: {
        delay: slow ? [0.05, random.pick([0.2, 5, 60])] : [0, 0],
        segmentBytes: random.pick([1_448, 9_000, 65_536]),
        sendBuffer: random.pick([8_192, 100_000, 1_000_000]),
        receiveBuffer: random.pick([8_192, 150_000, 1_000_000]),
        descriptors: random.pick([400, 4_000]),
      },
      threads: {
        turnMs: random.pick([0, 0.05, 2]),
        messageMs: random.pick([0, 1, 30]),
        preemption: random.pick([0, 0.01, 0.1]),
      },
      engine: {
        threads: random.between(1, 4),
        requeue: this.#requeue,
        connectTimeout: CONNECT_MS,
        queueTimeout: QUEUE_MS,
        idleTimeout: this.#idleTimeout,
        unavailable: random.pick([null, ANSWER]),
        sockets: random.pick([undefined, { close: "reset" }, { close: "reset", noDelay: false }]),
        onClose: (record) => this.#note(record),
      },
      pool: {
        algorithm: random.pick(["leastconn", "roundrobin", "random"]),
        concurrency: random.pick([-1, -1, 3, 20]),
        queue: random.pick([0, 5, 100]),
        persistent: random.pick([null, null, 2_000]),
        // In every other run targets are taken out for what their connections show.
        ejectAfter: options.seed % 2,
        ejectSlow: 500,
        ejectTime: 1_000,
      },
    });
    const { faults, habits } = this.simulation.kernel;
    habits.shuffle = random.pick([0, 0.3]);
    habits.cutShort = random.pick([0, 0.2]);
    habits.spurious = random.pick([0, 0.1]);
    if (random.chance(0.6)) {
      faults.shorten("send", 0.05);
      faults.shorten("splice", 0.2);
      faults.chance("send", abi.EAGAIN, 0.02);
      faults.chance("recv", abi.EAGAIN, 0.02);
      faults.chance("splice", abi.EAGAIN, 0.02);
      faults.chance("epoll_wait", abi.EINTR, 0.02);
    }
    if (random.chance(0.4)) {
      faults.chance("accept4", abi.ECONNABORTED, 0.02);
      faults.chance("accept4", random.pick([abi.EMFILE, abi.ENFILE, abi.ENOBUFS, abi.ENOMEM]), 0.02);
      faults.chance("socket", random.pick([abi.EMFILE, abi.ENFILE, abi.ENOBUFS, abi.ENOMEM]), 0.02);
      faults.chance("connect", random.pick([abi.EADDRNOTAVAIL, abi.ENETUNREACH, abi.ENOBUFS]), 0.02);
      faults.chance("epoll_ctl", random.pick([abi.ENOMEM, abi.ENOSPC]), 0.01);
      faults.chance("pipe2", random.pick([abi.EMFILE, abi.ENFILE, abi.ENOMEM]), 0.2);
      faults.chance("fcntl", abi.EPERM, 0.3);
    }
    this.#servers = [0, 0, 1, 4].map((maxConnections, i) => ({
      name: `t${i}`,
      host: `10.0.0.${i + 1}`,
      maxConnections,
      target: null,
    }));
  }

  async run(): Promise<void> {
    const { simulation } = this;
    simulation.kernel.faults.enabled = false;
    // As a balancer that has just started, to which targets are yet to come.
    const held = this.#random.chance(0.3);
    if (held) simulation.pool.hold();
    await simulation.start();
    this.#services = new Services(
      simulation,
      this.#random,
      settingsOf(simulation, (pool) => this.#fill(pool)),
    );
    for (const server of this.#servers) this.#open(server);
    if (!held) for (const server of this.#servers) this.#announce(server, "up");
    simulation.kernel.faults.enabled = true;
    for (let i = 0; i < this.#options.steps; i++) {
      await this.#act();
      if (this.#random.chance(0.7)) simulation.pass(this.#random.unit() * this.#random.pick([0.1, 1, 20]));
      this.#assertBounds();
    }
    this.#calm();
    this.#assertLively();
    this.#part();
    await this.#services!.end();
    this.#queue();
    this.#part();
    this.#assertEmpty();
    await simulation.close(1_000);
    this.#assertClosed();
  }

  /** One thing out of all that can happen. */
  async #act(): Promise<void> {
    const random = this.#random;
    const kind = random.below(100);
    if (kind < 25) this.#connect();
    else if (kind < 70) this.#talk();
    else if (kind < 80) this.#read();
    else if (kind < 84) this.#wire();
    else if (kind < 90) this.#server();
    else if (kind < 92) this.#pool();
    else if (kind < 97) await this.#services!.act();
    else if (kind < 99) this.#thread();
    else this.simulation.pass(random.pick([100, 1_000, 5_000]));
  }

  #connect(): void {
    for (let i = this.#random.between(1, 4); i > 0; i--) {
      const conversation = this.#converse();
      const { client } = conversation;
      if (this.#random.chance(0.3)) conversation.say(this.#size());
      if (this.#random.chance(0.1)) client.fin();
    }
  }

  #converse(to = this.#random.pick(this.#services!.addresses)): Conversation {
    const client = this.simulation.internet.client(to, this.#random.pick(CLIENTS));
    const pools = () => this.#services!.servedAt(to);
    const conversation = new Conversation(this.conversations.length, client, ANSWER, pools);
    this.conversations.push(conversation);
    this.#byPort.set(Number(/(\d+)$/.exec(client.name)![1]), conversation);
    return conversation;
  }

  #size(): number {
    const random = this.#random;
    const most = random.pick([10, 500, 20_000, 20_000, 300_000, 2_000_000]);
    return random.between(1, most);
  }

  #someone(): Conversation | null {
    const recent = this.conversations.slice(-30);
    return recent.length === 0 ? null : this.#random.pick(recent);
  }

  #talk(): void {
    const conversation = this.#someone();
    if (conversation === null) return;
    const byClient = this.#random.chance(0.5);
    const peer = byClient ? conversation.client : conversation.target;
    if (peer === null || peer.closed) return;
    if (peer.finOrdered) {
      if (this.#random.chance(0.1)) peer.reset();
      return;
    }
    const say = () => (byClient ? conversation.say(this.#size()) : conversation.answer(this.#size()));
    const kind = this.#random.below(40);
    if (kind < 25) say();
    else if (kind < 31) peer.fin();
    else if (kind < 33) peer.reset();
    else if (kind < 34) peer.abort();
    else if (kind < 35) peer.close();
    else if (kind < 36 && peer.urgentSent === 0 && peer.idle) peer.urgent();
    else if (kind < 38) {
      say();
      peer.fin();
    } else {
      say();
      peer.reset();
    }
  }

  #read(): void {
    const conversation = this.#someone();
    const peer = this.#random.chance(0.5) ? conversation?.client : conversation?.target;
    if (!peer || peer.closed) return;
    if (this.#random.chance(0.4)) peer.pause();
    else peer.resume(this.#random.pick([1, 1_000, 100_000, Number.POSITIVE_INFINITY]));
  }

  #wire(): void {
    const peer = this.#someone()?.client;
    if (!peer || peer.closed || !peer.connected) return;
    if (this.#cut.delete(peer)) {
      peer.mend();
    } else {
      this.#cut.add(peer);
      peer.cut();
    }
  }

  #server(): void {
    const server = this.#random.pick(this.#servers);
    const { network } = this.simulation.kernel;
    const kind = this.#random.below(6);
    if (kind === 0) server.target?.stopAccepting();
    else if (kind === 1) network.route(server.host, this.#random.pick(TROUBLES));
    else if (kind === 2 && server.target !== null) {
      server.target.close();
      server.target = null;
    } else this.#heal(server);
  }

  #heal(server: Server): void {
    this.simulation.kernel.network.route(server.host, "open");
    if (server.target === null) this.#open(server);
    else server.target.startAccepting();
  }

  #open(server: Server): void {
    const { internet } = this.simulation;
    server.target = internet.target(server.name, { host: server.host, port: 80 }, (peer) =>
      Conversation.serve(peer, server.name, (id) => this.#find(id)),
    );
  }

  #find(id: number): Conversation {
    const conversation = this.conversations[id];
    assert.ok(conversation, `nobody has begun a conversation ${id}`);
    return conversation;
  }

  #announce(server: Server, state: "up" | "draining" | "down"): void {
    const { pool, scheduler } = this.simulation;
    const { host, maxConnections, name } = server;
    const weight = this.#random.pick([1, 500, 1_000]);
    scheduler.asMain(() => {
      pool.set({ identity: name, address: { host, port: 80 }, weight, maxConnections }, state);
      this.simulation.poolChanged();
    });
  }

  /** Announces all servers to a pool that has come. */
  #fill(pool: Pool): void {
    const { engine, scheduler } = this.simulation;
    scheduler.asMain(() => {
      for (const { host, maxConnections, name } of this.#servers) {
        pool.set({ identity: name, address: { host, port: 80 }, weight: 500, maxConnections }, "up");
      }
      engine.poolChanged(pool);
    });
  }

  #pool(): void {
    const server = this.#random.pick(this.#servers);
    const { pool, scheduler } = this.simulation;
    if (this.#random.chance(0.1)) {
      scheduler.asMain(() => {
        pool.endHold();
        this.simulation.poolChanged();
      });
    } else if (this.#random.chance(0.3)) {
      this.#lookUp(this.#random.pick([null, null, 0, 5, 2_000]));
    } else if (this.#random.chance(0.2)) {
      scheduler.asMain(() => {
        pool.remove(server.name);
        this.simulation.poolChanged();
      });
    } else {
      this.#announce(server, this.#random.pick(["up", "up", "up", "draining", "down"]));
    }
  }

  /** Clients are to wait for so long until they are looked up; null: those who do have been. */
  #lookUp(ms: number | null): void {
    const { engine, pool, scheduler } = this.simulation;
    scheduler.asMain(() => {
      if (ms !== null) pool.lookUps.ms = ms;
      else pool.lookUps.done(pool.lookUps.begin());
      engine.lookedUp();
    });
  }

  #thread(): void {
    const { living } = this.simulation.scheduler;
    if (living.length === 0) return;
    const thread = this.#random.pick(living);
    if (this.#options.deaths && this.#random.chance(0.3)) thread.pointsLeft = this.#random.below(200);
    else thread.stop(this.#random.pick([1, 20, 1_000]));
  }

  /** What is thrown here would be a warning of the engine. */
  #note(record: CloseRecord): void {
    try {
      this.#recorded(record);
    } catch (error) {
      this.#wrongRecord ??= error;
    }
  }

  #recorded(record: CloseRecord): void {
    this.#records++;
    const conversation = this.#byPort.get(record.client.port);
    assert.ok(conversation, `a record of a client that there is not: ${JSON.stringify(record)}`);
    assert.equal(conversation.record, null, `${conversation} has two records`);
    assert.ok(conversation.pools.has(record.pool), `${conversation} is said to have been for ${record.pool}`);
    conversation.record = record;
    assertTried(record, this.#requeue);
  }

  /** What holds at any time. */
  #assertBounds(): void {
    const { pool, scheduler } = this.simulation;
    if (this.#wrongRecord !== null) throw this.#wrongRecord;
    // A worker that finds no memory for its epoll set cannot begin; another one is tried later.
    const deaths = scheduler.deaths.filter(
      (error) => !(this.#options.deaths && /epoll_ctl: errno/.test(String(error))),
    );
    assert.deepEqual(deaths, [], "a worker has died");
    for (const each of this.#services!.all) {
      assert.ok(each.active >= 0, `${each.active} permits`);
      for (const { active, identity, maxConnections } of each.targets()) {
        assert.ok(active >= 0, `${identity} counts ${active}`);
        assert.ok(maxConnections === 0 || active <= maxConnections, `${identity} has ${active} of ${maxConnections}`);
      }
    }
    const { concurrency } = pool.options;
    assert.ok(concurrency < 0 || pool.active <= concurrency, `${pool.active} permits of ${concurrency}`);
  }

  /** Nothing goes wrong any more, everybody reads, and time passes. */
  #calm(): void {
    const { kernel } = this.simulation;
    kernel.faults.clear();
    for (const server of this.#servers) {
      this.#heal(server);
      this.#announce(server, "up");
    }
    for (const pool of this.#services!.all) this.#fill(pool);
    this.#lookUp(0);
    for (const thread of this.simulation.scheduler.living) thread.pointsLeft = Number.POSITIVE_INFINITY;
    for (const peer of this.#cut) peer.mend();
    for (const { client, target } of this.conversations) {
      client.resume();
      target?.resume();
    }
    this.simulation.pass(QUEUE_MS + 20 * CONNECT_MS + 30_000);
    for (const { target } of this.conversations) target?.resume();
    this.simulation.pass(5_000);
  }

  /** What is left is alive: it has its bytes, and the books say what there is. */
  #assertLively(): void {
    const { kernel, scheduler } = this.simulation;
    const pools = this.#services!.all;
    const sum = (of: (pool: Pool) => number) => pools.reduce((total, pool) => total + of(pool), 0);
    this.#assertBounds();
    for (const conversation of this.conversations) if (conversation.live) conversation.assertDelivered();
    const states = scheduler.living.flatMap(({ slots }) =>
      Array.from({ length: 4_000 }, (_, slot) => slots.state(slot)),
    );
    const count = (...wanted: number[]) => states.filter((state) => wanted.includes(state)).length;
    assert.equal(
      sum(({ active }) => active),
      count(CONNECTING, RELAYING, DELIVERING),
      "permits, and connections that are served",
    );
    assert.equal(
      sum(({ waiting }) => waiting),
      count(QUEUED),
      "waiters, and connections that wait",
    );
    const active = sum((pool) => pool.targets().reduce((total, target) => total + target.active, 0));
    assert.equal(active, count(CONNECTING, RELAYING, DELIVERING), "connections of targets, and those there are");
    for (let fd = 0; fd < 4_000; fd++) {
      const file = kernel.descriptors.file(fd);
      if (file instanceof PipeEnd) assert.equal(file.pipe.held, 0, "a pipe holds bytes, and nobody is waiting for any");
    }
  }

  /** Everybody finishes. */
  #part(): void {
    // In rounds: those for whom there were no descriptors come in once others have left.
    for (let i = 0; i < 20; i++) {
      for (const { client } of this.conversations) client.fin();
      for (const target of this.simulation.internet.targets) for (const peer of target.accepted) peer.resume().fin();
      this.simulation.pass(5_000);
    }
  }

  /** Whoever waits is served as soon as there is a permit: whatever happened before, the queue has somebody who serves it. */
  #queue(): void {
    const { pool, scheduler } = this.simulation;
    const { concurrency, queue } = pool.options;
    if (concurrency <= 0 || queue < 5) return;
    scheduler.asMain(() => {
      for (const { name } of this.#servers) pool.setState(name, "up"); // as a probe would find those that are suspect
      this.simulation.poolChanged();
    });
    const late = Array.from({ length: concurrency + 3 }, () => this.#converse(this.simulation.address));
    this.simulation.pass(1_000);
    const served = late.filter(({ target }) => target !== null);
    assert.equal(served.length, concurrency, "clients that are served");
    for (const { client, target } of served) {
      client.fin();
      target!.fin();
    }
    this.simulation.pass(1_000);
    for (const conversation of late) assert.ok(conversation.target, `${conversation} waits, and there is a permit`);
  }

  #assertEmpty(): void {
    const { kernel } = this.simulation;
    this.#assertBounds();
    for (const conversation of this.conversations) {
      conversation.assertHonest();
      conversation.assertRecorded();
      assert.ok(conversation.client.over, `${conversation} is not over`);
    }
    assert.equal(this.#records, kernel.accepted, "one record for each connection that was accepted");
    for (const pool of this.#services!.all) {
      assert.equal(pool.active, 0, "permits that nobody has given back");
      assert.equal(pool.waiting, 0, "waiters that nobody serves");
      for (const { active, identity } of pool.targets()) assert.equal(active, 0, `${identity} still counts some`);
    }
    const left = kernel.descriptors.list().filter((file) => file.endsWith("tcp"));
    const listeners = this.simulation.scheduler.living.length;
    assert.equal(left.length, listeners, `connections that are still open: ${left.join(", ")}`);
  }

  #assertClosed(): void {
    const { internet, kernel } = this.simulation;
    assert.deepEqual(kernel.descriptors.list(), [], "descriptors after the end");
    for (const { client } of this.conversations) client.close();
    for (const target of internet.targets) for (const peer of target.accepted) peer.close();
    this.simulation.pass(200_000);
    assert.equal(kernel.network.open, 0, "ends of connections after the end");
    // A thread that dies just after it has counted a client, and before it has noted that, leaves that one counted.
    const counted = this.#services!.stillCounted(CLIENTS);
    assert.ok(counted.length <= this.simulation.scheduler.deaths.length, `still counted: ${counted}`);
  }
}

const TROUBLES = [
  "blackhole",
  "refuse",
  { errno: abi.EHOSTUNREACH, ms: 10 },
  { errno: abi.ENETUNREACH, ms: 0 },
] as const;
