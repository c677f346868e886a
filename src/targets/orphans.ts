/**
 * Probes the targets that have lost their reporter, until their lease is over: a server that stops together with its reporter may
 * still accept the first probe.
 */
import type { TcpAddress } from "../net/runtime.ts";
import type { Clock } from "../util/clock.ts";
import type { Orphan } from "./entry.ts";
import type { Leases } from "./leases.ts";
import type { ProbeOutcome } from "./probe.ts";
import { type ProbePace, putOff, type Schedule } from "./probe-pace.ts";

export interface OrphansOptions {
  readonly leases: Pick<Leases, "orphans" | "probed">;
  readonly clock: Clock;
  readonly pace: ProbePace;
}

export class Orphans {
  readonly #options: OrphansOptions;
  /** By the address object, which each report makes anew. */
  readonly #schedules = new WeakMap<TcpAddress, Schedule>();

  constructor(options: OrphansOptions) {
    this.#options = options;
  }

  /** Its reporter is lost: probes it now. */
  add(orphan: Orphan): void {
    const schedule: Schedule = { due: 0, interval: 0 };
    this.#schedules.set(orphan.address, schedule);
    void this.#await(this.#options.pace.now(orphan.address), orphan, schedule);
  }

  /** Starts the probes that are due, those that have waited longest first. */
  tick(): void {
    const { leases, clock, pace } = this.#options;
    const now = clock.now();
    const due: [Orphan, Schedule][] = [];
    for (const orphan of leases.orphans()) {
      const schedule = this.#schedules.get(orphan.address);
      if (schedule !== undefined && schedule.due <= now) due.push([orphan, schedule]);
    }
    for (const [orphan, schedule] of due.sort(([, a], [, b]) => a.due - b.due)) {
      const outcome = pace.again(orphan.address);
      if (outcome !== null) void this.#await(outcome, orphan, schedule);
    }
  }

  async #await(probe: Promise<ProbeOutcome>, orphan: Orphan, schedule: Schedule): Promise<void> {
    schedule.due = Number.POSITIVE_INFINITY;
    const outcome = await probe;
    putOff(schedule, this.#options.clock.now()); // one that accepts has not failed, but need not be asked more often
    this.#options.leases.probed(orphan, outcome);
  }
}
