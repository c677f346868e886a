/** What this machine, or the cgroup that a server runs in, has left of its processors. */
import { HarmonyError } from "../util/errors.ts";
import { cgroupGauges } from "./cgroup-gauges.ts";
import { type Gauge, type ReadFile, readFile } from "./gauge.ts";
import { pressureGauge } from "./pressure.ts";
import { processorGauge } from "./processors.ts";

/**
 * What is left, 0…1, since it was last asked, `now` being in ms; null: not known yet. Rejects with HarmonyError where it cannot be told.
 * When `signal` says that nobody wants to know any more, what has been started for it is ended at once.
 */
export type Headroom = (now: number, signal: AbortSignal) => Promise<number | null>;

/**
 * Of what is scarcest: the processors of the whole machine, the part of the time in which something had to wait for one, and the same of each
 * cgroup with a limit. `cgroup`: the one to look at in place of this process's own.
 */
export function hostHeadroom(cgroup: string | null, read: ReadFile = readFile): Headroom {
  const gauges: readonly Gauge[] = [
    processorGauge(read),
    pressureGauge(read, "/proc/pressure/cpu"),
    ...cgroupGauges(read, cgroup),
  ];
  let isFirst = true;
  return async (now) => {
    const used = gauges.map((gauge) => gauge(now)).filter((part) => part !== null);
    if (used.length > 0) return 1 - Math.max(...used);
    if (!isFirst) throw untold();
    isFirst = false;
    return null;
  };
}

function untold(): HarmonyError {
  const advice = "name a command that does, as auto:COMMAND";
  return new HarmonyError("NO_HEADROOM", `this system does not tell how busy its processors are: ${advice}`, {
    fault: "config",
  });
}
