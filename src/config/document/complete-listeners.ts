/** From what pools and listeners write to every listener with its addresses and its pool. */

import type { ListenAddress } from "../../net/runtime.ts";
import { expandLocalhost } from "../address-kinds.ts";
import { formatListen, type WrittenListen } from "../listen-kind.ts";
import type { Place } from "../option.ts";
import { DEFAULT_POOL, hasIpv6Loopback, type ListenerSettings } from "../settings.ts";
import { suggestion } from "../suggest.ts";
import { type Chosen, type Given, type Source, valuesOf, whereOf } from "../values.ts";
import { descriptorsNamed } from "./inherited.ts";
import { type ListenerValues, listenerSection, type SectionValues } from "./section-options.ts";
import type { Written } from "./written.ts";

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

export function completeListeners(
  written: Written,
  pools: ReadonlyMap<string, Chosen<SectionValues>>,
  form: Form,
  problems: string[],
): Listeners {
  const listeners: Listeners = new Map();
  const hasIpv6 = hasIpv6Loopback();
  const add = (name: string, pool: string, chosen: Chosen<ListenerValues>, isPools: boolean) => {
    const listen = resolved(chosen.values.listen, chosen.given.get("listen"), hasIpv6, form, problems);
    const { keepalive } = chosen.values;
    listeners.set(name, { settings: { listen, routes: [{ pool }], keepalive }, chosen, isPools });
  };
  for (const [pool, chosen] of pools) if (chosen.given.has("listen")) add(pool, pool, chosen, true);
  for (const [name, { at, source, route }] of written.listeners) {
    const other = listeners.get(name);
    if (other) {
      const { at: place, from } = other.chosen.given.get("listen")!;
      problems.push(`${at}: listener ${name} is there already: listen of pool ${name} makes it (${place ?? from})`);
    }
    const pool = route && pools.get(route.pool);
    if (route && !pool) problems.push(noPool(route, pools));
    if (!other && route && pool) add(name, route.pool, chooseListener(source, pool), false);
  }
  const served = new Set([...written.listeners.values()].map(({ route }) => route?.pool));
  if (served.has(undefined)) return listeners; // a route that is wrong may have been meant for any pool
  for (const [pool, chosen] of pools) {
    const { at, listens = false } = written.pools.get(pool) ?? {};
    if (chosen.given.has("listen") || listens || served.has(pool)) continue;
    if (pool === DEFAULT_POOL && !listeners.has(pool)) {
      add(pool, pool, { given: new Map(), values: { ...chosen.values, listen: form.listen } }, true);
      continue;
    }
    const where = at === undefined ? whereOf(chosen.given.get("targets")) : `${at}: `;
    problems.push(`${where}pool ${pool} has no listener: give it listen, or a listener that routes to it`);
  }
  return listeners;
}

/** Its keepalive is its pool's unless it has one of its own. */
function chooseListener(source: Source, pool: Chosen<SectionValues>): Chosen<ListenerValues> {
  const ofPool = pool.given.get("keepalive");
  const values = { ...valuesOf(listenerSection, source, []) };
  if (source.has("keepalive")) return { given: source, values };
  const given = ofPool ? new Map([...source, ["keepalive", ofPool]]) : source;
  return { given, values: { ...values, keepalive: pool.values.keepalive } };
}

function noPool(
  { pool, at }: { readonly pool: string; readonly at: string },
  pools: ReadonlyMap<string, unknown>,
): string {
  return `${at}: there is no pool ${JSON.stringify(pool)}${suggestion(pool, pools.keys())}`;
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
