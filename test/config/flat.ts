/** The settings of a balancer with one pool, and of a reporter with one target, all beside each other by the names of their options. */
import type { BalancerSettings, ReporterSettings } from "../../src/config/settings.ts";

export function flat(settings: BalancerSettings) {
  return { ...settings, ...settings.pools.get("default")!, ...settings.listeners.get("default")! };
}

export function flatReporter(settings: ReporterSettings) {
  return { ...settings, ...settings.targets[0]! };
}
