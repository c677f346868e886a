/**
 * Ends connections of targets that take no new ones, where their pool says so (`on-down`). What is being connected to such a target goes
 * on to another. Only connections that were there when the target went: a suspect may get further ones, as a last resort.
 */
import { endAll } from "../../engines/end-many.ts";
import type { Engine } from "../../engines/engine.ts";
import type { Pool } from "../../pool/pool.ts";
import { isSilence } from "../../pool/suspicion.ts";
import type { Clock } from "../../util/clock.ts";
import { type Absence, type Departure, Departures } from "./departures.ts";
import { Looks } from "./looks.ts";

/** What was ended. */
export interface Removed {
  readonly pool: string;
  readonly target: string;
  readonly why: Absence;
  readonly connections: number;
  /** ms for which the target had taken no new ones. */
  readonly afterMs: number;
}

export interface RemovalsOptions {
  readonly engine: Pick<Engine, "connections" | "end" | "now">;
  readonly clock: Clock;
  readonly pools: ReadonlyMap<string, Pool>;
  /** ms that connections have to finish; null: without limit. */
  readonly timeOf: (pool: string) => number | null;
  readonly onRemoved: (removed: Removed) => void;
}

export class Removals {
  readonly #options: RemovalsOptions;
  /** Of pools that keep no connections. */
  readonly #departures = new Map<Pool, Departures>();
  readonly #looks: Looks;
  /** A walk through all connections is under way: there is one at a time. What is due meanwhile is so at the next look. */
  #ending = false;

  constructor(options: RemovalsOptions) {
    this.#options = options;
    this.#looks = new Looks(options.clock, () => this.#look());
  }

  /** The targets of a pool have changed, or what is to become of their connections. Costs nothing where all pools keep them. */
  changed(name: string): void {
    if (this.#options.timeOf(name) !== null) this.#looks.changed();
  }

  close(): void {
    this.#looks.close();
  }

  /** Of all pools that keep no connections: their targets, and what is due. False: there are none. */
  #look(): boolean {
    const { engine, pools, timeOf } = this.#options;
    const wanted = [...pools].flatMap(([name, pool]) => {
      const time = timeOf(name);
      return time === null ? [] : [{ name, pool, time }];
    });
    for (const pool of this.#departures.keys()) {
      if (!wanted.some((each) => each.pool === pool)) this.#departures.delete(pool);
    }
    const now = engine.now();
    const due = wanted.flatMap(({ name, pool, time }) => this.#dueOf(pool, time, now).map((each) => ({ name, each })));
    if (due.length > 0 && !this.#ending) void this.#end(due, now);
    return wanted.length > 0;
  }

  #dueOf(pool: Pool, time: number, now: number): readonly Departure[] {
    const departures = this.#departures.get(pool) ?? new Departures();
    this.#departures.set(pool, departures);
    departures.look(pool.targetRows(), (identity) => isSilence(pool.view(identity)?.failure ?? null), now);
    return departures.due(time, now);
  }

  async #end(due: readonly { readonly name: string; readonly each: Departure }[], now: number): Promise<void> {
    this.#ending = true;
    const { engine, onRemoved, pools } = this.#options;
    const gone = new Map(due.map(({ name, each }) => [each.identity, { name, each, connections: 0 }]));
    await endAll(
      engine,
      ({ acceptedAt, phase, pool, target }) => {
        const of = target === null ? undefined : gone.get(target);
        if (of === undefined || of.name !== pool || acceptedAt > of.each.from) return false;
        if (phase === "relay") of.connections += 1;
        return true;
      },
      "target-gone",
    );
    this.#ending = false;
    for (const { name, each, connections } of gone.values()) {
      if (connections > 0) {
        const { identity: target, absence: why } = each;
        onRemoved({ pool: name, target, why, connections, afterMs: now - each.since });
      } else {
        this.#departures.get(pools.get(name)!)?.done(each);
      }
    }
  }
}
