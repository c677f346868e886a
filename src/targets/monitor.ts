/** Watches the registered targets: ends leases, and probes the targets that may be gone. */
import type { Address } from "../net/runtime.ts";
import type { Cancel, Clock } from "../util/clock.ts";
import { Advice } from "./advice.ts";
import type { Orphan } from "./entry.ts";
import { Orphans } from "./orphans.ts";
import type { ProbeOutcome } from "./probe.ts";
import { ProbePace } from "./probe-pace.ts";
import type { Registry } from "./registry.ts";
import { Suspects } from "./suspects.ts";
import type { TargetPool } from "./target-pool.ts";

/** ms between looks at leases and suspects, for leases from 10 s on; shorter ones are looked at ten times each. */
const TICK_MS = 1_000;

export interface TargetMonitorOptions {
  readonly registry: Registry;
  readonly pools: ReadonlyMap<string, TargetPool>;
  readonly clock: Clock;
  /** ms; see RegistryOptions. */
  readonly lease: number;
  /** Must not reject. */
  readonly probe: (to: Address) => Promise<ProbeOutcome>;
  /** Something an operator should know. */
  readonly onWarning: (message: string) => void;
}

export class TargetMonitor {
  readonly #options: TargetMonitorOptions;
  readonly #suspects: Suspects;
  readonly #advice: Advice;
  readonly #orphans: Orphans;
  #cancelTick: Cancel | null = null;
  /** When the next look is due. */
  #due = 0;
  #closed = false;

  constructor(options: TargetMonitorOptions) {
    const { registry, clock } = options;
    const pace = new ProbePace(options.probe, clock);
    this.#options = options;
    this.#advice = new Advice(options.onWarning);
    this.#orphans = new Orphans({
      clock,
      pace,
      leases: {
        orphans: () => registry.leases.orphans(),
        probed: (orphan, outcome) => {
          if (!this.#closed) registry.leases.probed(orphan, outcome);
        },
      },
    });
    this.#suspects = new Suspects({
      ...options,
      pace,
      panics: registry.panics,
      onFailure: (identity, code) => {
        if (!this.#closed) registry.failed(identity, code);
      },
      onReached: (identity, ms) => {
        if (!this.#closed) registry.reached(identity, ms);
      },
    });
  }

  /** To be called whenever targets have changed: it runs only while there are any. */
  wake(): void {
    const { registry, clock } = this.#options;
    if (this.#cancelTick || this.#closed || registry.size === 0) return;
    this.#due = clock.now() + this.#interval;
    this.#cancelTick = clock.after(this.#interval, () => this.#tick());
  }

  /** A target has lost its reporter: probes it now. */
  orphaned(orphan: Orphan): void {
    if (!this.#closed) this.#orphans.add(orphan);
  }

  /** A target came or came back: connects to it now. */
  check(identity: string, pool: TargetPool): void {
    if (!this.#closed) void this.#suspects.check(identity, pool);
  }

  poolRemoved(name: string): void {
    this.#advice.forget(name);
  }

  /** Outcomes of probes that are under way no longer count. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#cancelTick?.();
    this.#options.registry.ramps.close();
  }

  get #interval(): number {
    return Math.max(1, Math.min(TICK_MS, this.#options.lease / 10));
  }

  #tick(): void {
    const { registry, pools, clock } = this.#options;
    this.#cancelTick = null;
    // The process was stopped (SIGSTOP, a suspended machine): reports that came meanwhile have not been heard yet.
    const late = clock.now() - this.#due;
    if (late > this.#interval) registry.leases.extend(late);
    for (const pool of registry.expire()) void this.#panic(pool);
    this.#orphans.tick();
    this.#suspects.tick();
    for (const [name, pool] of pools) {
      pool.settle();
      this.#advice.look(name, pool, registry.rows.whyAllFail(name));
    }
    this.wake();
  }

  /** Connects to the targets of a pool whose panic has begun, and tells how many accept. */
  async #panic(name: string): Promise<void> {
    const { panics } = this.#options.registry;
    await Promise.all(panics.members(name).map(({ identity, pool }) => this.#suspects.check(identity, pool)));
    if (!this.#closed) panics.tell(name);
  }
}
