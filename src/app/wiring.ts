/** The parts of a balancer, and who tells whom of what. */
import { availableParallelism } from "node:os";
import { runtime } from "#runtime";
import { type Certificate, CertificateFiles } from "../config/certificate-files.ts";
import type { BalancerSettings } from "../config/settings.ts";
import { mayOpen } from "../control/keys/key.ts";
import { ControlServer } from "../control/server/server.ts";
import type { Engine } from "../engines/engine.ts";
import type { Group } from "../group/group.ts";
import type { SharedBindings } from "../group/shared-bindings.ts";
import type { SharedPermits } from "../group/shared-permits.ts";
import type { Shares } from "../group/shares.ts";
import { Dns } from "../net/dns.ts";
import { PoolParts } from "../targets/pool-parts.ts";
import { SESSIONS_PER_TARGET } from "../targets/quota.ts";
import { DeclaredTargets } from "../targets/sources/declared-targets.ts";
import type { Statistics } from "../telemetry/statistics.ts";
import { TlsListeners } from "../tls/listeners.ts";
import { systemClock } from "../util/clock.ts";
import type { EventOf } from "../util/emitter.ts";
import { VERSION } from "../util/version.ts";
import { Document } from "./apply.ts";
import { Brought, MOST_PORTS } from "./brought.ts";
import { type DescriptorShares, targetPlaces } from "./descriptors.ts";
import type { BalancerEvents } from "./events.ts";
import { FollowedLists } from "./followed-lists.ts";
import { type Grouped, grouped, type Membership } from "./grouped.ts";
import { invitedEvents, type Trust } from "./invited.ts";
import { PutKeys } from "./operated/put-targets.ts";
import { Removal } from "./removal.ts";
import { Services } from "./services.ts";
import type { StateFile } from "./state/state-file.ts";

export interface Parts {
  readonly engine: Engine;
  readonly tls: TlsListeners;
  readonly lists: FollowedLists;
  readonly control: ControlServer;
  readonly services: Services;
  readonly declared: DeclaredTargets;
  readonly document: Document;
  readonly removal: Removal;
  readonly brought: Brought;
  readonly state: StateFile | null;
  /** Of those who put targets over the API. */
  readonly putKeys: PutKeys;
  /** null: the balancer is one by itself. */
  readonly group: Group | null;
  /** How targets' connections divide over its balancers; null: likewise. */
  readonly groupShares: Shares | null;
  readonly sharedBindings: SharedBindings | null;
  readonly sharedPermits: SharedPermits | null;
}

export interface Wiring {
  readonly settings: BalancerSettings;
  readonly engine: Engine;
  readonly trust: Trust;
  readonly tokens: ConstructorParameters<typeof PutKeys>[0];
  readonly shares: DescriptorShares;
  /** null: what is ordered is not kept. */
  readonly state: StateFile | null;
  /** null: it is to be one by itself. */
  readonly membership: Membership | null;
  readonly statistics: Pick<Statistics, "of">;
  readonly tell: (...event: EventOf<BalancerEvents>) => void;
}

/** Nothing of it has been started. */
export function wire(wiring: Wiring): Parts {
  const { engine, settings, trust, shares, state, membership, tell } = wiring;
  const warn = (message: string, cause?: unknown) => tell("warning", message, cause);
  const lists = new FollowedLists({
    clock: systemClock,
    onChange: () => void document.listsChanged().catch((error: unknown) => warn("a list was not changed", error)),
    onWarning: warn,
  });
  const tls = new TlsListeners({ engine, threads: settings.threads, reserve: shares.reserve, onWarning: warn });
  const services = new Services({
    engine,
    tls,
    tlsThreads: settings.threads || availableParallelism(),
    lists,
    permits: (pool, concurrency) => (shared?.permits ?? divided).part(pool, concurrency),
    onTargets: (pool, targets) => {
      declared.set(pool, targets);
      removal.changed(pool);
    },
    onListening: () => {
      control.registry.listening();
      group?.offer();
    },
    onPoolGone: (pool) => {
      declared.forget(pool);
      control.poolRemoved(pool);
    },
    onWarning: warn,
  });
  const divided = new PoolParts((pool) => services.permitsChanged(pool));
  const document = new Document(settings, services);
  const removal = new Removal(engine, services, tell);
  const brought = new Brought({
    document,
    listeners: () => services.listeners,
    targetHere: (port) => control.registry.targetHere(port),
    clock: systemClock,
    mayOpen(id, pool, port) {
      const key = trust.keys.find(id);
      return key !== undefined && mayOpen(key, pool, port);
    },
    mostPorts: mostPorts(settings, shares),
    serviceTimeout: settings.serviceTimeout,
    onOpened: (pool, port) => tell("serviceOpened", pool, port),
    onClosed: (pool, port) => tell("serviceClosed", pool, port),
    onWarning: warn,
  });
  const putKeys = new PutKeys(wiring.tokens);
  const ofGroup = { services, brought, control: () => control };
  const shared = membership && grouped({ ...wiring, ...ofGroup, membership, lease: settings.hostTimeout });
  const {
    group,
    shares: groupShares,
    bindings: sharedBindings,
    permits: sharedPermits,
  } = shared ?? { group: null, shares: null, bindings: null, permits: null };
  trust.revocations.onRevoked = (revocations) => {
    tell("keysRevoked", revocations);
    shared?.revoked(revocations);
  };
  const parts = { services, document, removal, brought, putKeys, group, groupShares, sharedBindings, sharedPermits };
  const control: ControlServer = controlServer(wiring, { ...parts, shared, divided });
  const declared = new DeclaredTargets({
    clock: systemClock,
    resolver: new Dns(settings.resolver),
    onTargets: (pool, targets) => control.registry.declare(pool, targets),
    onWarning: warn,
  });
  return { ...parts, engine, tls, lists, control, declared, state };
}

function controlServer(
  { settings, engine, trust, shares, state, tell }: Wiring,
  {
    services,
    document,
    removal,
    brought,
    putKeys,
    shared,
    divided,
  }: Pick<Parts, "services" | "document" | "removal" | "brought" | "putKeys"> & {
    readonly shared: Grouped | null;
    readonly divided: PoolParts;
  },
): ControlServer {
  const { pools } = services;
  const atStart = targetPlaces(settings.pools);
  // A key has its part of the places of the operator's own pools: it would get more with each pool that it has made otherwise.
  const maxTargets = () => Math.max(atStart, targetPlaces(document.settings.pools));
  const maxReporters = () => Math.max(atStart, services.targetPlaces);
  return new ControlServer({
    ...settings,
    maxTargets,
    maxSessions: () => SESSIONS_PER_TARGET * maxReporters(),
    strangers: shares.strangers,
    runtime,
    keys: trust.keys,
    identity: trust.identity,
    ...invitedEvents(trust, tell),
    orders: state?.orders,
    otherKeys: putKeys,
    parts: shared === null ? divided : undefined,
    ...(shared && {
      onWord: (identity, left) => shared.group.changed(identity, left),
      onOrdered: (identity, order, by) => shared.orders.ordered(identity, order, by, Date.now()),
      elsewhere: (identity) => shared.group.activeElsewhere(identity),
    }),
    renewedTls: certificateFiles(settings),
    pools,
    services: brought,
    poolTime: () => engine.now(),
    panicOf: (pool) => services.state.pools.get(pool)?.panic ?? false,
    slowStartOf: (pool) => services.state.pools.get(pool)?.slowStart ?? 0,
    checksOf: (pool) => services.state.pools.get(pool),
    name: "harmony-balancer",
    version: VERSION,
    clientListeners: () => services.listeners.map(({ address }) => address),
    onEvent: tell,
    onChange: (name) => {
      const pool = pools.get(name);
      if (pool === undefined) return;
      engine.poolChanged(pool);
      removal.changed(name);
    },
  });
}

/** Each takes a descriptor for each thread of the engine that has any. */
function mostPorts({ threads }: BalancerSettings, { ports }: DescriptorShares): number {
  return Math.min(MOST_PORTS, Math.floor(ports / (threads || availableParallelism())));
}

function certificateFiles({
  adminTls,
  adminTlsCert,
  adminTlsKey,
}: BalancerSettings): (() => Certificate | null) | null {
  if (!adminTls || adminTlsCert === null || adminTlsKey === null) return null;
  const files = new CertificateFiles("admin", { cert: adminTlsCert, key: adminTlsKey }, adminTls);
  return () => files.renewed();
}
