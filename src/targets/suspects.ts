/** Probes the targets that are to be served, but were not reached, and takes them in as soon as they answer. */
import type { Address } from "../net/runtime.ts";
import { isObserved, type Suspicion } from "../pool/pool.ts";
import { scarce } from "../proxy/connect-failure.ts";
import type { Clock } from "../util/clock.ts";
import type { Panics } from "./panic.ts";
import type { ProbeOutcome } from "./probe.ts";
import { FIRST_PROBE_MS, type ProbePace, putOff, type Schedule } from "./probe-pace.ts";
import type { TargetPool } from "./target-pool.ts";

export interface SuspectsOptions {
  readonly pools: ReadonlyMap<string, TargetPool>;
  /** Targets in panic are out, and no suspects, while they do not answer: their reporters do not say that they should. */
  readonly panics: Pick<Panics, "has" | "waiting" | "failed">;
  readonly clock: Clock;
  readonly pace: ProbePace;
  /** Connecting to it has failed, or its connections have shown something: once, until it is reached again, or more is seen. */
  readonly onFailure: (identity: string, why: Suspicion) => void;
  /** A probe or a client's connection has reached it, `ms` after it was found to be a suspect. */
  readonly onReached: (identity: string, ms: number) => void;
}

interface Suspect extends Schedule {
  readonly pool: TargetPool;
  readonly since: number;
  /** What has been told of it. */
  told: Suspicion | null;
}

export class Suspects {
  readonly #options: SuspectsOptions;
  /** By identity. */
  readonly #suspects = new Map<string, Suspect>();

  constructor(options: SuspectsOptions) {
    this.#options = options;
  }

  /** Looks which targets are to be probed, or no longer, and starts the probes that are due. To be called about once a second. */
  tick(): void {
    const { pools, panics, clock, pace } = this.#options;
    const now = clock.now();
    const found = new Set<string>();
    const due: [string, Suspect, Address][] = [];
    for (const [name, pool] of pools) {
      for (const { identity, address, failure } of [...pool.suspects(), ...panics.waiting(name)]) {
        found.add(identity);
        const known = this.#suspects.get(identity);
        // A pool that has gone may have given its name to another one.
        const suspect = known?.pool === pool ? known : this.#add(identity, pool, FIRST_PROBE_MS);
        if (failure !== null) this.#tell(identity, suspect, failure);
        // One that can be connected to is not back for that: it has to answer.
        if (isObserved(failure)) suspect.due = now + FIRST_PROBE_MS;
        else if (suspect.due <= now) due.push([identity, suspect, address]);
      }
    }
    // Those that have waited longest come first, so that each has its turn where the pace does not allow all.
    for (const [identity, suspect, address] of due.sort(([, a], [, b]) => a.due - b.due)) {
      const probe = pace.again(address);
      if (probe !== null) void this.#await(probe, identity, suspect);
    }
    for (const [identity, suspect] of this.#suspects) if (!found.has(identity)) this.#forget(identity, suspect);
  }

  /**
   * Probes a target that nobody has reached yet, at once. What was known of one of that name is void. Resolves when there is an
   * outcome, never rejects.
   */
  async check(identity: string, pool: TargetPool): Promise<void> {
    const target = pool.view(identity);
    if (target === undefined || !this.#isWanted(identity, pool)) return;
    await this.#await(this.#options.pace.now(target.address), identity, this.#add(identity, pool, 0));
  }

  /** It is to be served once it answers. A suspect may have been drained or taken down, one in panic may have been reached. */
  #isWanted(identity: string, pool: TargetPool): boolean {
    const { state, failure = null } = pool.view(identity) ?? {};
    return (state === "suspect" && !isObserved(failure)) || (state === "down" && this.#options.panics.has(identity));
  }

  #add(identity: string, pool: TargetPool, firstProbe: number): Suspect {
    const since = this.#options.clock.now();
    const suspect = { pool, since, due: since + firstProbe, interval: firstProbe, told: null };
    this.#suspects.set(identity, suspect);
    return suspect;
  }

  /** It is none any more: it has been reached, or drained, taken down or removed. */
  #forget(identity: string, { pool, since, interval }: Suspect): void {
    this.#suspects.delete(identity);
    const { clock, onReached } = this.#options;
    const hasFailed = interval > 0; // not when the first probe has reached one that nothing was known of
    if (pool.view(identity)?.state === "up") onReached(identity, hasFailed ? clock.now() - since : 0);
  }

  async #await(probe: Promise<ProbeOutcome>, identity: string, suspect: Suspect): Promise<void> {
    const { panics, clock } = this.#options;
    const begun = clock.now();
    suspect.due = Number.POSITIVE_INFINITY;
    const outcome = await probe;
    if (this.#suspects.get(identity) !== suspect) return; // no longer a suspect, or at another address
    const isWanted = this.#isWanted(identity, suspect.pool);
    if (outcome === "connected") {
      if (isWanted) suspect.pool.setState(identity, "up");
      this.#forget(identity, suspect);
      return;
    }
    if (scarce(outcome) !== null) {
      suspect.due = clock.now() + FIRST_PROBE_MS; // the balancer's own lack, which says nothing about the target
      return;
    }
    putOff(suspect, begun); // where nothing answers, a probe takes as long as the time to the next one
    if (!isWanted) return;
    if (panics.has(identity)) return panics.failed(identity);
    suspect.pool.setState(identity, "suspect", outcome);
    this.#tell(identity, suspect, outcome);
  }

  #tell(identity: string, suspect: Suspect, why: Suspicion): void {
    // Attempts to connect fail now in one way, now in another; what is seen of it changes when more is known.
    if (suspect.told === why || (suspect.told !== null && !isObserved(why))) return;
    suspect.told = why;
    this.#options.onFailure(identity, why);
  }
}
