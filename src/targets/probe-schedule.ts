/** Judgement of health from single results, and when to probe whom. Pure; times in ms by the caller's clock. */

/** A target that was merely restarted is back within about this time. */
export const FIRST_PROBE_MS = 1000;
/** A dead target costs one connection attempt in this time, and is back at most this long after it works again. */
export const SLOWEST_PROBE_MS = 10_000;
const BACKOFF = 2;

/** Healthy until `fall` bad results in a row, then unhealthy until `rise` good ones in a row. */
export class RiseFall {
  readonly #rise: number;
  readonly #fall: number;
  #healthy: boolean;
  /** Results in a row that speak against the present judgement. */
  #against = 0;

  constructor(rise: number, fall: number, healthy = true) {
    this.#rise = rise;
    this.#fall = fall;
    this.#healthy = healthy;
  }

  get healthy(): boolean {
    return this.#healthy;
  }

  /** True: this result has changed the judgement. */
  result(good: boolean): boolean {
    if (good === this.#healthy) {
      this.#against = 0;
      return false;
    }
    if (++this.#against < (good ? this.#rise : this.#fall)) return false;
    this.#healthy = good;
    this.#against = 0;
    return true;
  }
}

interface Probe {
  /** When it is due; infinite while it is under way. */
  at: number;
  /** How long after a bad result the next one is due. */
  interval: number;
  readonly health: RiseFall;
}

/** Which suspects to probe when: the first time after a second, then at growing intervals up to ten seconds. */
export class ProbeSchedule {
  readonly #probes = new Map<string, Probe>();
  readonly #rise: number;

  /** `rise`: good results in a row that lift the suspicion. */
  constructor(rise = 1) {
    this.#rise = rise;
  }

  /** Says who is suspect now: newcomers get their first probe, the others are forgotten. */
  update(suspects: readonly string[], now: number): void {
    const still = new Set(suspects);
    for (const identity of this.#probes.keys()) if (!still.has(identity)) this.#probes.delete(identity);
    for (const identity of still) {
      if (this.#probes.has(identity)) continue;
      const health = new RiseFall(this.#rise, 1, false);
      this.#probes.set(identity, { at: now + FIRST_PROBE_MS, interval: FIRST_PROBE_MS, health });
    }
  }

  /** Whom to probe now. Each is told once and then not until its result() is in. */
  due(now: number): string[] {
    const due: string[] = [];
    for (const [identity, probe] of this.#probes) {
      if (probe.at > now) continue;
      probe.at = Number.POSITIVE_INFINITY;
      due.push(identity);
    }
    return due;
  }

  /** True: the target is to be taken for up again, and is forgotten here. Results for unknown identities are of no account. */
  result(identity: string, good: boolean, now: number): boolean {
    const probe = this.#probes.get(identity);
    if (probe === undefined) return false;
    if (probe.health.result(good)) {
      this.#probes.delete(identity);
      return true;
    }
    probe.interval = good ? FIRST_PROBE_MS : Math.min(SLOWEST_PROBE_MS, probe.interval * BACKOFF);
    probe.at = now + probe.interval;
    return false;
  }

  /** When the next probe is due; null while none is. */
  next(): number | null {
    let soonest = Number.POSITIVE_INFINITY;
    for (const probe of this.#probes.values()) if (probe.at < soonest) soonest = probe.at;
    return soonest === Number.POSITIVE_INFINITY ? null : soonest;
  }
}
