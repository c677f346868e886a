import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RunningState } from "../../src/app/running.ts";
import { OnDemand, type StartedServer } from "../../src/bin/on-demand/on-demand.ts";
import { type Deferred, deferred } from "../../src/util/deferred.ts";
import { ManualClock } from "../support/clock.ts";
import { settle } from "../support/wait.ts";

const IDLE = 10_000;
const START = 5_000;

interface FakeServer extends StartedServer {
  readonly ending: Deferred<number>;
  readonly acceptance: Deferred<boolean>;
  readonly told: string[];
}

/** The machine, with servers and balancers that do what the test says. */
class World {
  readonly clock = new ManualClock();
  readonly servers: FakeServer[] = [];
  readonly said: string[] = [];
  readonly happened: string[] = [];
  usage = { active: 0, total: 0 };
  /** Answers the question that is asked when it is to rest. */
  rested: Deferred<number> | null = null;
  readonly machine: OnDemand;
  readonly done: Promise<number>;

  constructor() {
    const note = (state: RunningState) => {
      this.said.push(typeof state === "string" ? state : `failed: ${state.failed}`);
    };
    this.machine = new OnDemand({
      announcer: {
        becomes: note,
        rest: () => {
          note("resting");
          this.rested = deferred<number>();
          return this.rested.promise;
        },
        usage: () => this.usage,
      },
      start: () => this.#start(),
      clock: this.clock,
      idleTime: IDLE,
      startTimeout: START,
      events: {
        starting: () => this.happened.push("starting"),
        up: () => this.happened.push("up"),
        failed: (why, retryMs) => this.happened.push(`failed, ${retryMs}: ${why}`),
        stopping: () => this.happened.push("stopping"),
        ended: (code) => this.happened.push(`ended ${code}`),
      },
      words: { late: "late", noStart: () => "no start", early: (code) => `early ${code}` },
    });
    this.done = this.machine.run();
  }

  #start(): FakeServer {
    const [ending, acceptance, told] = [deferred<number>(), deferred<boolean>(), [] as string[]];
    const server = {
      ending,
      acceptance,
      told,
      ended: ending.promise,
      accepting: () => acceptance.promise,
      stop: () => void told.push("stop"),
      kill: () => void told.push("kill"),
    };
    this.servers.push(server);
    return server;
  }

  get server(): FakeServer {
    return this.servers.at(-1)!;
  }

  /** Somebody waits, and the server comes up. */
  async up(): Promise<void> {
    this.machine.woken();
    await settle();
    this.server.acceptance.resolve(true);
    await settle();
    assert.equal(this.said.at(-1), "up");
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 500) {
      this.clock.advance(Math.min(500, left));
      await settle();
    }
  }

  /** It is idle, and asks who is left. */
  async idle(): Promise<void> {
    await this.pass(IDLE + 2_000);
    assert.equal(this.said.at(-1), "resting");
  }

  async rest(left: number): Promise<void> {
    this.rested!.resolve(left);
    await settle();
  }
}

describe("a server that runs only while somebody needs it", () => {
  it("is started once, however often it is told that somebody waits, and stopped when it was idle", async () => {
    const world = new World();
    await settle();
    assert.equal(world.servers.length, 0);
    for (let i = 0; i < 50; i++) world.machine.woken();
    await world.up();
    assert.equal(world.servers.length, 1);
    await world.idle();
    await world.rest(0);
    assert.deepEqual(world.said, ["up", "resting", "asleep"]);
    assert.deepEqual(world.server.told, ["stop"]);
    world.server.ending.resolve(0);
    await settle();
    assert.equal(world.servers.length, 1, "what was told while it started is of the past");
    await world.up();
    assert.equal(world.servers.length, 2);
  });

  it("runs on while somebody is there, or comes and goes", async () => {
    const world = new World();
    await world.up();
    world.usage = { active: 1, total: 1 };
    await world.pass(3 * IDLE);
    world.usage = { active: 0, total: 1 };
    for (let total = 2; total < 6; total++) {
      await world.pass(IDLE - 2_000);
      world.usage = { active: 0, total };
    }
    assert.deepEqual(world.said, ["up"]);
    await world.idle();
  });

  it("is not idle for a time in which its reporter was stopped, and heard of nobody", async () => {
    const world = new World();
    await world.up();
    world.usage = { active: 1, total: 1 };
    await world.pass(IDLE);
    world.usage = { active: 0, total: 1 }; // what the balancers have counted is too old by then
    world.clock.advance(3 * IDLE);
    await settle();
    world.usage = { active: 1, total: 1 };
    await world.pass(3 * IDLE);
    assert.deepEqual(world.said, ["up"]);
  });

  it("goes on where a client has come before its balancer heard that it drains, and where one waits since then", async () => {
    for (const late of ["a connection", "one that waits"]) {
      const world = new World();
      await world.up();
      await world.idle();
      if (late === "one that waits") world.machine.woken();
      await world.rest(late === "a connection" ? 1 : 0);
      assert.deepEqual(world.said, ["up", "resting", "up"], late);
      assert.deepEqual(world.server.told, []);
      await world.idle();
      await world.rest(0);
      assert.deepEqual(world.server.told, ["stop"]);
    }
  });

  it("is started anew for one who comes while it stops, once it has stopped; one that does not is killed", async () => {
    const world = new World();
    await world.up();
    await world.idle();
    await world.rest(0);
    world.machine.woken();
    await world.pass(29_000);
    assert.deepEqual([world.servers.length, world.server.told], [1, ["stop"]]);
    await world.pass(1_000);
    assert.deepEqual(world.server.told, ["stop", "kill"]);
    world.server.ending.resolve(137);
    await settle();
    assert.equal(world.servers.length, 2);
  });

  it("that has ended by itself is asleep at once, and not started again within a second", async () => {
    const world = new World();
    await world.up();
    world.server.ending.resolve(3);
    await settle();
    assert.deepEqual(world.said, ["up", "asleep"]);
    world.machine.woken();
    await world.pass(500);
    assert.equal(world.servers.length, 1);
    await world.pass(500);
    assert.equal(world.servers.length, 2);
  });

  it("that does not start is down for a time that grows, and asleep after that; a start that succeeds ends the growth", async () => {
    const world = new World();
    const times = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000];
    for (const ms of times) {
      world.machine.woken();
      await settle();
      world.server.acceptance.resolve(false);
      world.server.ending.resolve(4);
      await settle();
      assert.equal(world.said.at(-1), "failed: early 4");
      assert.equal(world.happened.at(-1), `failed, ${ms}: early 4`);
      world.machine.woken(); // of before
      await world.pass(ms);
      assert.equal(world.said.at(-1), "asleep");
    }
    assert.equal(world.servers.length, times.length);
    await world.up();
    world.server.ending.resolve(0);
    await settle();
    await world.pass(1_000);
    world.machine.woken();
    await settle();
    world.server.acceptance.resolve(false);
    world.server.ending.resolve(4);
    await settle();
    assert.equal(world.happened.at(-1), "failed, 1000: early 4");
  });

  it("that never accepts is stopped after its time, and one that cannot be started is told of", async () => {
    const world = new World();
    world.machine.woken();
    await settle();
    await world.pass(START);
    assert.equal(world.said.at(-1), "failed: late");
    assert.deepEqual(world.server.told, ["stop"]);
    world.server.ending.resolve(143);
    await settle();
    await world.pass(1_000);
    world.machine.woken();
    await settle();
    world.server.ending.reject(new Error("no such file"));
    world.server.acceptance.resolve(false);
    await settle();
    assert.equal(world.said.at(-1), "failed: no start");
  });

  it("leaves the server to the caller when it is to stop: its exit code is the whole's; 0 while none runs", async () => {
    const asleep = new World();
    asleep.machine.stop();
    assert.equal(await asleep.done, 0);
    for (const state of ["starting", "up"]) {
      const world = new World();
      if (state === "up") await world.up();
      else world.machine.woken();
      await settle();
      world.machine.stop();
      await settle();
      assert.equal(world.machine.isUp, state === "up");
      assert.deepEqual(world.server.told, []);
      world.server.ending.resolve(7);
      assert.equal(await world.done, 7);
    }
  });
});
