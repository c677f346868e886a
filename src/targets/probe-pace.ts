/**
 * How often a target is probed again, so that no number of targets that are gone makes the balancer a burden to a host, or to
 * itself: each at growing intervals, an address once in a window however many targets are there, and so many of a host and in all.
 */
import type { Address } from "../net/runtime.ts";
import { formatAddress } from "../util/address.ts";
import type { Clock } from "../util/clock.ts";
import type { ProbeOutcome } from "./probe.ts";

/** ms. A target that was merely restarted is back within about this time. */
export const FIRST_PROBE_MS = 1_000;
/**
 * ms. A dead target costs one connection attempt in this time, and is back at most this long after it works again: where a network was cut,
 * balancers agree within five seconds of its healing, whoever's way it was.
 */
const SLOWEST_PROBE_MS = 2_000;
const BACKOFF = 2;

/** ms. Less than the time between two looks at the targets: one that comes a little early is not put off to the next. */
const WINDOW_MS = 900;
/** Probes of a host in a window: sixty dead targets of one host are probed at SLOWEST_PROBE_MS still, more of them later. */
const PER_HOST = 30;
/** In all: as many as the default of `--max-targets` have their turn every ten seconds. Each may hold a descriptor for some seconds. */
const IN_ALL = 100;

/** Of a target that is probed again and again. */
export interface Schedule {
  /** When the next probe is due; infinite while one is under way. */
  due: number;
  /** ms by which the last one was put off; 0: none was. */
  interval: number;
}

/** A probe of that moment has failed: the next one comes later than that one did. */
export function putOff(schedule: Schedule, at: number): void {
  schedule.interval = Math.min(SLOWEST_PROBE_MS, Math.max(FIRST_PROBE_MS, schedule.interval * BACKOFF));
  schedule.due = at + schedule.interval;
}

export class ProbePace {
  readonly #probe: (to: Address) => Promise<ProbeOutcome>;
  readonly #clock: Clock;
  /** When the window began. */
  #since = Number.NEGATIVE_INFINITY;
  /** The window's latest probe of an address. */
  readonly #probes = new Map<string, Promise<ProbeOutcome>>();
  readonly #perHost = new Map<string, number>();
  #inAll = 0;

  /** `probe` must not reject. */
  constructor(probe: (to: Address) => Promise<ProbeOutcome>, clock: Clock) {
    this.#probe = probe;
    this.#clock = clock;
  }

  /** For what a reporter has just said or done: it is not put off, since what it costs others it has cost the reporter as well. */
  now(to: Address): Promise<ProbeOutcome> {
    this.#renewWindow();
    const outcome = this.#probe(to);
    this.#probes.set(formatAddress(to), outcome);
    this.#perHost.set(hostOf(to), this.#countOf(to) + 1);
    this.#inAll += 1;
    return outcome;
  }

  /** What a probe of this window comes to, or else one that begins now; null where it has to wait for another window. */
  again(to: Address): Promise<ProbeOutcome> | null {
    this.#renewWindow();
    const outcome = this.#probes.get(formatAddress(to));
    if (outcome !== undefined) return outcome;
    return this.#inAll < IN_ALL && this.#countOf(to) < PER_HOST ? this.now(to) : null;
  }

  #countOf(to: Address): number {
    return this.#perHost.get(hostOf(to)) ?? 0;
  }

  #renewWindow(): void {
    const now = this.#clock.now();
    if (now - this.#since < WINDOW_MS) return;
    this.#since = now;
    this.#probes.clear();
    this.#perHost.clear();
    this.#inAll = 0;
  }
}

function hostOf(to: Address): string {
  return "host" in to ? to.host : to.path;
}
