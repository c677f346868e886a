/** The settings of a balancer with one pool, all beside each other by the names of their options. */
import type { BalancerSettings } from "../../src/config/settings.ts";

export function flat(settings: BalancerSettings) {
  return { ...settings, ...settings.pools.get("default")!, listen: settings.listeners.get("default")!.listen };
}
