/** Services and a document over an engine in memory, and what can be seen of them. */
import { Document } from "../../src/app/apply.ts";
import { FollowedLists } from "../../src/app/followed-lists.ts";
import { Services } from "../../src/app/services.ts";
import { serverSettings } from "../../src/config/library.ts";
import type { BalancerSettings, ListenerSettings, PoolSettings } from "../../src/config/settings.ts";
import { routeTo } from "../../src/config/settings.ts";
import type { ListenAddress } from "../../src/net/runtime.ts";
import type { WantedTarget } from "../../src/targets/wanted.ts";
import { ManualClock } from "../support/clock.ts";
import { FakeEngine } from "./fake-engine.ts";
import { FakeTls } from "./fake-tls.ts";

const HOST = "127.0.0.1";
/** Small, so that thousands of pools cost nothing. */
const SMALL = { maxTargets: 8, maxBindings: 8, queue: 4, startHold: 0 };
const DEFAULTS = serverSettings({ key: "a-key-that-only-these-tests-use", ...SMALL });

export function pool(options: Partial<PoolSettings> = {}): PoolSettings {
  return { ...DEFAULTS.poolDefaults, ...options };
}

export function at(port: number): ListenAddress {
  return { host: HOST, port };
}

/** Of a listener with that pool, at these ports. */
export function listener(name: string, ...ports: number[]): ListenerSettings {
  const { listenerDefaults, poolDefaults } = DEFAULTS;
  const routes = [routeTo(name, listenerDefaults)];
  return { ...listenerDefaults, listen: ports.map(at), routes, keepalive: poolDefaults.keepalive };
}

export function documentOf(
  pools: Readonly<Record<string, PoolSettings>>,
  listeners: Readonly<Record<string, ListenerSettings>>,
): BalancerSettings {
  return { ...DEFAULTS, pools: new Map(Object.entries(pools)), listeners: new Map(Object.entries(listeners)) };
}

export function target(port: number): WantedTarget {
  return { kind: "address", address: { host: HOST, port }, weight: 100, maxConnections: 0, priority: 0, backup: false };
}

export class World {
  readonly engine = new FakeEngine();
  readonly clock = new ManualClock();
  readonly tls = new FakeTls(this.engine);
  readonly lists = new FollowedLists({
    clock: this.clock,
    onChange: () => void this.document.listsChanged(),
    onWarning: (message) => this.onWarning(message),
  });
  readonly services: Services;
  readonly document: Document;
  /** By pool, as the registry would have them. */
  readonly targets = new Map<string, readonly WantedTarget[]>();
  readonly gone: string[] = [];
  onWarning = (message: string): void => {
    throw new Error(message);
  };

  private constructor(settings: BalancerSettings) {
    this.services = new Services({
      engine: this.engine,
      tls: this.tls,
      tlsThreads: 2,
      lists: this.lists,
      clock: this.clock,
      onTargets: (name, targets) => this.targets.set(name, targets),
      onListening: () => undefined,
      onPoolGone: (name) => {
        this.gone.push(name);
        this.targets.delete(name);
      },
      onWarning: (message) => this.onWarning(message),
    });
    this.document = new Document(settings, this.services);
  }

  static async start(settings: BalancerSettings): Promise<World> {
    const world = new World(settings);
    await world.document.start();
    return world;
  }

  /** All that decides what clients meet, with what it is told apart by. */
  get state() {
    const { engine, services } = this;
    return {
      sockets: new Map([...engine.listeners].map(([address, { pool }]) => [address, pool?.options.name])),
      terms: new Map([...engine.listeners].map(([address, { where, keepalive }]) => [address, { where, keepalive }])),
      served: new Map(
        [...engine.pools.values()].map(({ pool: served, ...options }) => {
          const { name, seed: _, ...own } = served.options;
          return [name, { ...options, own }];
        }),
      ),
      pools: [...services.pools.keys()].sort(),
      listeners: services.listeners.map(({ listener: name, pool, address }) => ({ name, pool, address })),
      targets: new Map(this.targets),
    };
  }
}
