/** Balancers of one group in one process: real registries and pools, over a store in memory, by a clock that the test moves. */
import assert from "node:assert/strict";
import { PoolBindings } from "../../src/app/pool-bindings.ts";
import { PoolLookUps } from "../../src/app/pool-look-ups.ts";
import { targetLoads } from "../../src/app/target-loads.ts";
import { isShared } from "../../src/control/keys/key.ts";
import { fingerprintOfKey, type Revocation, revocationOf } from "../../src/control/protocol/revocation.ts";
import { Group } from "../../src/group/group.ts";
import type { GroupEvents } from "../../src/group/options.ts";
import { ownTarget } from "../../src/group/record.ts";
import { SharedBindings } from "../../src/group/shared-bindings.ts";
import { SharedOrders } from "../../src/group/shared-orders.ts";
import { SharedRevocations } from "../../src/group/shared-revocations.ts";
import { Shares } from "../../src/group/shares.ts";
import type { GroupStore } from "../../src/group/store.ts";
import type { Address } from "../../src/net/runtime.ts";
import type { Pool } from "../../src/pool/pool.ts";
import type { ProbeOutcome } from "../../src/targets/probe.ts";
import { quotaOf } from "../../src/targets/quota.ts";
import type { Registry } from "../../src/targets/registry.ts";
import type { Report, TargetOwner } from "../../src/targets/report.ts";
import { Usages } from "../../src/targets/usages.ts";
import type { Clock } from "../../src/util/clock.ts";
import type { EventOf } from "../../src/util/emitter.ts";
import { ManualClock } from "../support/clock.ts";
import { GroupMemory, type MemoryStore } from "../support/group-store.ts";
import { settle } from "../support/wait.ts";
import { plainPool, watchedRegistry } from "../targets/registry-of.ts";

export const LEASE = 10_000;
export const REPORT: Report = { pool: "p", port: 80, weight: 9, health: "up", drain: false };

/** A reporter that speaks to one balancer, or to several. `secret`: of its key; null: it has joined by invitation. */
export function reporterAt(host: string, id = "k", secret: string | null = `secret of ${id}`): TargetOwner {
  const key = { id, limits: {}, ...(secret !== null && { secret }) };
  return { remote: { host, port: 1 }, key, forbids: () => null, replaced: () => undefined };
}

export class World {
  readonly clock = new ManualClock(1_000_000);
  readonly memory = new GroupMemory(this.clock);
  readonly balancers: Balancer[] = [];
  /** Who starts does not reach the store. */
  isLost = false;

  /** One more, which knows what the others know. */
  async start(name: string, options: Partial<BalancerOptions> = {}): Promise<Balancer> {
    const id = `${name}-${this.balancers.length}`;
    const store = this.memory.open();
    if (this.isLost) store.fault({ lost: true });
    const balancer = new Balancer({ clock: this.clock, store, name, id }, options);
    this.balancers.push(balancer);
    const started = balancer.group.start();
    await settle();
    this.clock.advance(1_000);
    await started;
    balancer.open();
    await settle();
    return balancer;
  }

  /** Time goes on, in steps in which everybody does what is to be done. */
  async pass(ms: number, step = 100): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      this.clock.advance(Math.min(step, left));
      await settle(20);
    }
  }

  close(): void {
    for (const balancer of this.balancers) balancer.kill();
  }
}

export interface BalancerOptions {
  readonly host: string;
  readonly pools: readonly string[];
  readonly lease: number;
  /** For how long what a balancer vouched for is kept when it is gone, where that is not as long as a report counts. */
  readonly memberLease: number;
  readonly persistentShared: number;
  readonly poolOf: (name: string) => Pool;
  readonly probe: (to: Address) => Promise<ProbeOutcome>;
}

export interface BalancerPlace<Store extends GroupStore> {
  readonly clock: Clock;
  readonly store: Store;
  readonly name: string;
  readonly id: string;
}

export class Balancer<Store extends GroupStore = MemoryStore> {
  readonly name: string;
  readonly store: Store;
  readonly group: Group;
  readonly registry: Registry;
  readonly shares: Shares;
  readonly pools = new Map<string, Pool>();
  readonly bindings: SharedBindings;
  /** By the fingerprints of keys. */
  readonly revoked = new Map<string, Revocation>();
  readonly events: EventOf<GroupEvents>[] = [];
  /** What happened to targets. */
  readonly story: string[] = [];
  readonly #poolNames: readonly string[];
  readonly #poolOf: (name: string) => Pool;
  readonly #monitor: { close(): void };
  readonly #usages: Usages;
  readonly #revocations: SharedRevocations;
  isAlive = true;
  /** Of its pools. */
  persistentShared: number | null;

  constructor({ clock, store, name, id }: BalancerPlace<Store>, options: Partial<BalancerOptions> = {}) {
    const { host = "one host", pools = ["p"], lease = LEASE, poolOf = (name) => plainPool(name, 100_000) } = options;
    const { probe = async () => "connected", memberLease = lease } = options;
    this.persistentShared = options.persistentShared ?? 0;
    this.name = name;
    this.#poolNames = pools;
    this.#poolOf = poolOf;
    this.store = store;
    this.#usages = new Usages(clock);
    const { registry, monitor } = watchedRegistry({
      pools: this.pools,
      clock,
      lease,
      quotaOf: ({ limits }) => quotaOf(limits, 100_000),
      probe,
      usages: this.#usages,
      accepts: (key) => !isShared(key) || !this.revoked.has(fingerprintOfKey(key)),
      onWarning: assert.fail,
      onEvent: (...[event, target]) => {
        this.story.push(`${event} ${typeof target === "object" ? target.identity : target}`);
      },
      onWord: (identity, left) => this.group.changed(identity, left),
      onOrdered: (identity, order, by) => orders.ordered(identity, order, by, Math.floor(clock.now())),
      elsewhere: (identity) => this.group.activeElsewhere(identity),
    });
    this.registry = registry;
    this.#monitor = monitor;
    const orders = new SharedOrders(registry.ordering, () => name);
    const ofTargets = { pools: this.pools, statistics: { of: () => undefined } };
    this.shares = new Shares({ clock, loads: () => targetLoads(ofTargets) });
    const wallClock = () => Math.floor(clock.now()); // as Date.now(): whole
    const settingsOf = (of: string) => ({
      persistent: this.pools.get(of)?.options.persistent ?? null,
      persistentShared: this.persistentShared,
    });
    this.bindings = new SharedBindings({
      book: new PoolBindings({ pools: this.pools, settingsOf, engine: clock, wallClock }),
      lookers: new PoolLookUps({ pools: this.pools, settingsOf, engine: { lookedUp: () => undefined } }),
      clock,
      wallClock,
      onWarning: assert.fail,
    });
    this.#revocations = new SharedRevocations({ all: this.revoked, heed: (revocation) => this.#refuses(revocation) });
    this.group = new Group({
      name: "g",
      place: "memory",
      store,
      id,
      clock,
      wallClock,
      lease: memberLease,
      facts: () => ({ name, version: "1", host, startedAt: 0, reporters: 0, active: 0, waiting: 0 }),
      own: (identity) =>
        ownTarget(registry.rows.get(identity)?.registered, (key) => (isShared(key) ? fingerprintOfKey(key) : null)),
      isRevoked: (fingerprint) => this.revoked.has(fingerprint),
      taker: registry.sharing,
      sharedTargets: () => registry.sharing.alone,
      active: (target) => registry.sharing.active(target),
      parts: [orders, this.#revocations, this.shares, this.bindings],
      onEvent: (...event) => void this.events.push(event),
    });
  }

  /** Its pools are there. */
  open(): void {
    for (const name of this.#poolNames) this.pools.set(name, this.#poolOf(name));
    this.group.offer();
  }

  /** An operator revokes that one's key here. */
  async revoke({ key }: TargetOwner): Promise<void> {
    assert.ok(isShared(key));
    const revocation = revocationOf(key, "me@here", 1);
    this.#refuses(revocation);
    this.#revocations.revoked(revocation);
    await settle(5);
  }

  #refuses(revocation: Revocation): void {
    this.revoked.set(revocation.fingerprint, revocation);
    this.registry.revoke();
    this.group.revoked();
  }

  async report(owner: TargetOwner, report: Partial<Report> = {}): Promise<number> {
    const { active } = this.registry.report(owner, { ...REPORT, ...report }, owner.remote.host);
    await settle(5);
    return active;
  }

  /** As kill -9 does: nothing is said. */
  kill(): void {
    this.isAlive = false;
    void this.store.close();
    void this.group.close();
    this.#monitor.close();
    this.#usages.close();
  }

  /** What a pool has: state and weight by name. */
  targets(pool = "p"): Record<string, string> {
    const views = this.pools.get(pool)?.targets() ?? [];
    return Object.fromEntries(views.map(({ identity, state, weight }) => [identity, `${state} ${weight}`]));
  }

  sourcesOf(identity: string): string {
    return this.registry.sourcesOf(identity).join();
  }

  told(name: keyof GroupEvents): EventOf<GroupEvents>[] {
    return this.events.filter(([event]) => event === name);
  }
}
