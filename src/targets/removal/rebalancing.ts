/**
 * Rebalancing one pool: after a target has come or come back, connections of those that have more than their share are ended, so that
 * their clients come back and get the one that has room.
 *
 * Rules. Between two ends lies at least what the rate says, and a random part of that more, so that clients do not come back in step.
 * Idle connections go first. A connection is ended by this once at most: none that is younger than the run, so that a run ends, whoever
 * those that come back get. The shares are of the most connections that there were in the run: clients that are yet to come back do not
 * make the others' shares smaller.
 */
import type { Engine } from "../../engines/engine.ts";
import type { Pool } from "../../pool/pool.ts";
import type { Cancel, Clock } from "../../util/clock.ts";
import { type Rate, spacing } from "./rate.ts";
import { surplus, taking } from "./shares.ts";
import { holdsAny, take, type Victims, victimsOf } from "./victims.ts";

/** Of the time between two ends: that much more at most, by chance. */
const JITTER = 0.2;
/** ms between two orders to the engine at the least; several connections are ended at once where the rate asks for more. */
const SHORTEST_MS = 100;
/** ms for which it is known who is idle. */
const FRESH_MS = 2_000;
/** ms between looks at shares that are even, while the target that has come takes more and more. */
const EVEN_MS = 1_000;

export interface RebalancingOptions {
  readonly engine: Pick<Engine, "connections" | "end" | "now">;
  readonly clock: Clock;
  readonly random: () => number;
  /** The first connections were ended. */
  readonly onBegin: (pool: string, run: Run) => void;
  /** It is over, after some were. */
  readonly onEnd: (pool: string, run: Run) => void;
}

/** What has been done since a target came. */
export interface Run {
  /** Those that have come meanwhile. */
  readonly targets: readonly string[];
  /** Connections that were ended. */
  readonly ended: number;
  /** ms since it began. */
  readonly ms: number;
}

interface State {
  readonly targets: Set<string>;
  readonly begun: number;
  /** Connections from then on are not ended. On the engine's clock. */
  before: number;
  /** It is not over before that. */
  until: number;
  most: number;
  ended: number;
  victims: Victims;
  victimsUntil: number;
  cancel: Cancel;
}

const NONE: Victims = new Map();

export class Rebalancing {
  readonly #name: string;
  readonly #pool: Pool;
  readonly #options: RebalancingOptions;
  #rate: Rate = { amount: 1, of: "connections", perMs: Number.POSITIVE_INFINITY };
  #ramp = 0;
  /** Those that took load at the last look; null before the first. */
  #taking: ReadonlySet<string> | null = null;
  #run: State | null = null;

  constructor(name: string, pool: Pool, options: RebalancingOptions) {
    this.#name = name;
    this.#pool = pool;
    this.#options = options;
  }

  /** Null: none is under way. */
  get run(): Run | null {
    if (this.#run === null) return null;
    const { targets, ended, begun } = this.#run;
    return { targets: [...targets], ended, ms: this.#options.clock.now() - begun };
  }

  /** The pool's targets may have changed, or the rate. `ramp`: ms in which a target that has come takes up its whole share. */
  look(rate: Rate, ramp: number): void {
    this.#rate = rate;
    this.#ramp = ramp;
    const before = this.#taking;
    const now = taking(this.#pool.targetRows()).map(({ identity }) => identity);
    this.#taking = new Set(now);
    const come = before === null ? [] : now.filter((identity) => !before.has(identity));
    if (come.length > 0) this.#begin(come);
  }

  stop(): void {
    this.#run?.cancel();
    this.#run = null;
  }

  #begin(come: readonly string[]): void {
    const { clock, engine } = this.#options;
    const now = clock.now();
    const run = this.#run ?? this.#newRun(now);
    for (const identity of come) run.targets.add(identity);
    run.before = engine.now();
    run.until = this.#ramp === 0 ? now : now + this.#ramp + EVEN_MS; // one more look at its whole weight
    run.victimsUntil = now; // there are more to choose from now
  }

  #newRun(now: number): State {
    const none = { before: 0, until: 0, most: 0, ended: 0, victims: NONE, victimsUntil: 0, cancel: () => undefined };
    const run: State = { targets: new Set<string>(), begun: now, ...none };
    this.#run = run;
    this.#excess(run);
    this.#goOn(run, this.#pause(run, 1));
    return run;
  }

  /** ms until connections may be ended after so many were. */
  #pause(run: State, connections: number): number {
    return connections * spacing(this.#rate, run.most) * (1 + JITTER * this.#options.random());
  }

  #goOn(run: State, ms: number): void {
    run.cancel = this.#options.clock.after(ms, () => void this.#step(run));
  }

  async #step(run: State): Promise<void> {
    const { clock, engine, onBegin } = this.#options;
    const each = spacing(this.#rate, run.most);
    const batch = Math.max(1, Math.floor(SHORTEST_MS / each));
    const before = this.#excess(run);
    if (before.size > 0 && (clock.now() >= run.victimsUntil || !holdsAny(run.victims, before))) {
      run.victims = await victimsOf(engine, this.#name, run.before, before, batch + Math.ceil(FRESH_MS / each));
      run.victimsUntil = clock.now() + FRESH_MS;
      if (run !== this.#run) return; // it was stopped meanwhile
    }
    const excess = this.#excess(run);
    const ids = take(run.victims, excess, batch);
    // None: all is even, or those that are above their share have younger connections alone.
    if (ids.length === 0) {
      if (clock.now() >= run.until) this.#over(run);
      else this.#goOn(run, EVEN_MS);
      return;
    }
    const isFirst = run.ended === 0;
    run.ended += engine.end(ids, "rebalanced");
    if (isFirst && run.ended > 0) onBegin(this.#name, this.run!);
    this.#goOn(run, this.#pause(run, ids.length));
  }

  #excess(run: State): Map<string, number> {
    const rows = taking(this.#pool.targetRows());
    run.most = Math.max(
      run.most,
      rows.reduce((sum, { active }) => sum + active, 0),
    );
    return surplus(rows, run.most);
  }

  #over(run: State): void {
    if (run.ended > 0) this.#options.onEnd(this.#name, this.run!);
    this.#run = null;
  }
}
