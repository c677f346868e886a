/** The parts of a balancer, and who tells whom of what. */
import { availableParallelism } from "node:os";
import { runtime } from "#runtime";
import { type Certificate, CertificateFiles } from "../config/certificate-files.ts";
import type { BalancerSettings } from "../config/settings.ts";
import { mayOpen } from "../control/keys/key.ts";
import { ControlServer } from "../control/server/server.ts";
import type { Engine } from "../engines/engine.ts";
import { Dns } from "../net/dns.ts";
import { SESSIONS_PER_TARGET } from "../targets/quota.ts";
import { DeclaredTargets } from "../targets/sources/declared-targets.ts";
import { systemClock } from "../util/clock.ts";
import type { EventOf } from "../util/emitter.ts";
import { VERSION } from "../util/version.ts";
import { Document } from "./apply.ts";
import { Brought, MOST_PORTS } from "./brought.ts";
import { type DescriptorShares, targetPlaces } from "./descriptors.ts";
import type { BalancerEvents } from "./events.ts";
import { invitedEvents, type Trust } from "./invited.ts";
import { Services } from "./services.ts";

export interface Parts {
  readonly engine: Engine;
  readonly control: ControlServer;
  readonly services: Services;
  readonly declared: DeclaredTargets;
  readonly document: Document;
  readonly brought: Brought;
}

export interface Wiring {
  readonly settings: BalancerSettings;
  readonly engine: Engine;
  readonly trust: Trust;
  readonly shares: DescriptorShares;
  readonly tell: (...event: EventOf<BalancerEvents>) => void;
}

/** Nothing of it has been started. */
export function wire(wiring: Wiring): Parts {
  const { engine, settings, trust, shares, tell } = wiring;
  const warn = (message: string, cause?: unknown) => tell("warning", message, cause);
  const services = new Services({
    engine,
    onTargets: (pool, targets) => declared.set(pool, targets),
    onListening: () => control.listening(),
    onPoolGone: (pool) => {
      declared.forget(pool);
      control.poolRemoved(pool);
    },
    onWarning: warn,
  });
  const document = new Document(settings, services);
  const brought = new Brought({
    document,
    listeners: () => services.listeners,
    targetHere: (port) => control.targetHere(port),
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
  const control: ControlServer = controlServer(wiring, { services, document, brought });
  const declared = new DeclaredTargets({
    clock: systemClock,
    resolver: new Dns(settings.resolver),
    onTargets: (pool, targets) => control.declare(pool, targets),
    onWarning: warn,
  });
  return { engine, control, services, declared, document, brought };
}

function controlServer(
  { settings, engine, trust, shares, tell }: Wiring,
  { services, document, brought }: Pick<Parts, "services" | "document" | "brought">,
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
    renewedTls: certificateFiles(settings),
    pools,
    services: brought,
    panicOf: (pool) => services.state.pools.get(pool)?.panic ?? false,
    name: "harmony-balancer",
    version: VERSION,
    clientListeners: () => services.listeners.map(({ address }) => address),
    onEvent: tell,
    onChange: (name) => {
      const pool = pools.get(name);
      if (pool !== undefined) engine.poolChanged(pool);
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
  const files = new CertificateFiles({ cert: adminTlsCert, key: adminTlsKey }, adminTls);
  return () => files.renewed();
}
