/** Numbers that move as those of a system under load do, and are the same at each run. */
import type { Quantiles } from "../../../src/admin/api/schemas/common.ts";
import type { History } from "../../../src/admin/api/schemas/pools.ts";

const STEP_MS = 10_000;
const STEPS = 360;

/** Between -height and height, once in `seconds`. */
export function wave(seconds: number, height: number, at = Date.now()): number {
  return height * Math.sin((2 * Math.PI * at) / (1000 * seconds));
}

/** 0 to 1, always the same for the same number. */
export function noise(n: number): number {
  const x = Math.sin(n * 12.9898) * 43_758.5453;
  return x - Math.floor(x);
}

export function fakeQuantiles(middle: number): NonNullable<Quantiles> {
  const p50 = Math.max(0.1, middle + wave(40, middle / 5));
  return { count: 600, p50, p90: p50 * 2.5, p99: p50 * 6, max: p50 * 11 };
}

/** It has been down for a minute half an hour ago, and the balancer was not there before 55 minutes. */
export function fakeHistory(pool: string): History {
  const last = Math.floor(Date.now() / STEP_MS);
  const seed = pool.length * 100;
  const series = (level: number, outage = 0) =>
    Array.from({ length: STEPS }, (_, n) => {
      const step = last - STEPS + n;
      if (n < 30) return null;
      if (n >= 180 && n < 186) return outage;
      return Math.max(0, Math.round(level * (1 + 0.3 * noise(step + seed)) + wave(1800, level / 3, step * STEP_MS)));
    });
  const rarely = (often: number) =>
    Array.from({ length: STEPS }, (_, n) => (n < 30 ? null : noise(last + n + seed) < often ? 1 + (n % 4) : 0));
  return {
    pool,
    stepMs: STEP_MS,
    until: new Date(last * STEP_MS).toISOString(),
    active: series(40),
    waiting: series(2, 30),
    connections: series(120),
    failures: rarely(0.05),
    unavailable: rarely(0.02),
    bytesIn: series(400_000),
    bytesOut: series(6_000_000),
    connectP50: series(2),
    connectP99: series(12),
    targetsUp: series(0).map((value) => value && 3),
  };
}
