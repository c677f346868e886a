/**
 * What a balancer that stops gives back of the credits that reporters have issued to it (control/client/credits.ts), so that they need not wait
 * for a lease until they issue them to others: at its goodbye all that no connection uses, and the rest as connections end. It opens none at such
 * a target any more, whatever was issued, and tells how many are left: whenever that are fewer, and now and then, since a word counts for a lease.
 */
import { type Cancel, type Clock, every } from "../util/clock.ts";
import { activeOn, type Row } from "./entry.ts";
import type { Rows } from "./rows.ts";

/** ms between looks; and between two words of one target, but for the last. */
const LOOK_MS = 50;
const LEAST_MS = 100;

/** A target of a reporter that has credits here. */
interface Kept {
  readonly row: Row;
  readonly ref: number;
  /** What was told last, and when. */
  active: number | null;
  at: number;
}

/** A reporter that has been told goodbye. `tell`: false where it cannot hear that now. */
interface Parting {
  readonly kept: readonly Kept[];
  readonly tell: (ref: number, active: number) => boolean;
  readonly over: () => void;
}

export class Returns {
  readonly #rows: Pick<Rows, "giveBack">;
  readonly #clock: Clock;
  /** ms in which each word is said again. */
  readonly #interval: number;
  readonly #partings = new Set<Parting>();
  #cancel: Cancel | null = null;
  #isEnded = false;

  constructor(rows: Pick<Rows, "giveBack">, clock: Clock, interval: number) {
    this.#rows = rows;
    this.#clock = clock;
    this.#interval = interval;
  }

  /**
   * From here on those of these targets, one reporter's, that have credits get no connection. Resolves when it has been told that none is left,
   * or is `gone`.
   */
  begin(names: readonly string[], tell: Parting["tell"], gone: AbortSignal): Promise<void> {
    const kept = names
      .flatMap((name) => this.#rows.giveBack(name) ?? [])
      .map(({ row, ref }) => ({ row, ref, active: null, at: Number.NEGATIVE_INFINITY }));
    if (kept.length === 0 || gone.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const parting: Parting = { kept, tell, over: () => this.#end(parting, resolve) };
      this.#partings.add(parting);
      gone.addEventListener("abort", parting.over);
      if (this.#isEnded) this.#endWith(parting);
      else this.#look();
      if (this.#partings.size > 0) this.#cancel ??= every(this.#clock, LOOK_MS, () => this.#look());
    });
  }

  /** No client is served any more: what is left now is told, and there is nothing more to be told. Idempotent. */
  end(): void {
    this.#isEnded = true;
    for (const parting of this.#partings) this.#endWith(parting);
  }

  #endWith(parting: Parting): void {
    for (const each of parting.kept) this.#tell(parting, each, activeOn(each.row));
    parting.over();
  }

  #end(parting: Parting, resolve: () => void): void {
    this.#partings.delete(parting);
    if (this.#partings.size === 0) {
      this.#cancel?.();
      this.#cancel = null;
    }
    resolve();
  }

  #look(): void {
    const now = this.#clock.now();
    for (const parting of this.#partings) {
      for (const each of parting.kept) {
        const active = activeOn(each.row);
        const least = active === each.active ? this.#interval : active === 0 ? 0 : LEAST_MS;
        if (each.active !== 0 && now - each.at >= least) this.#tell(parting, each, active);
      }
      if (parting.kept.every(({ active }) => active === 0)) parting.over();
    }
  }

  #tell(parting: Parting, kept: Kept, active: number): void {
    if (kept.active !== 0 && parting.tell(kept.ref, active)) Object.assign(kept, { active, at: this.#clock.now() });
  }
}
