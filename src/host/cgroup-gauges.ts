/** How much of what a cgroup may use of the processors it uses. */
import { type CgroupFolders, cgroupsAbove } from "./cgroups.ts";
import { type Counter, type Gauge, gaugeOf, type ReadFile } from "./gauge.ts";
import { pressureGauge } from "./pressure.ts";

const MICROS_PER_MS = 1000;
const NANOS_PER_MICRO = 1000;

/** Processors that `cpu.max` of version 2 allows: `150000 100000` is one and a half. null: no limit. */
export function allowedByMax(text: string): number | null {
  const [, quota, period] = /^(\d+) (\d+)/.exec(text) ?? [];
  return quota === undefined || Number(period) === 0 ? null : Number(quota) / Number(period);
}

/** The same of `cpu.cfs_quota_us` and `cpu.cfs_period_us` of version 1, where -1 is no limit. */
export function allowedByQuota(quota: string, period: string): number | null {
  const [most, of] = [Number(quota), Number(period)];
  return most > 0 && of > 0 ? most / of : null;
}

/** µs of processor time, of `cpu.stat` of version 2. */
export function usedMicros(stat: string): number | null {
  const used = /^usage_usec (\d+)/m.exec(stat)?.[1];
  return used === undefined ? null : Number(used);
}

/** One for each that may be limited, and tells nothing while it is not. Limits may change meanwhile. */
export function cgroupGauges(read: ReadFile, named: string | null): Gauge[] {
  return cgroupsAbove(read, named).flatMap((folders) => {
    const usage = gaugeOf(() => counterOf(read, folders));
    if (folders.version === 1) return [usage];
    const pressure = pressureGauge(read, `${folders.limit}/cpu.pressure`);
    // Without a limit of its own it waits for what the whole machine waits for.
    return [usage, (now: number) => (allowed(read, folders) === null ? null : pressure(now))];
  });
}

function counterOf(read: ReadFile, folders: CgroupFolders): Counter | null {
  const processors = allowed(read, folders);
  const used = processors === null ? null : usedOf(read, folders);
  return processors === null || used === null ? null : { used, size: processors * MICROS_PER_MS };
}

function allowed(read: ReadFile, { version, limit }: CgroupFolders): number | null {
  if (version === 2) return allowedByMax(read(`${limit}/cpu.max`) ?? "");
  return allowedByQuota(read(`${limit}/cpu.cfs_quota_us`) ?? "", read(`${limit}/cpu.cfs_period_us`) ?? "");
}

function usedOf(read: ReadFile, { version, usage }: CgroupFolders): number | null {
  if (version === 2) return usedMicros(read(`${usage}/cpu.stat`) ?? "");
  const nanos = read(`${usage}/cpuacct.usage`);
  return nanos === null ? null : Number(nanos) / NANOS_PER_MICRO;
}
