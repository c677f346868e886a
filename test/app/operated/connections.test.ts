/** Which connections are listed and ended, in which order, and that nobody waits for it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers";
import {
  CONNECTION_SORTS,
  type ConnectionFilter,
  type ConnectionSort,
} from "../../../src/admin/api/schemas/connections.ts";
import { connectionPage, kill } from "../../../src/app/operated/connections.ts";
import { NO_FACTS } from "../../../src/edge/facts.ts";
import type { OpenConnection } from "../../../src/proxy/open.ts";
import { SLICE_MS } from "../../../src/util/slices.ts";
import fc from "../../support/draws.ts";

const NOW = 1_700_000_000_000;
const WHOLE = { offset: 0, limit: 1000 };

function open(n: number, some: Partial<OpenConnection> = {}): OpenConnection {
  const ageMs = some.ageMs ?? n;
  return {
    id: `0.0.${n}.1`,
    client: { host: `10.0.${n >> 8}.${n & 255}`, port: 40_000 },
    listener: "0.0.0.0:80",
    pool: "web",
    target: `web/web-${n % 3}`,
    phase: "relay",
    startedAt: NOW - ageMs,
    acceptedAt: 1_000_000 - ageMs,
    ageMs,
    idleMs: null,
    queuedMs: 0,
    connectMs: 1,
    firstByteMs: null,
    bytesIn: n * 7,
    bytesOut: (n * 7919) % 1000,
    failed: 0,
    ...some,
  };
}

class FakeLive {
  readonly all: Map<string, OpenConnection>;
  /** Of each order to kill. */
  readonly orders: string[][] = [];
  looks = 0;

  constructor(all: readonly OpenConnection[]) {
    this.all = new Map(all.map((each) => [each.id, each]));
  }

  *connections(): IterableIterator<OpenConnection> {
    for (const each of this.all.values()) {
      const jitter = (this.looks++ * 0.37) % 1; // the wall clock is read anew, in whole ms
      yield { ...each, startedAt: each.startedAt + jitter };
    }
  }

  end(ids: Iterable<string>): number {
    this.orders.push([...ids]);
    return this.orders.at(-1)!.filter((id) => this.all.delete(id)).length;
  }
}

async function listed(all: readonly OpenConnection[], filter: ConnectionFilter): Promise<string[]> {
  const page = await connectionPage(new FakeLive(all), filter, "age", true, WHOLE);
  return page.items.map(({ id }) => id);
}

describe("the list of connections", () => {
  const some = [
    open(1, { pool: "db", target: "db/a", phase: "relay", idleMs: 500, ageMs: 900 }),
    open(2, { phase: "queue", target: null, client: { host: "", port: 0 }, ageMs: 800 }),
    open(3, { client: { host: "2001:db8::7", port: 9 }, idleMs: 10, ageMs: 700 }),
    open(4, { client: { host: "10.1.0.9", port: 9 }, ageMs: 600, facts: { ...NO_FACTS, serverName: "a.example" } }),
  ];
  const names = (...ns: number[]) => ns.map((n) => some[n - 1]!.id);

  for (const [filter, wanted] of [
    [{}, names(4, 3, 2, 1)],
    [{ id: some[2]!.id }, names(3)],
    [{ pool: "db" }, names(1)],
    [{ target: "db/a" }, names(1)],
    [{ phase: "queue" }, names(2)],
    [{ client: "unix" }, names(2)],
    [{ client: "2001:db8:0::7" }, names(3)],
    [{ client: "2001:db8::/32" }, names(3)],
    [{ client: "10.1.0.0/16" }, names(4)],
    [{ client: "::ffff:10.1.0.9" }, names(4)],
    [{ client: "10.1.0.8" }, []],
    [{ serverName: "A.example." }, names(4)],
    [{ serverName: "example" }, []],
    [{ minAge: 700 }, names(3, 2, 1)],
    [{ minIdle: 600 }, names(4, 2)],
    [{ pool: "web", phase: "relay" }, names(4, 3)],
  ] as const) {
    it(`has those that match ${JSON.stringify(filter)}`, async () => {
      assert.deepEqual(await listed(some, filter), wanted);
    });
  }

  it("refuses a client that is none", async () => {
    for (const client of ["web", "10.0.0.0/33", "10.0.0", ""]) {
      await assert.rejects(listed(some, { client }), { code: "BAD_REQUEST", message: /no address and no CIDR range/ });
    }
  });

  it("shows an address as it is written, a Unix socket's client as such, and times as texts", async () => {
    const { items } = await connectionPage(new FakeLive(some), {}, "age", false, { offset: 0, limit: 3 });
    const shown = items.map(({ client }) => client);
    assert.deepEqual(shown, ["10.0.0.1:40000", "unix", "[2001:db8::7]:9"]);
    assert.equal(items[0]!.startedAt, new Date(NOW - 900).toISOString());
  });

  it("is the same as a sorted one that is cut into pages, with none twice or left out", async () => {
    const value = fc.record({
      bytesIn: fc.nat(3),
      bytesOut: fc.nat(3),
      ageMs: fc.nat(3),
      idleMs: fc.option(fc.nat(3)),
    });
    const property = fc.asyncProperty(
      fc.array(value, { maxLength: 40 }),
      fc.constantFrom<ConnectionSort>(...CONNECTION_SORTS),
      fc.boolean(),
      fc.integer({ min: 1, max: 9 }),
      async (values, sort, ascending, limit) => {
        const engine = new FakeLive(values.map((each, n) => open(n, each)));
        const whole = await connectionPage(engine, {}, sort, ascending, WHOLE);
        const ids: string[] = [];
        for (let offset: number | null = 0; offset !== null; ) {
          const page = await connectionPage(engine, {}, sort, ascending, { offset, limit });
          assert.equal(page.total, values.length);
          ids.push(...page.items.map(({ id }) => id));
          offset = page.next;
        }
        assert.deepEqual(
          ids,
          whole.items.map(({ id }) => id),
        );
        assert.equal(new Set(ids).size, values.length);
        const sums = whole.items.map(({ bytesIn, bytesOut }) => bytesIn + bytesOut);
        if (sort === "bytes")
          assert.deepEqual(
            sums,
            [...sums].sort((a, b) => (ascending ? a - b : b - a)),
          );
      },
    );
    await fc.assert(property, { numRuns: 50 });
  });
});

describe("ending connections", () => {
  it("ends one by its id, without a look at the others", async () => {
    const engine = new FakeLive([open(1), open(2)]);
    assert.equal(await kill(engine, { id: open(2).id }), 1);
    assert.equal(await kill(engine, { id: open(2).id }), 0);
    assert.deepEqual([...engine.all.keys()], [open(1).id]);
  });

  it("ends none of another pool by its id, where a pool is said as well", async () => {
    const engine = new FakeLive([open(1, { pool: "db" })]);
    assert.equal(await kill(engine, { id: open(1).id, pool: "web" }), 0);
    assert.equal(engine.all.size, 1);
  });

  it("ends all that match, in orders that are not long", async () => {
    const engine = new FakeLive(Array.from({ length: 1000 }, (_, n) => open(n)));
    assert.equal(await kill(engine, { target: "web/web-1" }), 333);
    assert.equal(engine.all.size, 667);
    assert.ok(engine.orders.length > 3 && engine.orders.every((ids) => ids.length <= 64));
  });
});

/** Connections that are looked at between two looks at the clock: see util/slices.ts. */
const MOST_AT_ONCE = 16;

describe("100,000 connections", () => {
  const engine = new FakeLive(Array.from({ length: 100_000 }, (_, n) => open(n, { ageMs: (n * 7919) % 100_000 })));

  /** By a clock that says at each look that the time of a slice is over. */
  async function pieces(work: () => Promise<unknown>): Promise<{ longest: number; turns: number }> {
    const { now } = performance;
    let [ms, last, longest, turns, isDone] = [now.call(performance), engine.looks, 0, 0, false];
    performance.now = () => (ms += SLICE_MS);
    const look = () => {
      turns++;
      longest = Math.max(longest, engine.looks - last);
      last = engine.looks;
      if (!isDone) setImmediate(look);
    };
    setImmediate(look);
    try {
      await work();
    } finally {
      isDone = true;
      performance.now = now;
    }
    return { longest, turns };
  }

  for (const [name, listed, work] of [
    ["a page of the oldest", 1000, () => connectionPage(engine, {}, "age", false, { offset: 0, limit: 1000 })],
    ["a page far behind", 1000, () => connectionPage(engine, {}, "bytes", true, { offset: 10_000, limit: 1000 })],
    [
      "a filter by range",
      100,
      () => connectionPage(engine, { client: "10.0.0.0/9" }, "client", true, { offset: 0, limit: 100 }),
    ],
  ] as const) {
    it(`are looked through for ${name} in pieces, and nobody waits for more than one`, async () => {
      const { longest, turns } = await pieces(work);
      assert.ok(longest <= MOST_AT_ONCE, `${longest} were looked at between two turns of the event loop`);
      assert.ok(turns >= (100_000 + listed) / MOST_AT_ONCE - 1, `${turns} turns`);
    });
  }
});
