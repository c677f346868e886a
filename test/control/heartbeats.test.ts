/** Signs of life: when reporters send them, and when the balancer takes one that sends none any more for silent. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Heartbeat } from "../../src/control/client/heartbeat.ts";
import { Heartbeats, MISSED, type Pulse, SILENT } from "../../src/control/server/heartbeats.ts";
import type { Runtime } from "../../src/net/runtime.ts";
import { ManualClock } from "../support/clock.ts";
import fc from "../support/draws.ts";
import { settle, until } from "../support/wait.ts";
import { leavesNothing, REPORT, World } from "./harness.ts";

const A = "10.0.0.7";
const INTERVAL = 1_000;
/** A look comes so often. */
const LOOK = INTERVAL / 8;

/** Sessions by their names, and what is told of them. */
class Ward {
  readonly clock = new ManualClock();
  readonly story: string[] = [];
  readonly heartbeats = new Heartbeats<string>({
    interval: INTERVAL,
    clock: this.clock,
    onSilent: (session, rounds) => void this.story.push(`${session} ${rounds}`),
    onHeard: (session) => void this.story.push(`${session} heard`),
  });
  readonly #pulses = new Map<string, Pulse>();

  /** A line of it comes, and the next one is awaited. */
  line(session: string): void {
    const pulse = this.#pulses.get(session) ?? this.heartbeats.begin(session);
    this.#pulses.set(session, pulse);
    this.heartbeats.heard(session, pulse);
    this.heartbeats.listens(pulse);
  }

  /** A line of it comes, and is worked on. */
  work(session: string): void {
    this.heartbeats.heard(session, this.#pulses.get(session)!);
  }
}

describe("a session that sends heartbeats", () => {
  it("is missed after one and a quarter, silent after two and a half, and heard again with the next line", () => {
    const ward = new Ward();
    ward.line("a");
    ward.clock.advance(MISSED * INTERVAL - 1);
    assert.deepEqual(ward.story, []);
    ward.clock.advance(LOOK);
    assert.deepEqual(ward.story, ["a 1"]);
    ward.clock.advance((SILENT - 1) * MISSED * INTERVAL);
    assert.deepEqual(ward.story, ["a 1", "a 2"]);
    ward.line("a");
    ward.line("a");
    assert.deepEqual(ward.story.slice(2), ["a heard"]);
    ward.heartbeats.close();
    assert.equal(ward.clock.pending, 0);
  });

  it("is not silent while its lines are not read: that is the balancer's doing", () => {
    const ward = new Ward();
    ward.line("a");
    ward.work("a");
    ward.clock.advance(60_000);
    assert.deepEqual(ward.story, []);
  });

  it("is forgotten with its end, and nobody looks any more when nobody is left", () => {
    const ward = new Ward();
    ward.line("a");
    ward.heartbeats.end("a");
    ward.clock.advance(60_000);
    assert.deepEqual(ward.story, []);
    assert.equal(ward.clock.pending, 0);
  });

  it("is not silent for what the balancer itself was late, however late that was", () => {
    const lateness = fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 20 });
    fc.assert(
      fc.property(lateness, (delays) => {
        const clock = new LateClock(delays);
        const story: string[] = [];
        const heartbeats = new Heartbeats<string>({
          interval: INTERVAL,
          clock,
          onSilent: (_, rounds) => void story.push(String(rounds)),
          onHeard: () => undefined,
        });
        const pulse = heartbeats.begin("a");
        heartbeats.listens(pulse);
        // It sends one in every interval, and whatever has come meanwhile is read once a late look is over.
        for (const _ of delays) {
          clock.fire();
          if (clock.now() >= clock.heartbeatDue) {
            clock.heartbeatDue = clock.now() + INTERVAL;
            heartbeats.heard("a", pulse);
            heartbeats.listens(pulse);
          }
        }
        assert.deepEqual(story, []);
      }),
    );
  });
});

/** Its one timer fires late, by one of these after the other. */
class LateClock {
  heartbeatDue = INTERVAL;
  #now = 0;
  #due: { at: number; run: () => void } | null = null;
  readonly #delays: number[];

  constructor(delays: readonly number[]) {
    this.#delays = [...delays];
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    this.#due = { at: this.#now + ms, run };
    return () => undefined;
  }

  fire(): void {
    const { at, run } = this.#due!;
    this.#now = at + (this.#delays.shift() ?? 0);
    run();
  }
}

describe("a reporter that is asked for heartbeats", () => {
  it("sends one whenever it has said nothing for so long", () => {
    const clock = new ManualClock();
    const beats: number[] = [];
    const heartbeat = new Heartbeat(clock, INTERVAL, () => void beats.push(clock.now()));
    clock.advance(2_100);
    assert.deepEqual(beats, [1_000, 2_000]);
    clock.advance(500);
    heartbeat.said();
    clock.advance(1_500);
    assert.deepEqual(beats, [1_000, 2_000, 3_600]);
    heartbeat.end();
    assert.equal(clock.pending, 0);
  });

  it("is not silent though it reports once in twenty seconds, and sends nothing where it is not asked", async () => {
    for (const [interval, count] of [
      [INTERVAL, 11],
      [0, 0],
    ] as const) {
      const world = await World.start({ heartbeat: interval });
      const target = await world.target(A);
      const { runtime, empty } = countingEmptyLines(world.network.from(A));
      const { client } = world.reporter(A, { runtime });
      client.start();
      await until("the registration", () => world.pool.targets().length === 1);
      await world.pass(12_000, 125);
      assert.equal(world.server.reporters()[0]?.isSilent, false);
      assert.ok(Math.abs(empty() - count) <= 1, `${empty()} empty lines`);
      await client.leave();
      await leavesNothing(world, target);
    }
  });

  it("sends none where it says something else in time, and one where those before it are under way still", async () => {
    const world = await World.start({ heartbeat: INTERVAL });
    const target = await world.target(A);
    const talking = countingEmptyLines(world.network.from(A));
    const { client: often } = world.reporter(A, { runtime: talking.runtime, ack: INTERVAL / 2 });
    often.start();
    await world.pass(10 * INTERVAL, 125);
    assert.equal(talking.empty(), 0);
    await often.leave();
    let goOn: () => void = () => undefined;
    const blocked = new Promise<void>((resolve) => (goOn = resolve));
    const full = countingEmptyLines(world.network.from(A), blocked);
    const { client } = world.reporter(A, { runtime: full.runtime });
    client.start();
    await world.pass(10 * INTERVAL, 125);
    goOn();
    await settle();
    assert.equal(full.empty(), 1);
    await client.leave();
    await leavesNothing(world, target);
  });

  it("is silent once it sends nothing any more, which reporters() shows, until the next line", async () => {
    const world = await World.start({ heartbeat: INTERVAL });
    const raw = await world.raw(A);
    assert.equal((raw.welcome as { heartbeat?: number }).heartbeat, INTERVAL);
    await raw.ask(REPORT);
    await world.pass(10_000, 125);
    const isSilent = () => world.server.reporters()[0]!.isSilent;
    assert.equal(isSilent(), false, "one that has never sent a heartbeat is of an earlier release");
    await raw.channel.send("");
    await world.pass(2 * MISSED * INTERVAL + LOOK, 125);
    assert.equal(isSilent(), true);
    assert.equal(world.server.silentSessions, 1);
    await raw.channel.send("");
    await settle();
    assert.equal(isSilent(), false);
    await world.pass(2 * MISSED * INTERVAL + LOOK, 125);
    assert.equal((await raw.ask(REPORT))?.t, "ok", "a silent session is served still");
    assert.equal(isSilent(), false);
    await leavesNothing(world, raw);
  });
});

/** Counts the writes of an empty line, each of which is under way until `taken`. */
function countingEmptyLines(
  network: Runtime,
  taken: Promise<void> = Promise.resolve(),
): { runtime: Runtime; empty: () => number } {
  let count = 0;
  const runtime: Runtime = Object.create(network, {
    connect: {
      value: async (options: Parameters<Runtime["connect"]>[0]) => {
        const connection = await network.connect(options);
        const write = connection.write.bind(connection);
        connection.write = async (bytes) => {
          if (bytes.length === 1) {
            count += 1;
            await taken;
          }
          return write(bytes);
        };
        return connection;
      },
    },
  });
  return { runtime, empty: () => count };
}

describe("an empty line", () => {
  it("is no first one: it proves nothing", async () => {
    const world = await World.start({ heartbeat: INTERVAL });
    const raw = await world.raw(A);
    await raw.channel.send("");
    assert.deepEqual((await raw.hear())?.t, "goodbye");
    await leavesNothing(world, raw);
  });

  it("renews no lease: its target is down without reports, and the session ends", async () => {
    const world = await World.start({ heartbeat: INTERVAL, hostTimeout: 5_000 });
    const target = await world.target(A);
    const raw = await world.raw(A);
    await raw.ask(REPORT);
    for (let second = 0; second < 6; second += 1) {
      await raw.channel.send("").catch(() => undefined);
      await world.pass(1_000, 250);
    }
    assert.equal(world.pool.targets()[0]?.state, "down");
    assert.equal(await raw.hear(), null);
    await leavesNothing(world, raw, target);
  });

  it("is one of five hundred at once, and of a hundred a second after that: reports behind more of them wait", async () => {
    const world = await World.start({ heartbeat: INTERVAL });
    const raw = await world.raw(A);
    await raw.ask(REPORT);
    await raw.channel.send("\n".repeat(999));
    let isAnswered = false;
    const answer = raw.ask(REPORT).then(() => {
      isAnswered = true;
    });
    await world.pass(4_000, 10);
    assert.equal(isAnswered, false);
    await world.pass(2_000, 10);
    await answer;
    await leavesNothing(world, raw);
  });
});
