/** Pressure stall information of the kernel (Documentation/accounting/psi.rst). */
import { type Gauge, gaugeOf, type ReadFile } from "./gauge.ts";

/** Of `some avg10=0.12 avg60=0.05 avg300=0.01 total=1234`: µs in which something that could have run waited for a processor. */
export function stalled(text: string): number | null {
  const total = /^some .*\btotal=(\d+)/m.exec(text)?.[1];
  return total === undefined ? null : Number(total);
}

const MICROS_PER_MS = 1000;

/** The part of the time in which something waited. `path`: /proc/pressure/cpu, or the file of a cgroup. */
export function pressureGauge(read: ReadFile, path: string): Gauge {
  return gaugeOf(() => {
    const used = stalled(read(path) ?? "");
    return used === null ? null : { used, size: MICROS_PER_MS };
  });
}
