/**
 * How TCP keepalive is set so that a peer of which nothing is heard any more is given up after a time: half of it in silence,
 * the other half for three probes, so that a lost one does not end a connection.
 *
 * TCP_USER_TIMEOUT is left alone, though it would bound the time for which sent bytes may stay unacknowledged: Linux applies it to
 * closed windows too, answered probes or not (tcp_probe_timer()), and so it ends living readers that pause for so long. The linux
 * engine bounds it by what the kernel says of each connection (its worker/dead-paths.ts); elsewhere Linux retransmits for 15 minutes.
 */

/** ms. Well below the minutes after which firewalls and NATs forget a flow, and three probes of 10 s each have time to be answered. */
export const DEFAULT_KEEPALIVE = 60_000;
/** ms. The kernel counts in seconds, and takes up to 32,767 of them for the silence. */
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

/** For a peer to be given up after `total` ms. */
export function probingOf(total: number): Probing {
  const count = 3;
  const interval = Math.max(1, Math.round(total / 6_000));
  return { idle: Math.max(1, Math.round(total / 1_000) - count * interval), interval, count };
}

/** ms of silence before the first probe, where only that can be set. */
export function idleBeforeProbes(total: number): number {
  return Math.max(1_000, total - FIXED_PROBES_MS);
}
