/**
 * The targets of reporters that have fallen silent though their connections are there: a host that hangs, or is cut off, keeps both for
 * minutes. They are suspects until the reporter is heard again, but for those that send their clients anything meanwhile: there it is the
 * reporter alone that is ill.
 */
import type { Clock } from "../util/clock.ts";
import { type Entry, takesLoad } from "./entry.ts";
import type { TargetOwner } from "./report.ts";

export interface SilenceOptions {
  readonly clock: Clock;
  /** In which the pools count, ms; left out: the clock's. */
  readonly poolTime?: () => number;
  /** That pool's targets have changed. */
  readonly onChange: (pool: string) => void;
}

export class Silence {
  readonly #options: SilenceOptions;
  readonly #owned: { of(owner: TargetOwner): readonly Entry[] };
  /** Bytes that its clients had been sent when it was last looked at. A report makes another entry. */
  readonly #sent = new WeakMap<Entry, number>();

  constructor(options: SilenceOptions, owned: { of(owner: TargetOwner): readonly Entry[] }) {
    this.#options = options;
    this.#owned = owned;
  }

  /** Nothing has been heard of that reporter since the last look, or yet: the first look only remembers. */
  look(owner: TargetOwner): void {
    for (const entry of this.#owned.of(owner)) {
      const view = entry.pool.view(entry.identity);
      if (view === undefined || !takesLoad(entry.row)) continue;
      const before = this.#sent.get(entry);
      this.#sent.set(entry, view.bytesOut);
      if (before === undefined) continue;
      if (view.bytesOut > before) this.#turn(entry, false);
      else if (view.state === "up" || view.failure === "silent") this.#turn(entry, true);
    }
  }

  /** It has been silent, and is heard again. */
  heard(owner: TargetOwner): void {
    for (const entry of this.#owned.of(owner)) this.reported(entry);
  }

  /** Whoever has reported it, over whatever connection. */
  reported(entry: Entry): void {
    this.#sent.delete(entry);
    this.#turn(entry, false);
  }

  #turn({ pool, identity, report }: Entry, isSilent: boolean): void {
    const { clock, poolTime, onChange } = this.#options;
    if (pool.silence(identity, isSilent, poolTime?.() ?? clock.now())) onChange(report.pool);
  }
}

/** Its reporter's word counts no more: who else may say that it is up is asked. */
export function forgetSilence({ pool, identity }: Entry): void {
  const view = pool.view(identity);
  if (view?.state === "suspect" && view.failure === "silent-reporter") pool.setState(identity, "suspect");
}
