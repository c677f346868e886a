/** Probes the targets that connections failed to reach, and takes them back as soon as they answer. */
import type { Address } from "../net/runtime.ts";
import type { TargetView } from "../pool/pool.ts";
import type { Clock } from "../util/clock.ts";
import type { ProbeOutcome } from "./probe.ts";
import type { TargetPool } from "./registry.ts";

/** ms. A target that was merely restarted is back within about this time. */
const FIRST_PROBE_MS = 1_000;
/** ms. A dead target costs one connection attempt in this time, and is back at most this long after it works again. */
const SLOWEST_PROBE_MS = 10_000;
const BACKOFF = 2;

export interface SuspectsOptions {
  readonly pools: ReadonlyMap<string, TargetPool>;
  readonly clock: Clock;
  /** Must not reject. */
  readonly probe: (to: Address) => Promise<ProbeOutcome>;
  /** A target takes connections again. */
  readonly onChange: () => void;
}

interface Schedule {
  /** When the next probe is due; infinite while one is under way. */
  due: number;
  /** ms to the next probe after a failure. */
  interval: number;
}

export class Suspects {
  readonly #options: SuspectsOptions;
  /** By identity. */
  readonly #schedules = new Map<string, Schedule>();

  constructor(options: SuspectsOptions) {
    this.#options = options;
  }

  /** Looks which targets are suspect and starts the probes that are due. To be called about once a second. */
  tick(): void {
    const now = this.#options.clock.now();
    const suspects = [...this.#options.pools.values()].flatMap((pool) =>
      pool.suspects().map((target) => ({ pool, target })),
    );
    this.#forgetOthers(new Set(suspects.map(({ target }) => target.identity)));
    for (const { pool, target } of suspects) {
      const schedule = this.#scheduleOf(target.identity, now);
      if (schedule.due > now) continue;
      schedule.due = Number.POSITIVE_INFINITY;
      void this.#probe(pool, target);
    }
  }

  #forgetOthers(suspects: ReadonlySet<string>): void {
    for (const identity of this.#schedules.keys()) if (!suspects.has(identity)) this.#schedules.delete(identity);
  }

  #scheduleOf(identity: string, now: number): Schedule {
    let schedule = this.#schedules.get(identity);
    if (schedule === undefined) {
      schedule = { due: now + FIRST_PROBE_MS, interval: FIRST_PROBE_MS };
      this.#schedules.set(identity, schedule);
    }
    return schedule;
  }

  async #probe(pool: TargetPool, { identity, address }: TargetView): Promise<void> {
    const { probe, clock, onChange } = this.#options;
    const outcome = await probe(address);
    const schedule = this.#schedules.get(identity);
    if (schedule === undefined) return; // no longer a suspect
    if (outcome !== "connected") {
      schedule.interval = Math.min(SLOWEST_PROBE_MS, schedule.interval * BACKOFF);
      schedule.due = clock.now() + schedule.interval;
      return;
    }
    this.#schedules.delete(identity);
    // It may have been drained or taken down while the probe was under way.
    if (pool.view(identity)?.state !== "suspect") return;
    pool.setState(identity, "up");
    onChange();
  }
}
