/**
 * How TCP keepalive is set so that a peer of which nothing is heard any more is given up after a time: half of it in silence,
 * the other half for three probes, so that a lost one does not end a connection.
 *
 * TCP_USER_TIMEOUT is left alone, though it would bound the time for which sent bytes may stay unacknowledged: Linux applies it to
 * closed windows too, answered probes or not (tcp_probe_timer()), and so it ends living readers that pause for so long. The linux
 * engine bounds it by what the kernel says of each connection (its worker/dead-paths.ts); elsewhere Linux retransmits for 15 minutes.
 * On control connections, where it would do no harm, no runtime lets a program set it: heartbeats find there what it would.
 */

/** ms. Well below the minutes after which firewalls and NATs forget a flow, and three probes of 10 s each have time to be answered. */
export const DEFAULT_KEEPALIVE = 60_000;
/** Of Linux, for the silence and for the time between probes: MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL. */
export const MOST_KEEPALIVE_SECONDS = 32_767;
/** MAX_TCP_KEEPCNT. */
export const MOST_KEEPALIVE_PROBES = 127;
/** ms. The kernel counts in seconds. */
export const SHORTEST_KEEPALIVE = 4_000;
export const LONGEST_KEEPALIVE = 18 * 3600_000;

/** What most runtimes, after libuv, fix for the probes: ten of them, a second apart. */
const FIXED_PROBES_MS = 10_000;

/** What `AcceptOptions.keepAlive` says at the moment. */
export function keepAliveNow(wanted: number | (() => number) = DEFAULT_KEEPALIVE): number {
  return typeof wanted === "number" ? wanted : wanted();
}

/** In seconds, but for `count`. */
export interface Probing {
  readonly idle: number;
  readonly interval: number;
  readonly count: number;
}

/** For a peer to be given up after `total` ms, as far as `own` does not say otherwise: what it leaves out follows from the rest. */
export function probingOf(total: number, own: Partial<Probing> = {}): Probing {
  const { count = 3 } = own;
  const probes = own.idle === undefined ? total / 2_000 : total / 1_000 - own.idle;
  const interval = own.interval ?? inKernel(probes / count);
  return { idle: own.idle ?? inKernel(total / 1_000 - count * interval), interval, count };
}

/** Whole seconds that the kernel takes. */
function inKernel(seconds: number): number {
  return Math.min(Math.max(1, Math.round(seconds)), MOST_KEEPALIVE_SECONDS);
}

/** ms of silence before the first probe, where only that can be set. */
export function idleBeforeProbes(total: number): number {
  return Math.max(1_000, total - FIXED_PROBES_MS);
}
