/** Probes the targets that connections failed to reach, and takes them back as soon as they answer. */

import type { Address } from "../net/runtime.ts";
import type { ProbeOutcome } from "./probe.ts";
import { ProbeSchedule } from "./probe-schedule.ts";
import type { TargetPool } from "./registry.ts";

export interface SuspectOptions {
  readonly pools: ReadonlyMap<string, TargetPool>;
  readonly now: () => number;
  /** Must not reject. */
  readonly probe: (to: Address) => Promise<ProbeOutcome>;
  /** A target takes connections again. */
  readonly onChange: () => void;
}

export class Suspects {
  readonly #options: SuspectOptions;
  readonly #schedule = new ProbeSchedule();

  constructor(options: SuspectOptions) {
    this.#options = options;
  }

  /** Looks who is suspect and starts the probes that are due. To be called about once a second. */
  tick(): void {
    const { pools, now } = this.#options;
    const suspects = [...pools.values()].flatMap((pool) =>
      pool.suspects().map(({ identity, address }) => ({ pool, identity, address })),
    );
    this.#schedule.update(
      suspects.map(({ identity }) => identity),
      now(),
    );
    const due = new Set(this.#schedule.due(now()));
    for (const suspect of suspects) {
      if (due.has(suspect.identity)) void this.#probe(suspect.pool, suspect.identity, suspect.address);
    }
  }

  async #probe(pool: TargetPool, identity: string, address: Address): Promise<void> {
    const outcome = await this.#options.probe(address);
    const lifted = this.#schedule.result(identity, outcome === "connected", this.#options.now());
    // It may have been drained or taken down while the probe was under way.
    if (!lifted || pool.view(identity)?.state !== "suspect") return;
    pool.setState(identity, "up");
    this.#options.onChange();
  }
}
