/** From what pools and listeners write to every listener with its addresses, its routes, and what it asks of clients. */

import type { ListenAddress } from "../../net/runtime.ts";
import { expandLocalhost } from "../address-kinds.ts";
import { formatListen, type WrittenListen } from "../listen-kind.ts";
import { listenerOptions, listenerTerms } from "../listener-options.ts";
import type { Place } from "../option.ts";
import { DEFAULT_POOL, hasIpv6Loopback, type ListenerSettings, type Route, routeTo } from "../settings.ts";
import { type Chosen, firstOf, type Given, type Source, valuesOf, whereOf } from "../values.ts";
import { refuseListenSockets } from "./check-sockets.ts";
import { descriptorsNamed } from "./inherited.ts";
import { type ListenerValues, listenerSection, type SectionValues } from "./section-options.ts";
import type { Written } from "./written.ts";
import { completeRoutes } from "./written-routes.ts";

/** How a face of the balancer differs from others. */
export interface Form {
  /** How messages spell options. */
  readonly place: Place;
  /** Where clients of the pool `default` come if nothing says so. */
  readonly listen: readonly WrittenListen[];
  /** It is not what will listen, so that what inherited sockets are called cannot be known. */
  readonly isElsewhere?: boolean;
}

export interface CompletedListener {
  readonly settings: ListenerSettings;
  /** Its options as they are written. Where nothing says where it listens, nothing is given for that. */
  readonly chosen: Chosen<ListenerValues>;
  /** It has no section of its own, but `listen` of its pool, whose name it has. */
  readonly isPools: boolean;
}

type Listeners = Map<string, CompletedListener>;

/** `outer`: what is said outside of sections, by precedence: the defaults of all listeners. */
export function completeListeners(
  written: Written,
  pools: ReadonlyMap<string, Chosen<SectionValues>>,
  outer: readonly Source[],
  form: Form,
  problems: string[],
): Listeners {
  const listeners: Listeners = new Map();
  const hasIpv6 = hasIpv6Loopback();
  const add = (name: string, routes: readonly Route[], chosen: Chosen<ListenerValues>, isPools: boolean) => {
    const listen = resolved(chosen.values.listen, chosen.given.get("listen"), hasIpv6, form, problems);
    const { keepalive } = chosen.values;
    refuseListenSockets(name, chosen, form.place, problems);
    const settings = { ...listenerTerms(chosen.values), listen, routes, keepalive };
    listeners.set(name, { settings, chosen, isPools });
  };
  for (const [pool, chosen] of pools)
    if (chosen.given.has("listen")) add(pool, [routeTo(pool, chosen.values)], chosen, true);
  for (const [name, { at, source, routes }] of written.listeners) {
    const other = listeners.get(name);
    if (other) {
      const { at: place, from } = other.chosen.given.get("listen")!;
      problems.push(`${at}: listener ${name} is there already: listen of pool ${name} makes it (${place ?? from})`);
    }
    const chosen = chooseListener(source, outer, pools.get(routes[0]?.pool ?? ""));
    const completed = completeRoutes(routes, pools, chosen.values.tls !== "off", problems);
    if (!other) add(name, completed, chosen, false);
  }
  const sections = [...written.listeners.values()];
  const isWrong = sections.some(({ routes }) => routes.length === 0 || routes.includes(null));
  const served = new Set(sections.flatMap(({ routes }) => routes.map((route) => route?.pool)));
  for (const [pool, chosen] of pools) {
    const { at, listens = false } = written.pools.get(pool) ?? {};
    if (chosen.given.has("listen") || listens) continue;
    if (pool === DEFAULT_POOL && !served.has(pool) && !isWrong && !listeners.has(pool)) {
      const values = { ...chosen.values, listen: form.listen };
      add(pool, [routeTo(pool, values)], { given: chosen.given, values }, true);
      continue;
    }
    refuseListenerOptions(pool, written, problems);
    if (served.has(pool) || isWrong) continue; // a route that is wrong may have been meant for any pool
    const where = at === undefined ? whereOf(chosen.given.get("targets")) : `${at}: `;
    problems.push(`${where}pool ${pool} has no listener: give it listen, or a listener that routes to it`);
  }
  return listeners;
}

/** Its keepalive is that of its first route's pool unless it has one of its own. */
function chooseListener(
  own: Source,
  outer: readonly Source[],
  pool: Chosen<SectionValues> | undefined,
): Chosen<ListenerValues> {
  const ofOuter = outer.map((source) => new Map([...source].filter(([name]) => Object.hasOwn(listenerOptions, name))));
  const given = new Map(firstOf(listenerSection, [own, ...ofOuter]));
  const values = valuesOf(listenerSection, given, []);
  if (own.has("keepalive") || pool === undefined) return { given, values };
  const ofPool = pool.given.get("keepalive");
  if (ofPool) given.set("keepalive", ofPool);
  return { given, values: { ...values, keepalive: pool.values.keepalive } };
}

/** They are for the listener that a pool has by its own `listen`: without one nobody would ask for them. */
function refuseListenerOptions(pool: string, { pools }: Written, problems: string[]): void {
  for (const [name, given] of pools.get(pool)?.source ?? []) {
    if (!Object.hasOwn(listenerOptions, name)) continue;
    problems.push(
      `${whereOf(given)}${given.from}: pool ${pool} has no listen of its own: give this to the listener that routes to it`,
    );
  }
}

/** "localhost" and the names of inherited sockets stand for what this machine and this process have. */
function resolved(
  listen: readonly WrittenListen[],
  given: Given | undefined,
  hasIpv6: boolean,
  { isElsewhere = false }: Form,
  problems: string[],
): ListenAddress[] {
  return listen.flatMap((address): ListenAddress[] => {
    if ("port" in address) return expandLocalhost([address], hasIpv6);
    if (!("fdName" in address)) return [address];
    if (isElsewhere) return [];
    const found = descriptorsNamed(address.fdName, process.env, process.pid);
    if (!("why" in found)) return found.map((fd) => ({ fd }));
    problems.push(`${whereOf(given)}${given?.from} ${formatListen(address)}: there is no such socket: ${found.why}`);
    return [];
  });
}
