import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import type { ConnectFault } from "../../../src/net/memory/memory.ts";
import type { Connection } from "../../../src/net/runtime.ts";
import { ALGORITHM_NAMES } from "../../../src/pool/pool.ts";
import { amount } from "../../support/amount.ts";
import fc from "../../support/draws.ts";
import { echo } from "../../support/peers.ts";
import { drain } from "../../support/stream.ts";
import { assertTried } from "../../support/tried.ts";
import { settle } from "../../support/wait.ts";
import { MemoryLab } from "../memory-lab.ts";

/** What the next connection attempts to targets meet. */
const FAULTS: readonly (ConnectFault | undefined)[] = [
  undefined,
  "ECONNREFUSED",
  "blackhole",
  "reset",
  "EMFILE",
  "ETIMEDOUT",
];

/** maxConnections of each target. */
const LIMITS = { a: 0, b: 1, c: 3 } as const;

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("connect" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("send" as const),
      client: fc.nat(30),
      size: fc.integer({ min: 1, max: 500 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("finish" as const), client: fc.nat(30) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("abort" as const), client: fc.nat(30) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("fault" as const), fault: fc.constantFrom(...FAULTS) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("time" as const), ms: fc.integer({ min: 1, max: 3_000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("limit" as const), permits: fc.integer({ min: -1, max: 4 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("lookUp" as const), ms: fc.constantFrom(null, null, 0, 5, 2_000) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("target" as const),
      name: fc.constantFrom("a", "b", "c"),
      state: fc.constantFrom("up" as const, "draining" as const, "down" as const, "gone" as const),
      weight: fc.integer({ min: 0, max: 2 }),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const setting = fc.record({
  algorithm: fc.constantFrom(...ALGORITHM_NAMES),
  concurrency: fc.integer({ min: -1, max: 4 }),
  queue: fc.integer({ min: 0, max: 5 }),
  requeue: fc.nat(2),
  persistent: fc.constantFrom(null, 2_000),
  idleTimeout: fc.constantFrom(0, 1_500),
  ejectAfter: fc.constantFrom(0, 1),
  panic: fc.boolean(),
});

describe("portable engine, whatever happens", () => {
  it("keeps its books: one record for each client, and nothing left behind", async () => {
    await fc.assert(
      fc.asyncProperty(setting, fc.array(step, { minLength: 20, maxLength: 100 }), async (options, steps) => {
        const { algorithm, concurrency, queue, persistent, ejectAfter, panic, ...rest } = options;
        const pool = { algorithm, concurrency, queue, persistent, ejectAfter, panic, ejectSlow: 500, ejectTime: 1_000 };
        const lab = new MemoryLab({
          ...rest,
          pool,
          connectTimeout: 1_000,
          queueTimeout: 2_000,
          network: { window: 100 },
        });
        await lab.start();
        const addresses = await Promise.all(
          Object.entries(LIMITS).map(([name, maxConnections]) => lab.target(name, echo, { maxConnections })),
        );
        const clients: Connection[] = [];
        let fault: ConnectFault | undefined;
        lab.network.connectFault = (to) => (to.port === lab.address.port ? undefined : fault);
        for (const what of steps) {
          if (what.do === "connect") {
            const client = await lab.client();
            clients.push(client);
            void drain(client).catch(() => 0);
          } else if (what.do === "fault") {
            fault = what.fault;
          } else {
            apply(lab, clients, addresses, what);
          }
          await settle();
          for (const target of lab.pool.targets()) {
            const { identity, active, maxConnections } = target;
            assert.ok(maxConnections === 0 || active <= maxConnections, `${identity} is over its limit`);
          }
        }
        for (const client of clients) client.abort();
        await settle();
        await lab.dispose();
        assert.equal(lab.records.length, clients.length);
        for (const record of lab.records) assertTried(record, options.requeue);
        assert.ok(
          lab.warnings.every((warning) => warning.includes("descriptors")),
          lab.warnings.join(),
        );
      }),
      { numRuns: amount(300) },
    );
  });
});

function apply(lab: MemoryLab, clients: Connection[], addresses: { host: string; port: number }[], what: Step): void {
  if (what.do === "time") {
    lab.clock.advance(what.ms);
  } else if (what.do === "lookUp") {
    const { lookUps } = lab.pool;
    if (what.ms !== null) lookUps.ms = what.ms;
    else lookUps.done(lookUps.begin());
    lab.engine.lookedUp(lab.pool);
  } else if (what.do === "limit") {
    lab.pool.setConcurrency(what.permits);
    lab.poolChanged();
  } else if (what.do === "target") {
    const address = addresses["abc".indexOf(what.name)]!;
    const maxConnections = LIMITS[what.name];
    if (what.state === "gone") lab.pool.remove(what.name);
    else lab.pool.set({ identity: what.name, address, weight: what.weight, maxConnections }, what.state);
    lab.poolChanged();
  } else if (what.do === "send" || what.do === "finish" || what.do === "abort") {
    const client = clients[what.client];
    if (client === undefined) return;
    if (what.do === "abort") client.abort();
    else if (what.do === "finish") void client.closeWrite().catch(() => undefined);
    else void client.write(Buffer.alloc(what.size)).catch(() => undefined);
  }
}
