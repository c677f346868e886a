/** Which targets of one pool take no new connections any more, and for how long. It learns of a change when it looks. */
import type { TargetState } from "../../pool/pool.ts";

/** A target as the pool has it. */
export interface Standing {
  readonly identity: string;
  readonly state: TargetState;
}

/** `draining`: it is there, and lets its connections finish. */
export type Absence = "draining" | "down" | "silent" | "left";

export interface Departure {
  readonly identity: string;
  readonly absence: Absence;
  /** When it began to take none, by the clock of whoever looks. */
  readonly since: number;
  /** When this absence began: before that it may have been another one, as a suspect is for those who find nothing else. */
  readonly from: number;
}

interface Known {
  absence: Absence | null;
  since: number;
  from: number;
  /** Nothing is left to be done for this absence. */
  isDone: boolean;
}

export class Departures {
  /** By identity. */
  readonly #known = new Map<string, Known>();

  /** `rows`: the targets that the pool has at `now`; `isSilent`: of a suspect, whether it answers nobody. */
  look(rows: Iterable<Standing>, isSilent: (identity: string) => boolean, now: number): void {
    const here = new Set<string>();
    for (const { identity, state } of rows) {
      here.add(identity);
      this.#note(
        identity,
        absenceOf(state, () => isSilent(identity)),
        now,
      );
    }
    for (const [identity, known] of this.#known) {
      if (here.has(identity)) continue;
      if (known.isDone && known.absence === "left") this.#known.delete(identity);
      else this.#note(identity, "left", now);
    }
  }

  /**
   * Those whose connections have had `ms` to finish. One that drains has the time that its reporter gives it where that is 0: what then
   * ends connections is that it leaves.
   */
  due(ms: number, now: number): Departure[] {
    return [...this.#known].flatMap(([identity, { absence, since, from, isDone }]) => {
      if (absence === null || isDone || now < since + ms || (absence === "draining" && ms === 0)) return [];
      return { identity, absence, since, from };
    });
  }

  /** Nothing is open there any more that was then. */
  done({ identity, absence }: Departure): void {
    const known = this.#known.get(identity);
    if (known?.absence === absence) known.isDone = true;
  }

  /** The time that it has counts from when it began to take none, however it goes on from there. */
  #note(identity: string, absence: Absence | null, now: number): void {
    const known = this.#known.get(identity) ?? { absence: null, since: now, from: now, isDone: false };
    this.#known.set(identity, known);
    if (known.absence === absence) return;
    if (known.absence === null) known.since = now;
    known.absence = absence;
    known.from = now;
    known.isDone = false;
  }
}

function absenceOf(state: TargetState, isSilent: () => boolean): Absence | null {
  if (state === "draining" || state === "down") return state;
  return state === "suspect" && isSilent() ? "silent" : null;
}
