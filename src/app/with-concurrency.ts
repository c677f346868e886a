import type { BalancerSettings } from "../config/settings.ts";
import { noPool } from "./services.ts";

/** The settings, with another limit for the pool of that name. */
export function withConcurrency(settings: BalancerSettings, concurrency: number, name: string): BalancerSettings {
  const options = settings.pools.get(name);
  if (options === undefined) throw noPool(name, settings.pools.keys());
  return { ...settings, pools: new Map([...settings.pools, [name, { ...options, concurrency }]]) };
}
