/**
 * What listeners ask of clients: the rules that engines and TLS threads go by, made of the listeners' settings. What has been counted, and
 * what clients have open, stays with a listener's name from one document to the next. Lists are followed as their files change.
 */
import { isDeepStrictEqual } from "node:util";
import type { ListenerTerms } from "../config/listener-options.ts";
import type { ListenerSettings } from "../config/settings.ts";
import {
  type ClientLimitOptions,
  ClientLimits,
  type ClientLimitsData,
  MAIN_THREAD,
} from "../edge/access/client-limits.ts";
import { RefusalCounters } from "../edge/refusals.ts";
import type { EdgeRules } from "../edge/rules.ts";
import type { FollowedLists } from "./followed-lists.ts";

type Listeners = ReadonlyMap<string, ListenerSettings>;
type Sets = Pick<EdgeRules, "senders" | "allow" | "deny">;

/** By listener, what it is to ask; those that ask nothing are not there. */
export type PreparedEdges = ReadonlyMap<string, { readonly settings: ListenerSettings; readonly sets: Sets }>;

/** What stays with a listener's name. */
class Counted {
  readonly counters = new RefusalCounters();
  /** null: there has been no limit yet. */
  limits: { readonly data: ClientLimitsData; readonly isTls: boolean } | null = null;
}

export class Edges {
  readonly #lists: Pick<FollowedLists, "read" | "retain">;
  readonly #tlsThreads: number;
  readonly #counted = new Map<string, Counted>();
  /** Of those that ask something. */
  #rules: ReadonlyMap<string, EdgeRules> = new Map();

  /** `tlsThreads`: those that keep books of the clients of listeners with TLS, see ClientLimits.create(). */
  constructor(lists: Pick<FollowedLists, "read" | "retain">, tlsThreads: number) {
    this.#lists = lists;
    this.#tlsThreads = tlsThreads;
  }

  /** Throws HarmonyError where a list cannot be read. Nothing has changed yet. */
  prepare(listeners: Listeners): PreparedEdges {
    const asking = [...listeners].filter(([, settings]) => asks(settings));
    return new Map(asking.map(([name, settings]) => [name, { settings, sets: this.#setsOf(settings) }]));
  }

  /** `listeners`: all that there are, of which `next` was prepared. */
  commit(next: PreparedEdges, listeners: Listeners): void {
    for (const name of this.#counted.keys()) if (!listeners.has(name)) this.#counted.delete(name);
    this.#rules = new Map([...next].map(([name, { settings, sets }]) => [name, this.#rulesOf(name, settings, sets)]));
    this.#lists.retain(
      [...next.values()].flatMap(({ settings }) => [settings.acceptProxy, settings.allow, settings.deny]),
    );
  }

  /** null: it asks nothing. The same object for as long as it asks the same. */
  rulesOf(listener: string): EdgeRules | null {
    return this.#rules.get(listener) ?? null;
  }

  #setsOf({ acceptProxy, allow, deny }: ListenerTerms): Sets {
    return {
      senders: this.#lists.read("accept-proxy", acceptProxy),
      allow: this.#lists.read("allow", allow),
      deny: this.#lists.read("deny", deny),
    };
  }

  #rulesOf(name: string, settings: ListenerSettings, sets: Sets): EdgeRules {
    const counted = this.#counted.get(name) ?? new Counted();
    this.#counted.set(name, counted);
    const rules = {
      ...sets,
      secret: null,
      limits: this.#limitsOf(counted, settings),
      refuse: settings.refuse,
      prereadTimeout: settings.prereadTimeout,
      routes: settings.routes.map(({ names, alpn }) => ({ names, alpn })),
      counters: counted.counters.buffer,
    };
    const last = this.#rules.get(name);
    return last !== undefined && isSame(last, rules) ? last : rules;
  }

  #limitsOf(counted: Counted, settings: ListenerSettings): ClientLimitsData | null {
    const options = limitsOf(settings);
    if (options === null) return null;
    const isTls = settings.tls !== "off";
    // Only those that were made for TLS have room for the books that its threads keep. Who came by the former ones gives back to those.
    if (counted.limits?.isTls !== isTls) {
      counted.limits = { data: ClientLimits.create(options, isTls ? this.#tlsThreads : 0), isTls };
    } else new ClientLimits(counted.limits.data, MAIN_THREAD).change(options);
    return counted.limits.data;
  }
}

/** Whether clients are asked anything. TLS threads go by rules at any rate. */
function asks({ acceptProxy, allow, deny, routes, tls, ...terms }: ListenerSettings): boolean {
  const lists = acceptProxy.length + allow.length + deny.length;
  const isPlain = routes.length === 1 && routes[0]!.names.length + routes[0]!.alpn.length === 0;
  return lists > 0 || limitsOf(terms) !== null || !isPlain || tls !== "off";
}

type LimitTerms = Pick<ListenerTerms, "clientConnections" | "clientRate" | "clientBurst" | "clientNetwork">;

/** null: there is no limit. */
function limitsOf({
  clientConnections,
  clientRate,
  clientBurst,
  clientNetwork,
}: LimitTerms): ClientLimitOptions | null {
  if (clientConnections === 0 && clientRate === null) return null;
  const rate = clientRate === null ? 0 : (clientRate.amount * 1_000) / clientRate.perMs;
  const burst = clientBurst === 0 ? Math.max(1, Math.round(rate)) : clientBurst;
  const { v4, v6 } = clientNetwork;
  return { connections: clientConnections, rate, burst, v4Bits: v4, v6Bits: v6 };
}

/** Shared memory is the same where it is the same piece of memory: a set has 100,000 entries, and counts move. */
function isSame(one: EdgeRules, other: EdgeRules): boolean {
  const shared = (["senders", "allow", "deny", "limits", "counters"] as const).every(
    (name) => one[name] === other[name],
  );
  const { refuse, prereadTimeout, routes } = other;
  const own = { refuse: one.refuse, prereadTimeout: one.prereadTimeout, routes: one.routes };
  return shared && isDeepStrictEqual(own, { refuse, prereadTimeout, routes });
}
