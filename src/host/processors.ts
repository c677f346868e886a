/** How busy all processors of this machine are, whoever uses them. */
import { cpus } from "node:os";
import type { Gauge, ReadFile } from "./gauge.ts";

/** In any unit, since the machine has started. */
export interface ProcessorTime {
  readonly busy: number;
  readonly idle: number;
}

/**
 * The first line of /proc/stat (proc_stat(5)): `cpu user nice system idle iowait irq softirq steal …`. What a hypervisor has given to others
 * (steal) is busy: this machine does not have it. What is named after it is part of what comes before.
 */
export function processorTime(stat: string): ProcessorTime | null {
  const fields = /^cpu +(\d[\d ]*)/.exec(stat)?.[1]?.split(" ").map(Number) ?? [];
  if (fields.length < 4) return null;
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = fields;
  return { busy: user + nice + system + irq + softirq + steal, idle: idle + iowait };
}

/** What runtimes tell on every system, without what is stolen. All zero where a system does not tell. */
function timeOfRuntime(): ProcessorTime | null {
  let busy = 0;
  let idle = 0;
  for (const { times } of cpus()) {
    busy += times.user + times.nice + times.sys + times.irq;
    idle += times.idle;
  }
  return busy + idle > 0 ? { busy, idle } : null;
}

export function processorGauge(read: ReadFile): Gauge {
  let last: ProcessorTime | null = null;
  return () => {
    const time = processorTime(read("/proc/stat") ?? "") ?? timeOfRuntime();
    const before = last;
    last = time;
    if (time === null || before === null) return null;
    const busy = time.busy - before.busy;
    const whole = busy + time.idle - before.idle;
    return whole > 0 ? Math.min(1, Math.max(0, busy / whole)) : null;
  };
}
