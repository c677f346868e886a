/** For any documents, and whatever reporters bring between them: the way there does not show, and what fails leaves no trace. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BroughtService } from "../../src/app/apply.ts";
import type { BalancerSettings, ListenerSettings, PoolSettings } from "../../src/config/settings.ts";
import { codeOf } from "../../src/util/errors.ts";
import { amount } from "../support/amount.ts";
import fc from "../support/draws.ts";
import { at, documentOf, listener, pool, target, World } from "./services-world.ts";

const NAMES = ["a", "b", "c", "d"];
const PORTS = [1, 2, 3, 4, 5];

const pools: fc.Arbitrary<PoolSettings> = fc
  .record({
    algorithm: fc.constantFrom("leastconn", "roundrobin", "random", "hash"),
    persistent: fc.constantFrom(null, 1_000),
    concurrency: fc.integer({ min: -1, max: 2 }),
    queue: fc.integer({ min: 0, max: 2 }),
    connectTimeout: fc.integer({ min: 1, max: 3 }),
    maxTargets: fc.integer({ min: 1, max: 3 }),
    panic: fc.boolean(),
    unavailable: fc.constantFrom(null, new TextEncoder().encode("busy")),
    targets: fc.subarray([1, 2, 3]).map((ports) => ports.map(target)),
  })
  .map((options) => pool(options as Partial<PoolSettings>));

/** Pools by name, each port at a listener of its own or with others, and no pool without one. */
const documents: fc.Arbitrary<BalancerSettings> = fc
  .tuple(
    fc.dictionary(fc.constantFrom(...NAMES), pools, { minKeys: 1 }),
    fc.array(fc.record({ port: fc.constantFrom(...PORTS), listener: fc.constantFrom("x", "y", ...NAMES) }), {
      maxLength: PORTS.length,
    }),
    fc.array(fc.nat(), { minLength: 6, maxLength: 6 }),
    fc.constantFrom(0, 5_000, 60_000),
  )
  .map(([defined, ports, draws, keepalive]) => {
    const names = Object.keys(defined).sort();
    const listeners = new Map<string, ListenerSettings>();
    for (const [port, name] of new Map(ports.map((each) => [each.port, each.listener]))) {
      const former = listeners.get(name);
      const own = former?.routes[0]?.pool ?? names[draws[["x", "y", ...NAMES].indexOf(name)]! % names.length]!;
      listeners.set(name, { ...listener(own), keepalive, listen: [...(former?.listen ?? []), at(port)] });
    }
    return documentOf(defined, Object.fromEntries(listeners));
  });

type Action =
  | { readonly kind: "apply"; readonly document: BalancerSettings }
  | { readonly kind: "bring"; readonly pool: string; readonly service: BroughtService }
  | { readonly kind: "letGo"; readonly pool: string }
  | { readonly kind: "others"; readonly ports: readonly number[] };

const actions: fc.Arbitrary<Action> = fc.oneof(
  documents.map((document) => ({ kind: "apply", document }) as const),
  fc
    .record({
      pool: fc.constantFrom(...NAMES, "e"),
      port: fc.constantFrom(...PORTS),
      queue: fc.integer({ min: 0, max: 2 }),
    })
    .map(
      (each) =>
        ({
          kind: "bring",
          pool: each.pool,
          service: { listen: [at(each.port)], options: { queue: each.queue } },
        }) as const,
    ),
  fc.constantFrom(...NAMES, "e").map((name) => ({ kind: "letGo", pool: name }) as const),
  fc.subarray(PORTS, { maxLength: 2 }).map((ports) => ({ kind: "others", ports }) as const),
);

/** Everything, and which objects it is. */
function traces({ engine, services, document }: World) {
  return {
    sockets: new Map(engine.listeners),
    served: new Map(engine.pools),
    pools: new Map(services.pools),
    settings: document.settings,
    brought: document.brought,
    leaving: [...engine.leaving.keys()],
  };
}

async function act(world: World, action: Action): Promise<void> {
  switch (action.kind) {
    case "apply":
      await world.document.apply(action.document);
      break;
    case "bring":
      await world.document.bring(action.pool, action.service);
      break;
    case "letGo":
      await world.document.letGo(new Map([[action.pool, []]]));
      break;
    case "others": {
      // Whatever we do not have ourselves may become another process's.
      const { taken, listeners } = world.engine;
      taken.clear();
      for (const port of action.ports) if (!listeners.has(`127.0.0.1:${port}`)) taken.add(`127.0.0.1:${port}`);
    }
  }
}

/** What a start with the same would have made. */
async function afresh({ document }: World): Promise<World> {
  const fresh = await World.start(document.settings);
  for (const [name, service] of document.brought) await fresh.document.bring(name, service);
  return fresh;
}

describe("documents, one after the other", () => {
  it("end as a start with the last one does, keep what both have, and leave no trace where they fail", async () => {
    await fc.assert(
      fc.asyncProperty(documents, fc.array(actions, { maxLength: 6 }), async (first, all) => {
        const world = await World.start(first);
        for (const action of all) {
          const before = traces(world);
          const state = world.state;
          const failure = await act(world, action).then(
            () => null,
            (error: unknown) => error,
          );
          if (failure !== null) {
            assert.ok(["EADDRINUSE", "POOL_DEFINED", "LISTEN_TAKEN"].includes(codeOf(failure) ?? ""), String(failure));
            assert.deepEqual(traces(world), before);
            assert.deepEqual(world.state, state);
            continue;
          }
          for (const [address, socket] of world.engine.listeners)
            if (before.sockets.has(address)) assert.equal(socket, before.sockets.get(address), "a socket that stays");
          for (const [name, each] of world.services.pools)
            if (before.pools.has(name)) assert.equal(each, before.pools.get(name), "a pool that stays");
        }
        assert.deepEqual(sorted(world), sorted(await afresh(world)));
      }),
      { numRuns: amount(300) },
    );
  });

  it("say what they do: a document that is in force takes no step", async () => {
    await fc.assert(
      fc.asyncProperty(documents, documents, async (first, second) => {
        const world = await World.start(first);
        const promised = world.document.compare(second);
        assert.deepEqual(await world.document.apply(second), promised);
        assert.deepEqual(await world.document.apply(second), []);
      }),
      { numRuns: amount(100) },
    );
  });
});

/** Listeners and sockets are in the order in which they came. */
function sorted({ state }: World) {
  const listeners = state.listeners.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return { ...state, listeners };
}
