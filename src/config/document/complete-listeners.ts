/** From what pools and listeners write to every listener with its addresses and its pool. */

import type { ListenAddress } from "../../net/runtime.ts";
import { expandLocalhost } from "../address-kinds.ts";
import { formatListen, type WrittenListen } from "../listen-kind.ts";
import type { Place } from "../option.ts";
import { DEFAULT_POOL, hasIpv6Loopback, type ListenerSettings } from "../settings.ts";
import { suggestion } from "../suggest.ts";
import { type Chosen, type Given, type Source, valuesOf, whereOf } from "../values.ts";
import { descriptorsNamed } from "./inherited.ts";
import { listenerSection, type SectionValues } from "./section-options.ts";
import type { Written } from "./written.ts";

/** How a face of the balancer differs from others. */
export interface Form {
  /** How messages spell options. */
  readonly place: Place;
  /** Where clients of the pool `default` come if nothing says so. */
  readonly listen: readonly WrittenListen[];
}

export interface CompletedListener {
  readonly settings: ListenerSettings;
  /** What says where it listens; undefined: nothing does. */
  readonly given: Given | undefined;
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
  const add = (
    name: string,
    pool: string,
    from: Chosen<Pick<SectionValues, "listen" | "keepalive">>,
    isPools: boolean,
  ) => {
    const given = from.given.get("listen");
    const listen = resolved(from.values.listen, given, problems);
    const { keepalive } = from.values;
    listeners.set(name, { settings: { listen, routes: [{ pool }], keepalive }, given, isPools });
  };
  for (const [pool, chosen] of pools) if (chosen.given.has("listen")) add(pool, pool, chosen, true);
  for (const [name, { at, source, route }] of written.listeners) {
    const other = listeners.get(name);
    if (other) {
      const where = other.given?.at ?? other.given?.from;
      problems.push(`${at}: listener ${name} is there already: listen of pool ${name} makes it (${where})`);
    }
    const pool = route && pools.get(route.pool);
    if (route && !pool) problems.push(noPool(route, pools));
    if (!other && route && pool) add(name, route.pool, { given: source, values: listenerValues(source, pool) }, false);
  }
  const served = new Set([...written.listeners.values()].map(({ route }) => route?.pool));
  for (const [pool, chosen] of pools) {
    if (chosen.given.has("listen") || served.has(pool)) continue;
    const at = written.pools.get(pool)?.at;
    if (pool === DEFAULT_POOL)
      add(pool, pool, { given: new Map(), values: { ...chosen.values, listen: form.listen } }, true);
    else problems.push(`${at}: pool ${pool} has no listener: give it listen, or a listener that routes to it`);
  }
  return listeners;
}

/** Its keepalive is its pool's unless it has one of its own. */
function listenerValues(source: Source, pool: Chosen<SectionValues>): Pick<SectionValues, "listen" | "keepalive"> {
  const { listen, keepalive } = valuesOf(listenerSection, source, []);
  return { listen, keepalive: source.has("keepalive") ? keepalive : pool.values.keepalive };
}

function noPool(
  { pool, at }: { readonly pool: string; readonly at: string },
  pools: ReadonlyMap<string, unknown>,
): string {
  return `${at}: there is no pool ${JSON.stringify(pool)}${suggestion(pool, pools.keys())}`;
}

/** "localhost" and the names of inherited sockets stand for what this machine and this process have. */
function resolved(listen: readonly WrittenListen[], given: Given | undefined, problems: string[]): ListenAddress[] {
  return listen.flatMap((address): ListenAddress[] => {
    if ("port" in address) return expandLocalhost([address], hasIpv6Loopback());
    if (!("fdName" in address)) return [address];
    const found = descriptorsNamed(address.fdName, process.env, process.pid);
    if (!("why" in found)) return found.map((fd) => ({ fd }));
    problems.push(`${whereOf(given)}${given?.from} ${formatListen(address)}: there is no such socket: ${found.why}`);
    return [];
  });
}
