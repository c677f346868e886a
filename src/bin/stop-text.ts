import type { BalancerSettings } from "../config/settings.ts";
import { counted } from "../util/counted.ts";
import { formatDuration } from "../util/durations.ts";

/** What a balancer does that was asked to stop, with so many connections. */
export function stopText(
  active: number,
  { stopDelay, drainTimeout }: Pick<BalancerSettings, "stopDelay" | "drainTimeout">,
): string {
  const rest = `${counted(active, "connection")} may finish within ${formatDuration(drainTimeout)}`;
  if (stopDelay > 0) {
    const now = `not ready any more, and stopping in ${formatDuration(stopDelay)}`;
    return active === 0 ? now : `${now}; ${rest} then`;
  }
  return active === 0 ? "stopping" : `stopping; ${rest}`;
}
