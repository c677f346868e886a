/** What has to be done so that a balancer that runs with one document runs with another: one step for each difference. */
import type { WantedTarget } from "../../targets/wanted.ts";
import { balancerOptions, scopeOf } from "../balancer-options.ts";
import { formatListen } from "../listen-kind.ts";
import { type PoolValues, poolOptions } from "../pool-options.ts";
import type { BalancerSettings, PoolSettings } from "../settings.ts";
import { formatPlace, formatTarget } from "../target-kind.ts";
import { SECRET_OPTIONS } from "../values.ts";
import { type Endpoint, endpointsOf, endpointText } from "./endpoints.ts";

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
  | { readonly kind: "add-listener"; readonly endpoint: string; readonly listen: string; readonly pool: string }
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
  | { readonly kind: "remove-listener"; readonly endpoint: string; readonly listen: string; readonly pool: string }
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
const LIVE = ["logLevel"] as const satisfies readonly (keyof BalancerSettings)[];

/** What is in force of the process once `next` is: it cannot change what else it was started with. */
export function liveOf(next: BalancerSettings): Pick<BalancerSettings, (typeof LIVE)[number]> {
  return Object.fromEntries(LIVE.map((option) => [option, next[option]])) as ReturnType<typeof liveOf>;
}

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
  const changes = poolChanges(before.poolDefaults, after.poolDefaults);
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
      added.push({ kind: "add-listener", endpoint, listen, pool: next.pool });
      continue;
    }
    if (last.pool !== next.pool) kept.push({ kind: "move-listener", endpoint, listen, from: last.pool, to: next.pool });
    const changes = endpointChanges(last, next);
    if (changes.length > 0) kept.push({ kind: "change-listener", endpoint, listen, changes });
  }
  const removed = [...before].flatMap(([endpoint, { address, pool }]): Step[] => {
    return after.has(endpoint) ? [] : [{ kind: "remove-listener", endpoint, listen: formatListen(address), pool }];
  });
  return [...added, ...kept, ...removed];
}

/** What is not in the key: mode and owner of a Unix socket, and its keepalive. */
function endpointChanges(before: Endpoint, after: Endpoint): Change[] {
  const { format } = poolOptions.keepalive.kind;
  const pairs = [
    { option: "listen", before: endpointText(before.address), after: endpointText(after.address) },
    { option: "keepalive", before: format(before.keepalive), after: format(after.keepalive) },
  ];
  return pairs.filter((change) => change.before !== change.after);
}
