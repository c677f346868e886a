/**
 * Three balancers of a group and thirty targets, on machines of their own: what becomes of clients, and of what balancers show, where the way
 * between one balancer and Redis is cut, or between one and half of the targets; where Redis hangs, is killed, or is emptied; while all targets
 * are restarted; and where a balancer is killed.
 */
import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import type { Group } from "../../src/admin/api/schemas/group.ts";
import type { Target } from "../../src/admin/api/schemas/targets.ts";
import { removeFolders } from "../support/folder.ts";
import {
  GroupNetwork,
  type HostTarget,
  type NetworkBalancer,
  untilSlowly,
  type Visitors,
} from "../support/group-network/network.ts";
import type { Seen, Visit } from "../support/group-network/visitors-program.ts";
import { noNetworks } from "../support/machine.ts";
import { endPrograms } from "../support/program.ts";
import { endRedis, noRedis } from "../support/redis.ts";
import { passes } from "../support/wait.ts";

const [HASH_PORT, STICKY_PORT] = [3000, 3001];
const TARGETS = [8, 7, 8, 7]; // by host
const CLIENTS = 500;
/** Visits a second: each client comes in both ways within four seconds. */
const RATE = 250;
const STAYING = 30;
const LEASE_MS = 8_000;
/**
 * ms of a cut from Redis and from targets: what counts for a lease has run out, and each client has come. Of connections that were open across
 * it, TCP tries again 6.2 and 12.6 s after it began.
 */
const [CUT_MS, LONG_CUT_MS] = [9_000, 12_000];
/** ms within which all agree again. */
const AGREE_MS = 5_000;
/** Of a thousand clients, that may lose their target. */
const MOVED_OF_THOUSAND = 1;
/** ms that a client waits for an answer: for as many connects in vain, of a second each. */
const PATIENCE_MS = 8_000;
/** ms that a visit takes, on a busy machine. */
const SHORT_MS = 1_000;
/** ms that programs have to start. */
const PATIENCE = 60_000;

const BALANCER = [
  `host-timeout = "${LEASE_MS}ms"`,
  'connect-timeout = "1s"',
  "requeue = 20",
  'hang-detection = "off"', // which would have clients of a server go elsewhere that a busy machine holds up
  "[pool.hash]",
  `listen = [${HASH_PORT}]`,
  'algorithm = "hash"',
  'persistent = "off"',
  "[pool.sticky]",
  `listen = [${STICKY_PORT}]`,
];

/** What a balancer's view comes to: the states of all targets, by name. */
function statesOf(targets: readonly Target[]): string {
  return targets.map(({ id, state }) => `${id} ${state}`).sort().join("\n"); // biome-ignore format: one thought
}

describe("a group on machines of its own", { skip: noNetworks || noRedis }, () => {
  let network: GroupNetwork;
  let visitors: Visitors;
  let count = 0;

  before(async () => {
    network = await GroupNetwork.start();
    for (let n = 0; n < 3; n++) await network.balancer(BALANCER);
    await Promise.all(TARGETS.map((size, n) => addHost(size, [n % 3, (n + 1) % 3])));
    await untilSlowly("all targets at each balancer", areUpEverywhere, PATIENCE);
    visitors = await network.visitors({
      ...{ clients: CLIENTS, rate: RATE, patience: PATIENCE_MS, staying: STAYING },
      ...{ hashPort: HASH_PORT, stickyPort: STICKY_PORT },
    });
    await visitors.go();
    await visitors.all();
  });

  after(async () => {
    await endPrograms();
    await endRedis();
    removeFolders();
  });

  async function addHost(size: number, speaksTo: readonly number[], pools = ["hash", "sticky"]): Promise<void> {
    const first = count;
    count += size;
    const targets = Array.from({ length: size }, (_, n): HostTarget => {
      return { id: `t${first + n}`, pool: pools[(first + n) % pools.length]! };
    });
    await network.host(
      targets,
      speaksTo.map((n) => network.balancers[n]!),
    );
  }

  async function areUpEverywhere(): Promise<boolean> {
    const shown = await Promise.all(network.balancers.map((balancer) => balancer.targets()));
    return shown.every((targets) => targets.length === count && targets.every(({ state }) => state === "up"));
  }

  /** How long it takes until the balancers show the same, which is what is so: every target up, with the connections that it has. */
  async function agreement(since: number): Promise<number> {
    const difference = async (): Promise<string> => {
      const shown = await Promise.all(network.balancers.map((balancer) => balancer.targets()));
      const gauges = await network.gauges();
      const [first, ...others] = shown.map(statesOf);
      if (others.some((states) => states !== first)) return [first, ...others].join("\n\n");
      if (!(await areUpEverywhere())) return `not all are up: ${first}`;
      const counted = Object.fromEntries(Object.keys(gauges).map((name) => [name, 0]));
      for (const { id, active } of shown.flat()) counted[id.split("/")[1]!]! += active;
      const wrong = Object.keys(gauges).filter((name) => counted[name] !== gauges[name]);
      return wrong.map((name) => `${name} counts ${gauges[name]}, its balancers ${counted[name]}`).join("\n");
    };
    let last = "";
    try {
      await untilSlowly("all to agree", async () => {
        last = await difference();
        return last === "";
      });
    } catch (error) {
      throw new Error(`${(error as Error).message}: ${last}`);
    }
    return Date.now() - since;
  }

  /** They agree within AGREE_MS, and clients go on. */
  async function agreedSoon(t: TestContext, what: string, since: number): Promise<Seen> {
    await visitors.pause();
    const took = await agreement(since);
    t.diagnostic(`all agreed ${took} ms after ${what}`);
    const seen = await visitors.go();
    assert.ok(took <= AGREE_MS, `${took} ms after ${what}`);
    return seen;
  }

  async function groupIs(state: string, balancers: readonly NetworkBalancer[]): Promise<void> {
    for (const { ask } of balancers)
      await untilSlowly(`a group ${state}`, async () => (await ask<Group>("GET", "/v1/group")).state === state);
  }

  /** What a balancer has logged of it. */
  function aboutTarget(host: number, name: string): string {
    const lines = network.balancers[host]!.program.log.filter(({ message }) => new RegExp(`/${name}\\b`).test(message));
    return lines.map(({ message }) => `  ${message}`).join("\n");
  }

  /** Nobody failed, and nobody moved but those `excused`, by their visit and the target that they had had. */
  function assertServed(seen: Seen, excused: (visit: Visit, from: string) => boolean): void {
    assert.deepEqual(seen.failed.slice(0, 5), [], `${seen.failed.length} failed of ${seen.served}`);
    assert.equal(seen.lost, 0, "of those that stay");
    const moved = seen.moved.filter((visit) => !excused(visit, visit.from));
    const clients = new Set(moved.map(({ kind, client }) => `${kind} ${client}`));
    const told = moved.slice(0, 5).map((each) => `${JSON.stringify(each)}\n${aboutTarget(each.host, each.from)}`);
    assert.ok(
      clients.size * 1_000 <= MOVED_OF_THOUSAND * 2 * CLIENTS,
      `${clients.size} have moved: ${told.join("\n")}`,
    );
  }

  it("serves all clients as before where one balancer is cut off from Redis, and agrees when it is back", async (t) => {
    const [first] = network.balancers as [NetworkBalancer];
    network.cut([first, network.redisPlace]);
    await groupIs("lost", [first]);
    await addHost(1, [1], ["sticky"]);
    await passes(CUT_MS);
    assert.equal((await first.targets()).length, count - 1, "what it cannot know, and nothing forgotten");
    network.heal();
    const healed = Date.now();
    await untilSlowly("the newcomer known there", async () => (await first.targets()).length === count);
    assertServed(await agreedSoon(t, "it was healed", healed), () => false);
  });

  it("serves clients by the other targets where one balancer is cut off from half of them", async (t) => {
    const [first] = network.balancers as [NetworkBalancer];
    const away = network.hosts.slice(0, 2);
    const names = new Set(away.flatMap((host) => host.targets));
    const from = Date.now();
    network.cut([first, ...away]);
    const cutAt = Date.now();
    await passes(LONG_CUT_MS);
    network.heal();
    const healed = Date.now();
    await untilSlowly("all to be up again", areUpEverywhere);
    const again = Date.now();
    const seen = await agreedSoon(t, "it was healed", healed);
    // Of those that were there when it was cut, some were at a target behind the cut, and their answers were on their way.
    const failed = seen.failed.filter(({ host, at }) => host !== 0 || at < from - SHORT_MS || at > cutAt);
    assertServed(
      { ...seen, failed },
      ({ host, at }, name) => host === 0 && at >= from - SHORT_MS && at < again && names.has(name),
    );
    t.diagnostic(`${seen.moved.length} of ${seen.served} visits were served by another target meanwhile`);
    assert.ok(seen.moved.length > 0, "some could not be served by theirs");
  });

  it("keeps all clients with their targets where Redis hangs, is killed and is emptied", async (t) => {
    const { redis, balancers } = network;
    const deeds: [what: string, deed: () => Promise<void>][] = [
      [
        "Redis went on",
        async () => {
          redis.stop();
          await groupIs("lost", balancers);
          redis.goOn();
        },
      ],
      [
        "Redis was started anew",
        async () => {
          await redis.kill();
          await groupIs("lost", balancers);
          await redis.start();
        },
      ],
      ["Redis was emptied", async () => void (await redis.tell("FLUSHALL"))],
    ];
    for (const [what, deed] of deeds) {
      await deed();
      const since = Date.now();
      await groupIs("connected", balancers);
      assertServed(await agreedSoon(t, what, since), () => false);
    }
  });

  it("fails nobody while all targets are restarted, one host after the other", async () => {
    await visitors.alone();
    for (const n of network.hosts.keys()) {
      await network.restart(n);
      await untilSlowly("all to be up again", areUpEverywhere);
    }
    await visitors.all();
    const { failed } = await visitors.go();
    assert.deepEqual(failed, []);
  });

  it("keeps the clients of the others where one is killed", async (t) => {
    const last = network.balancers.pop()!;
    const killed = Date.now();
    await last.program.kill();
    for (const { program } of network.balancers) await program.says(/has left the group|is gone/);
    const seen = await agreedSoon(t, "it was gone", Date.now());
    t.diagnostic(`that was noticed ${Date.now() - killed} ms after it was killed`);
    // What is in front of the balancers sends its clients to others, which here is nothing.
    assertServed({ ...seen, failed: seen.failed.filter(({ host }) => host < network.balancers.length) }, () => false);
  });
});
