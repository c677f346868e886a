/** What has to be done so that a balancer that runs with one document runs with another: one step for each difference. */
import { isDeepStrictEqual } from "node:util";
import type { WantedTarget } from "../../targets/wanted.ts";
import { balancerOptions, scopeOf } from "../balancer-options.ts";
import { formatListen } from "../listen-kind.ts";
import { listenerOptions } from "../listener-options.ts";
import type { OptionTable } from "../option.ts";
import { type PoolValues, poolOptions } from "../pool-options.ts";
import { type BalancerSettings, type ListenerSettings, type PoolSettings, routeTo } from "../settings.ts";
import { splitList } from "../split.ts";
import { formatPlace, formatTarget } from "../target-kind.ts";
import { SECRET_OPTIONS } from "../values.ts";
import { type Endpoint, endpointsOf, endpointText, poolsOf } from "./endpoints.ts";
import { routeTexts } from "./routes-text.ts";
import { listenerSection } from "./section-options.ts";

/** `option` by its name in the table; the values as their texts. */
export interface Change {
  readonly option: string;
  readonly before: string;
  readonly after: string;
}

/** Targets as their texts: `10.0.0.5:5432 weight=200`. */
export interface TargetChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly { readonly before: string; readonly after: string }[];
}

/** `endpoint`: a key of endpointsOf(), of the second document, or of the first for what is removed. */
export type Step =
  /** An option of the process that changes at once. */
  | ({ readonly kind: "change-process" } & Change)
  | { readonly kind: "add-pool"; readonly pool: string; readonly targets: readonly string[] }
  | { readonly kind: "change-pool"; readonly pool: string; readonly changes: readonly Change[] }
  | ({ readonly kind: "change-targets"; readonly pool: string } & TargetChanges)
  /** Of pools that reporters bring. */
  | { readonly kind: "change-defaults"; readonly changes: readonly Change[] }
  | {
      readonly kind: "add-listener";
      readonly endpoint: string;
      readonly listen: string;
      readonly pools: readonly string[];
    }
  | {
      readonly kind: "move-listener";
      readonly endpoint: string;
      readonly listen: string;
      readonly from: string;
      readonly to: string;
    }
  | {
      readonly kind: "change-listener";
      readonly endpoint: string;
      readonly listen: string;
      readonly changes: readonly Change[];
    }
  | {
      readonly kind: "remove-listener";
      readonly endpoint: string;
      readonly listen: string;
      readonly pools: readonly string[];
    }
  | { readonly kind: "remove-pool"; readonly pool: string }
  /** An option of the process that only a restart changes. */
  | ({ readonly kind: "restart" } & Change);

/** In the order in which they are done: what others need comes before them, and what is gone goes last. */
export function difference(before: BalancerSettings, after: BalancerSettings): Step[] {
  return [
    ...changedProcess(before, after),
    ...addedPools(before, after),
    ...changedPools(before, after),
    ...changedDefaults(before, after),
    ...listeners(endpointsOf(before), endpointsOf(after)),
    ...removedPools(before, after),
    ...restarts(before, after),
  ];
}

/** Options of the process that a reload changes. */
const LIVE = [
  "logLevel",
  "accessLog",
  "accessLogFormat",
  "accessLogSample",
] as const satisfies readonly (keyof BalancerSettings)[];

/** What is in force of the process once `next` is: it cannot change what else it was started with. */
export function liveOf(next: BalancerSettings): Pick<BalancerSettings, (typeof LIVE)[number]> {
  return Object.fromEntries(LIVE.map((option) => [option, next[option]])) as ReturnType<typeof liveOf>;
}

/** Options of listeners that change without their sockets. */
const { listen: _, ...TERMS } = listenerSection;

/** Entries of a list that are shown one by one. */
const MOST_SHOWN = 8;

const HIDDEN = "(hidden)";
const NONE = "none";

function changedProcess(before: BalancerSettings, after: BalancerSettings): Step[] {
  return processChanges(before, after, true).map((change) => ({ kind: "change-process", ...change }));
}

function restarts(before: BalancerSettings, after: BalancerSettings): Step[] {
  return processChanges(before, after, false).map((change) => ({ kind: "restart", ...change }));
}

function processChanges(before: BalancerSettings, after: BalancerSettings, live: boolean): Change[] {
  const names = Object.keys(balancerOptions).filter(
    (name) => scopeOf(name) === "process" && name !== "config" && (LIVE as readonly string[]).includes(name) === live,
  );
  return names.flatMap((option) => {
    const { kind } = balancerOptions[option as keyof typeof balancerOptions];
    const text = (settings: BalancerSettings) => {
      const value = (settings as unknown as Record<string, unknown>)[option];
      return value == null ? NONE : (kind.format as (value: unknown) => string)(value);
    };
    const change = { option, before: text(before), after: text(after) };
    if (change.before === change.after) return [];
    return [SECRET_OPTIONS.includes(option) ? { option, before: HIDDEN, after: HIDDEN } : change];
  });
}

function addedPools(before: BalancerSettings, after: BalancerSettings): Step[] {
  return [...after.pools].flatMap(([pool, { targets }]) =>
    before.pools.has(pool) ? [] : [{ kind: "add-pool", pool, targets: targets.map(formatTarget) }],
  );
}

function removedPools(before: BalancerSettings, after: BalancerSettings): Step[] {
  return [...before.pools.keys()].flatMap((pool) => (after.pools.has(pool) ? [] : [{ kind: "remove-pool", pool }]));
}

function changedPools(before: BalancerSettings, after: BalancerSettings): Step[] {
  return [...after.pools].flatMap(([pool, next]): Step[] => {
    const last = before.pools.get(pool);
    if (last === undefined) return [];
    const changes = poolChanges(last, next);
    const targets = targetChanges(last.targets, next.targets);
    const moved = targets.added.length + targets.removed.length + targets.changed.length > 0;
    return [
      ...(changes.length > 0 ? [{ kind: "change-pool", pool, changes } as const] : []),
      ...(moved ? [{ kind: "change-targets", pool, ...targets } as const] : []),
    ];
  });
}

function changedDefaults(before: BalancerSettings, after: BalancerSettings): Step[] {
  const changes = [
    ...poolChanges(before.poolDefaults, after.poolDefaults),
    ...termChanges(listenerOptions, before.listenerDefaults, after.listenerDefaults),
  ];
  return changes.length > 0 ? [{ kind: "change-defaults", changes }] : [];
}

/** But for targets. */
export function poolChanges(before: PoolSettings, after: PoolSettings): Change[] {
  return Object.keys(poolOptions).flatMap((name) => {
    const option = name as keyof PoolValues;
    if (option === "targets") return [];
    if (option === "unavailable") return unavailableChange(before.unavailable, after.unavailable);
    const change = { option, before: poolText(option, before), after: poolText(option, after) };
    return change.before === change.after ? [] : [change];
  });
}

function poolText(option: Exclude<keyof PoolValues, "unavailable">, settings: PoolSettings): string {
  return (poolOptions[option].kind.format as (value: unknown) => string)(settings[option]);
}

type Unavailable = PoolSettings["unavailable"];

function unavailableChange(before: Unavailable, after: Unavailable): Change[] {
  if (before === after || (isBytes(before) && isBytes(after) && Buffer.compare(before, after) === 0)) return [];
  return [{ option: "unavailable", before: unavailableText(before), after: unavailableText(after) }];
}

function isBytes(value: Unavailable): value is Uint8Array {
  return value instanceof Uint8Array;
}

/** It may be a page of HTML, and bytes that are no text. */
function unavailableText(value: Unavailable): string {
  if (value === null) return NONE;
  return isBytes(value) ? `a text of ${value.length} bytes` : "a function";
}

function targetChanges(before: readonly WantedTarget[], after: readonly WantedTarget[]): TargetChanges {
  const last = new Map(before.map((target) => [formatPlace(target), formatTarget(target)]));
  const next = new Map(after.map((target) => [formatPlace(target), formatTarget(target)]));
  return {
    added: [...next].flatMap(([place, text]) => (last.has(place) ? [] : [text])),
    removed: [...last].flatMap(([place, text]) => (next.has(place) ? [] : [text])),
    changed: [...next].flatMap(([place, text]) => {
      const was = last.get(place);
      return was === undefined || was === text ? [] : [{ before: was, after: text }];
    }),
  };
}

function listeners(before: ReadonlyMap<string, Endpoint>, after: ReadonlyMap<string, Endpoint>): Step[] {
  const added: Step[] = [];
  const kept: Step[] = [];
  for (const [endpoint, next] of after) {
    const last = before.get(endpoint);
    const listen = formatListen(next.address);
    if (last === undefined) {
      added.push({ kind: "add-listener", endpoint, listen, pools: poolsOf(next.settings) });
      continue;
    }
    const [from, to] = [onlyPool(last.settings), onlyPool(next.settings)];
    if (from !== null && to !== null && from !== to) kept.push({ kind: "move-listener", endpoint, listen, from, to });
    const changes = endpointChanges(last, next);
    if (changes.length > 0) kept.push({ kind: "change-listener", endpoint, listen, changes });
  }
  const removed = [...before].flatMap(([endpoint, { address, settings }]): Step[] => {
    if (after.has(endpoint)) return [];
    return [{ kind: "remove-listener", endpoint, listen: formatListen(address), pools: poolsOf(settings) }];
  });
  return [...added, ...kept, ...removed];
}

/** What is not in the key: mode and owner of a Unix socket, routes, and what its listener asks of clients. */
function endpointChanges(before: Endpoint, after: Endpoint): Change[] {
  const [last, next] = [before.settings, after.settings];
  const isMoved = onlyPool(last) !== null && onlyPool(next) !== null;
  return [
    ...changeOf("listen", endpointText(before.address), endpointText(after.address)),
    ...(isMoved ? [] : listChange("routes", routeTexts(last), routeTexts(next), "routes")),
    ...termChanges(TERMS, last, next),
  ];
}

function termChanges(table: OptionTable, last: object, next: object): Change[] {
  return Object.entries(table).flatMap(([option, { kind }]) => {
    const text = (settings: object) => kind.format((settings as Readonly<Record<string, unknown>>)[option]);
    if (kind.list !== true) return changeOf(option, text(last), text(next));
    return listChange(option, entriesOf(text(last)), entriesOf(text(next)), "entries");
  });
}

function changeOf(option: string, before: string, after: string): Change[] {
  return before === after ? [] : [{ option, before: before || NONE, after: after || NONE }];
}

function listChange(option: string, before: readonly string[], after: readonly string[], what: string): Change[] {
  if (isDeepStrictEqual(before, after)) return [];
  return [{ option, before: listText(before, what), after: listText(after, what) }];
}

function entriesOf(text: string): readonly string[] {
  return text === "" ? [] : splitList(text);
}

/** Few as they are; of more, how many there are. */
function listText(items: readonly string[], what: string): string {
  return items.length > MOST_SHOWN ? `${items.length} ${what}` : items.join(", ") || NONE;
}

/** The pool that serves whoever comes there; null: that depends on what clients ask for. */
function onlyPool({ routes, tls }: ListenerSettings): string | null {
  const [first] = routes;
  return routes.length === 1 && isDeepStrictEqual(first, routeTo(first!.pool, { tls })) ? first!.pool : null;
}
