/** A registry whose keys allow everything, on a host that listens nowhere: a test says what is otherwise. */
import assert from "node:assert/strict";
import { Pool } from "../../src/pool/pool.ts";
import { Checks } from "../../src/targets/checks.ts";
import { TargetMonitor, type TargetMonitorOptions } from "../../src/targets/monitor.ts";
import { Orders } from "../../src/targets/orders.ts";
import { Registry, type RegistryOptions } from "../../src/targets/registry.ts";
import { ManualClock } from "../support/clock.ts";

/** Of pools that want none. */
export function noChecks(): Checks {
  const run = () => Promise.reject(new Error("no check was wanted"));
  return new Checks({ clock: new ManualClock(), wallClock: () => 0, run, leaving: () => 0, wantedOf: () => undefined });
}

/** A pool that nothing is said of but how many targets it may have. */
export function plainPool(name = "p", maxTargets?: number): Pool {
  const most = maxTargets === undefined ? {} : { maxTargets };
  return Pool.create({ name, algorithm: "leastconn", persistent: null, concurrency: -1, queue: 0, ...most });
}

type Given = Pick<RegistryOptions, "pools" | "clock" | "lease" | "quotaOf"> & Partial<RegistryOptions>;

export function registryOf(options: Given): Registry {
  return new Registry({
    checks: noChecks(),
    orders: new Orders(),
    wallClock: () => Math.floor(options.clock.now()),
    panicOf: () => false,
    accepts: () => true,
    forbids: () => null,
    ownListeners: () => [],
    localAddresses: () => [],
    onWarning: assert.fail,
    onEvent: () => undefined,
    onChange: () => undefined,
    onUnreached: () => undefined,
    ...options,
  });
}

/** The same, watched by a monitor. */
export function watchedRegistry({
  probe,
  ...options
}: Omit<Given, "onChange" | "onUnreached"> & Pick<TargetMonitorOptions, "probe">) {
  const { pools, clock, lease, onWarning = assert.fail } = options;
  const registry = registryOf({
    ...options,
    onChange: () => monitor.wake(),
    onUnreached: (identity, pool) => monitor.check(identity, pool),
  });
  const monitor: TargetMonitor = new TargetMonitor({ registry, pools, clock, lease, probe, onWarning });
  return { registry, monitor };
}
