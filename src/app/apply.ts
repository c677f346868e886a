/**
 * The document in force, and what reporters have brought beside it. Another document, or another brought service, comes into force one
 * after the other, each as a whole or not at all (services.ts).
 *
 * What the document names is its own: a brought pool that it defines, or whose address it listens at, is taken over, and what is the
 * same stays as it is (the pool with its targets, the socket).
 */

import { difference, liveOf, type Step } from "../config/document/difference.ts";
import { endpointKey, endpointsOf, poolsOf } from "../config/document/endpoints.ts";
import { type BalancerSettings, type PoolSettings, routeTo } from "../config/settings.ts";
import type { ListenAddress } from "../net/runtime.ts";
import { HarmonyError } from "../util/errors.ts";
import { Turns } from "../util/turns.ts";
import type { ServiceState, Services } from "./services.ts";

/** A pool that a reporter has brought, and its listener, which has the pool's name. */
export interface BroughtService {
  readonly listen: readonly ListenAddress[];
  /** What its reporter has decided; the rest is as the document says of all pools. */
  readonly options: Partial<PoolSettings>;
}

type Brought = ReadonlyMap<string, BroughtService>;

export class Document {
  readonly #services: Services;
  #settings: BalancerSettings;
  #brought: Brought = new Map();
  readonly #turns = new Turns();

  /** Nothing runs before the first apply(). */
  constructor(settings: BalancerSettings, services: Services) {
    this.#settings = settings;
    this.#services = services;
  }

  /** What is in force: of the process as it was started, of all else as it was applied last. */
  get settings(): BalancerSettings {
    return this.#settings;
  }

  /** By pool. */
  get brought(): Brought {
    return this.#brought;
  }

  /** Runs what the first document says. Rejects as Services.change() does. */
  start(): Promise<void> {
    return this.#turns.take(() => this.#services.change(stateOf(this.#settings, new Map()), 0));
  }

  /**
   * Resolves to what was done; rejects as Services.change() does, or with what reading the next document throws when its turn has come, and
   * nothing has changed then.
   */
  apply(document: BalancerSettings | (() => BalancerSettings)): Promise<readonly Step[]> {
    return this.#turns.take(async () => {
      const next = typeof document === "function" ? document() : document;
      const settings = inForce(this.#settings, next);
      const brought = besides(settings, this.#brought);
      const steps = this.compare(next);
      await this.#services.change(stateOf(settings, brought), settings.drainTimeout);
      this.#settings = settings;
      this.#brought = brought;
      return steps;
    });
  }

  /** What apply() would do. */
  compare(next: BalancerSettings): readonly Step[] {
    const brought = besides(next, this.#brought);
    const before = { ...this.#settings, ...stateOf(this.#settings, this.#brought) };
    return difference(before, { ...next, ...stateOf(next, brought) });
  }

  /**
   * A reporter's service, new or changed. Rejects as Services.change() does, and with `POOL_DEFINED` where the document has a pool or a
   * listener of that name, `LISTEN_TAKEN` where another pool's clients come to that address. `patience`: see BindOptions.
   */
  bring(pool: string, service: BroughtService, patience?: number): Promise<void> {
    return this.#turns.take(async () => {
      const { pools, listeners } = this.#settings;
      if (pools.has(pool) || listeners.has(pool))
        throw refusal("POOL_DEFINED", `this balancer's configuration defines ${pool}`);
      this.#refuseTaken(pool, service);
      await this.#change(new Map([...this.#brought, [pool, service]]), patience);
    });
  }

  /**
   * Of these pools only these addresses stay open; one that has none goes, and its connections may finish. Nothing happens to those that
   * are not brought ones. All at once, since a socket takes its time to close (RELEASE_MS of predecessor.ts).
   */
  letGo(staying: ReadonlyMap<string, readonly ListenAddress[]>): Promise<void> {
    return this.#turns.take(async () => {
      const left = [...this.#brought].map(
        ([pool, { listen, options }]) => [pool, { listen: staying.get(pool) ?? listen, options }] as const,
      );
      await this.#change(new Map(left.filter(([, { listen }]) => listen.length > 0)));
    });
  }

  /** Lists of addresses have changed in their files. */
  listsChanged(): Promise<void> {
    return this.#turns.take(() => this.#services.listsChanged());
  }

  /** Resolves when nothing is being changed. */
  async settled(): Promise<void> {
    await this.#turns.over();
  }

  async #change(brought: Brought, patience?: number): Promise<void> {
    await this.#services.change(stateOf(this.#settings, brought), this.#settings.drainTimeout, patience);
    this.#brought = brought;
  }

  #refuseTaken(pool: string, service: BroughtService): void {
    const others = endpointsOf(stateOf(this.#settings, this.#brought));
    for (const key of keysOf(pool, service)) {
      const at = others.get(key);
      const other = at && poolsOf(at.settings).find((each) => each !== pool);
      if (other !== undefined) throw refusal("LISTEN_TAKEN", `clients of pool ${other} come there`);
    }
  }
}

function inForce(before: BalancerSettings, next: BalancerSettings): BalancerSettings {
  const { pools, listeners, poolDefaults, listenerDefaults } = next;
  return { ...before, ...liveOf(next), pools, listeners, poolDefaults, listenerDefaults };
}

/** Those that the document leaves alone. */
function besides(settings: BalancerSettings, brought: Brought): Brought {
  const { pools, listeners } = settings;
  const taken = endpointsOf(settings);
  const isLeft = ([name, service]: readonly [string, BroughtService]) =>
    !pools.has(name) && !listeners.has(name) && !keysOf(name, service).some((key) => taken.has(key));
  return new Map([...brought].filter(isLeft));
}

function keysOf(pool: string, { listen }: BroughtService): string[] {
  return listen.map((address, index) => endpointKey(address, pool, index));
}

function stateOf(settings: BalancerSettings, brought: Brought): ServiceState {
  const pools = new Map(settings.pools);
  const listeners = new Map(settings.listeners);
  for (const [name, service] of brought) {
    const pool = { ...settings.poolDefaults, ...service.options };
    pools.set(name, pool);
    const terms = settings.listenerDefaults;
    const routes = [routeTo(name, terms)];
    listeners.set(name, { ...terms, listen: service.listen, routes, keepalive: pool.keepalive });
  }
  return { pools, listeners };
}

function refusal(code: string, message: string): HarmonyError {
  // The next document may say something else.
  return new HarmonyError(code, message, { fault: "target", retry: true });
}
