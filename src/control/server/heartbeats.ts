/**
 * Which reporters have fallen silent though their connections are there: those whose sessions have had a heartbeat, and then no line for
 * longer than that takes. Only time in which this process could hear them counts.
 */
import type { Cancel, Clock } from "../../util/clock.ts";

/** Heartbeats without a line after which somebody has a look, and again after as many: one may be late, and no two are lost on the way. */
export const MISSED = 1.25;
/** Times MISSED: the reporter is silent. */
export const SILENT = 2;
/** Looks within a heartbeat: by so much later than it could be a silence is noticed. */
const LOOKS = 8;

/** What is known of one session. */
export interface Pulse {
  /** It was heard last at this time of ours; infinite while its lines are not read. */
  heardAt: number;
  /** MISSED heartbeats of silence so far, in whole numbers. */
  rounds: number;
}

export interface HeartbeatsOptions<S> {
  /** ms; 0: nobody is asked for heartbeats, and nobody is silent. */
  readonly interval: number;
  readonly clock: Clock;
  /** It is silent for `rounds` times MISSED heartbeats. */
  readonly onSilent: (session: S, rounds: number) => void;
  /** It has been, and is heard again. */
  readonly onHeard: (session: S) => void;
}

export class Heartbeats<S> {
  readonly #options: HeartbeatsOptions<S>;
  /** Sessions that have sent a heartbeat. */
  readonly #pulses = new Map<S, Pulse>();
  /** ms in which lines could be heard. A process that was stopped, or was busy, has heard nothing meanwhile. */
  #time = 0;
  #lookedAt = 0;
  #cancel: Cancel | null = null;

  constructor(options: HeartbeatsOptions<S>) {
    this.#options = options;
  }

  /** A session that has sent its first heartbeat. What it gives is to be handed to heard() and listens(). */
  begin(session: S): Pulse {
    const pulse = { heardAt: Number.POSITIVE_INFINITY, rounds: 0 };
    if (this.#options.interval === 0) return pulse;
    this.#pulses.set(session, pulse);
    if (this.#cancel === null) this.#wait();
    return pulse;
  }

  end(session: S): void {
    this.#pulses.delete(session);
  }

  /** A line of it has come, and is worked on. */
  heard(session: S, pulse: Pulse): void {
    pulse.heardAt = Number.POSITIVE_INFINITY;
    if (pulse.rounds === 0) return;
    pulse.rounds = 0;
    this.#options.onHeard(session);
  }

  /** Its next line is awaited from now on. */
  listens(pulse: Pulse): void {
    pulse.heardAt = this.#time;
  }

  close(): void {
    this.#cancel?.();
    this.#pulses.clear();
  }

  get #interval(): number {
    return this.#options.interval / LOOKS;
  }

  #wait(): void {
    const { clock } = this.#options;
    this.#lookedAt = clock.now();
    this.#cancel = clock.after(this.#interval, () => this.#look());
  }

  /** It runs only while there is anybody to look at. */
  #look(): void {
    const { clock, interval, onSilent } = this.#options;
    this.#cancel = null;
    // A look that is late comes before the lines that have come meanwhile: more than one look's time is not known to be silence.
    this.#time += Math.min(clock.now() - this.#lookedAt, 2 * this.#interval);
    for (const [session, pulse] of this.#pulses) {
      const rounds = Math.floor((this.#time - pulse.heardAt) / (MISSED * interval));
      if (rounds <= pulse.rounds) continue;
      pulse.rounds = rounds;
      onSilent(session, rounds);
    }
    if (this.#pulses.size > 0) this.#wait();
  }
}
