/** When nobody has used a server for so long. */
import { type Clock, pass } from "../../util/clock.ts";

/** What the balancers have counted. */
export interface Usage {
  /** Connections that are open. */
  readonly active: number;
  /** Those that there have been, so that one that came and went is seen as well. */
  readonly total: number;
}

export interface IdleOptions {
  readonly usage: () => Usage;
  readonly clock: Clock;
  /** ms. */
  readonly idleTime: number;
  /** Nobody wants to know any more. */
  readonly isOver: () => boolean;
}

/** Looks within the time: how much later than that it may be found to be over. */
const LOOKS = 10;
/** Of what a look may take for it, in looks: in the rest of the time this process was stopped, and heard of nobody. */
const MOST_LATE = 2;
/** ms between looks: not more often than a balancer is asked, and often enough for a time of minutes. */
const LEAST_LOOK_MS = 50;
const MOST_LOOK_MS = 5_000;

/** Resolves when it has been idle for that time, from now on. */
export async function untilIdle({ usage, clock, idleTime, isOver }: IdleOptions): Promise<void> {
  const step = Math.min(MOST_LOOK_MS, Math.max(LEAST_LOOK_MS, idleTime / LOOKS));
  let before = usage().total;
  let [idle, looked] = [0, clock.now()];
  while (idle < idleTime && !isOver()) {
    await pass(clock, step);
    const [{ active, total }, now] = [usage(), clock.now()];
    idle = active > 0 || total !== before ? 0 : idle + Math.min(now - looked, MOST_LATE * step);
    [before, looked] = [total, now];
  }
}
