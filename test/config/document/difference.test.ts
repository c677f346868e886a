/** The steps from one document to another, and their words. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { difference, poolChanges, type Step } from "../../../src/config/document/difference.ts";
import { type Endpoint, endpointsOf, poolsOf } from "../../../src/config/document/endpoints.ts";
import { stepText } from "../../../src/config/document/step-text.ts";
import { serverSettings } from "../../../src/config/library.ts";
import { type BalancerSettings, routeTo } from "../../../src/config/settings.ts";
import { formatTarget } from "../../../src/config/target-kind.ts";
import { amount } from "../../support/amount.ts";
import fc from "../../support/draws.ts";
import { removeFolders } from "../../support/folder.ts";
import { documents, written } from "./documents.ts";
import { settingsOf } from "./files.ts";

after(removeFolders);

/** Of two documents at the same path, as of a file before and after it was edited. */
function steps(before: string, after: string): string[] {
  return difference(settingsOf(before), settingsOf(after)).map(stepText);
}

describe("the difference of two documents", () => {
  test("is none between a document and itself", () => {
    const text = 'queue = 1\nlisten = ["0", "fd:3"]\ntargets = ["a:1"]\nunavailable = "x"\n[pool.web]\nlisten = 0\n';
    assert.deepEqual(steps(text, text), []);
  });
  test("options of a pool, each from what it was to what it will be", () => {
    assert.deepEqual(
      steps("[pool.a]\nlisten = 1\n", '[pool.a]\nlisten = 1\nqueue = 5\npersistent = "off"\nunavailable = "no"\n'),
      ["pool a: persistent on → off, queue 1024 → 5, unavailable none → a text of 2 bytes"],
    );
  });
  test("defaults change every pool that has nothing of its own, and those that reporters bring", () => {
    assert.deepEqual(
      steps(
        "[pool.a]\nlisten = 1\n[pool.b]\nlisten = 2\nqueue = 7\n",
        "queue = 5\n[pool.a]\nlisten = 1\n[pool.b]\nlisten = 2\nqueue = 7\n",
      ),
      ["pool a: queue 1024 → 5", "pools that reporters bring: queue 1024 → 5"],
    );
  });
  test("targets that come, go and change", () => {
    assert.deepEqual(
      steps(
        'targets = ["a:1", "b:1", "c:1"]\n',
        'targets = ["c:1", { address = "b:1", weight = 7 }, { address = "d:1", backup = true }]\n',
      ),
      ["pool default: added target d:1 backup; removed target a:1; changed target b:1 → b:1 weight=7"],
    );
    const many = Array.from({ length: 9 }, (_, index) => `"a:${index + 1}"`).join(", ");
    assert.deepEqual(steps("queue = 1024\n", `targets = [${many}]\n`), ["pool default: added 9 targets"]);
  });
  test("pools that come and go, with their listeners", () => {
    const [one, two] = ["[pool.a]\nlisten = 1\n", '[pool.b]\nlisten = 2\ntargets = ["a:1"]\n'];
    assert.deepEqual(steps(one, one + two), ["pool b: added with target a:1", "listener 2: opened for pool b"]);
    assert.deepEqual(steps(one + two, one), ["listener 2: closed", "pool b: removed, once its connections have ended"]);
  });
  test("an address that moves to another pool is the same listener, whatever it is called", () => {
    const pools = "[pool.a]\nlisten = 1\n[pool.b]\nlisten = 2\n";
    const listener = (name: string, pool: string) =>
      `${pools}[listener.${name}]\nlisten = 3\nroutes = [{ pool = "${pool}" }]\n`;
    assert.deepEqual(steps(listener("l", "a"), listener("l", "b")), ["listener 3: moved from pool a to pool b"]);
    assert.deepEqual(steps(listener("l", "a"), listener("m", "a")), []);
  });
  test("an address in another spelling is the same listener", () => {
    assert.deepEqual(steps('listen = "[::1]:80"\n', 'listen = "[0:0::1]:80"\n'), []);
  });
  test("what of a listener is no address is another step", () => {
    assert.deepEqual(
      steps('listen = "unix:/x mode=600"\n', 'listen = "unix:/x mode=660"\nkeepalive = "2m"\n').slice(-1),
      ["listener unix:/x mode=660: listen unix:/x mode=600 → unix:/x mode=660, keepalive 1m → 2m"],
    );
  });
  test("options of the process need a restart, but for the level of the log", () => {
    assert.deepEqual(steps("threads = 1\n", 'log-level = "debug"\nkey-file = "/keys"\n'), [
      "log-level info → debug",
      "key-file none → /keys: needs a restart, and stays as it is until then",
      "threads 1 → auto: needs a restart, and stays as it is until then",
    ]);
  });
  test("of a key it is only said that it is another one", () => {
    const settings = (key: string) => serverSettings({ key });
    assert.deepEqual(difference(settings("0123456789abcdef"), settings("fedcba9876543210")).map(stepText), [
      "key changed: needs a restart, and stays as it is until then",
    ]);
  });
  test("a function for those without a target is another one unless it is the same", () => {
    const [one, two] = [() => undefined, () => undefined];
    const settings = (unavailable: () => undefined) => serverSettings({ unavailable });
    assert.deepEqual(difference(settings(one), settings(one)), []);
    assert.match(
      difference(settings(one), settings(two)).map(stepText).join("\n"),
      /^pool default: unavailable changed\n/,
    );
  });

  test("carried out, leads from any document to any other", () => {
    fc.assert(
      fc.property(documents, documents, (one, other) => {
        const [before, after] = [settingsOf(written(one)), settingsOf(written(other))];
        const state = new State(before);
        for (const step of difference(before, after)) state.take(step, after);
        assert.deepEqual(state.described(), new State(after).described());
      }),
      { numRuns: amount(100) },
    );
  });
});

/** What a balancer would have: pools, endpoints, and what is to hold for pools to come. */
class State {
  #defaults: Pick<BalancerSettings, "poolDefaults" | "listenerDefaults">;
  readonly #pools: Map<string, BalancerSettings["pools"] extends ReadonlyMap<string, infer P> ? P : never>;
  readonly #endpoints: Map<string, Endpoint>;

  constructor(settings: BalancerSettings) {
    this.#defaults = defaultsOf(settings);
    this.#pools = new Map(settings.pools);
    this.#endpoints = new Map(endpointsOf(settings));
  }

  take(step: Step, after: BalancerSettings): void {
    const next = "endpoint" in step ? endpointsOf(after).get(step.endpoint) : undefined;
    switch (step.kind) {
      case "add-pool":
        assert.ok(!this.#pools.has(step.pool));
        this.#pools.set(step.pool, after.pools.get(step.pool)!);
        break;
      case "change-pool": {
        const { targets } = this.#pools.get(step.pool)!;
        assert.notDeepEqual(poolChanges(this.#pools.get(step.pool)!, after.pools.get(step.pool)!), []);
        this.#pools.set(step.pool, { ...after.pools.get(step.pool)!, targets });
        break;
      }
      case "change-targets":
        this.#pools.set(step.pool, { ...this.#pools.get(step.pool)!, targets: after.pools.get(step.pool)!.targets });
        break;
      case "change-defaults":
        this.#defaults = defaultsOf(after);
        break;
      case "add-listener":
        assert.ok(!this.#endpoints.has(step.endpoint) && step.pools.every((pool) => this.#pools.has(pool)));
        this.#endpoints.set(step.endpoint, next!);
        break;
      case "move-listener": {
        const last = this.#endpoints.get(step.endpoint)!;
        assert.deepEqual(poolsOf(last.settings), [step.from]);
        assert.ok(this.#pools.has(step.to));
        const routes = [routeTo(step.to, last.settings)];
        this.#endpoints.set(step.endpoint, { ...last, settings: { ...last.settings, routes } });
        break;
      }
      case "change-listener": {
        const last = this.#endpoints.get(step.endpoint)!;
        const { routes } = step.changes.some(({ option }) => option === "routes") ? next!.settings : last.settings;
        this.#endpoints.set(step.endpoint, { ...next!, settings: { ...next!.settings, routes } });
        break;
      }
      case "remove-listener":
        assert.ok(this.#endpoints.delete(step.endpoint));
        break;
      case "remove-pool":
        assert.ok(
          [...this.#endpoints.values()].every(({ settings }) => !poolsOf(settings).includes(step.pool)),
          "nobody comes to it any more",
        );
        assert.ok(this.#pools.delete(step.pool));
        break;
      default:
        assert.fail(step.kind);
    }
  }

  /** Names of listeners, and what else they listen at, are in documents alone. */
  described(): unknown {
    const pools = [...this.#pools].map(
      ([name, pool]) => [name, { ...pool, targets: pool.targets.map(formatTarget).toSorted() }] as const,
    );
    const endpoints = [...this.#endpoints.values()].map(({ listener: _, settings, ...endpoint }) => {
      return { ...endpoint, settings: { ...settings, listen: [] } };
    });
    return {
      defaults: this.#defaults,
      pools: pools.toSorted(([one], [other]) => one.localeCompare(other)),
      endpoints: endpoints.toSorted((one, other) => one.key.localeCompare(other.key)),
    };
  }
}

function defaultsOf({ poolDefaults, listenerDefaults }: BalancerSettings) {
  return { poolDefaults, listenerDefaults };
}
