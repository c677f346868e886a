/** What the balancer shows of its pools and their targets. */
import type { PoolSettings } from "../config/settings.ts";
import type { Address, TcpAddress } from "../net/runtime.ts";
import type { TargetView } from "../pool/pool.ts";
import type { TargetSource } from "../targets/wanted.ts";
import type { Document } from "./apply.ts";
import type { ServedListener, Services } from "./services.ts";

export interface ListenerView {
  readonly name: string;
  readonly addresses: Address[];
}

export interface PoolView {
  readonly name: string;
  /** By the configuration, or by a reporter. */
  readonly origin: "defined" | "brought";
  readonly options: PoolSettings;
  /** Those that route to it. Ports are real. */
  readonly listeners: readonly ListenerView[];
  /** Client connections that hold a permit, and those that wait in the queue. */
  readonly active: number;
  readonly waiting: number;
}

/** A target, with its pool. */
export interface PoolTarget extends TargetView {
  readonly pool: string;
  /** Who says that it exists. */
  readonly sources: readonly TargetSource[];
}

/** Those that are to run: what is gone may still take who is connected already. */
export function poolViews({ state, pools, listeners }: Services, { brought }: Document): PoolView[] {
  const own = byPool(listeners);
  return [...state.pools].map(([name, options]) => {
    const { active, waiting } = pools.get(name)!;
    const origin = brought.has(name) ? "brought" : "defined";
    return { name, origin, options, listeners: own.get(name) ?? [], active, waiting };
  });
}

/** `wanted`: of that pool alone. */
export function targetViews(
  { pools }: Services,
  sourcesOf: (identity: string) => readonly TargetSource[],
  wanted?: string,
): PoolTarget[] {
  const shown = [...pools].filter(([name]) => wanted === undefined || name === wanted);
  return shown.flatMap(([name, pool]) =>
    pool.targets().map((target) => ({ ...target, pool: name, sources: sourcesOf(target.identity) })),
  );
}

export function tcpAddresses({ listeners }: Services): readonly TcpAddress[] {
  return listeners.map(({ address }) => address).filter((address) => "port" in address);
}

function byPool(listeners: readonly ServedListener[]): Map<string, ListenerView[]> {
  const views = new Map<string, ListenerView[]>();
  for (const { listener: name, pools, address } of listeners) {
    for (const pool of pools) {
      const ofPool = views.get(pool) ?? [];
      views.set(pool, ofPool);
      const last = ofPool.at(-1);
      if (last?.name === name) last.addresses.push(address);
      else ofPool.push({ name, addresses: [address] });
    }
  }
  return views;
}
