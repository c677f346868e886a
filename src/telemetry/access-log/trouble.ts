/** What an operator is told of lines that cannot be written: that it begins, that it is over, and how many were lost. */
import type { Cancel, Clock } from "../../util/clock.ts";
import { counted } from "../../util/counted.ts";

/** ms between two warnings of lines that are lost. */
const TELL_MS = 60_000;

export type OnWarning = (text: string, facts: Readonly<Record<string, unknown>>) => void;

export class Trouble {
  /** Of what is written: `the access log /var/log/harmony.log`. */
  readonly #name: string;
  readonly #clock: Clock;
  readonly #onWarning: OnWarning;
  /** Null: there is none. */
  #why: string | null = null;
  #isTold = false;
  #cancel: Cancel | null = null;
  /** Lines that were lost, in all, and when there was none the last time. */
  lost = 0;
  #before = 0;

  constructor(name: string, clock: Clock, onWarning: OnWarning) {
    this.#name = name;
    this.#clock = clock;
    this.#onWarning = onWarning;
  }

  get isThere(): boolean {
    return this.#why !== null;
  }

  /** Nothing is written for now. `isNews`: it is told at once, though lines are still kept. */
  begin(why: string, isNews: boolean): void {
    this.#why = why;
    if (isNews && !this.#isTold) this.#tell();
  }

  end(): void {
    if (this.#why === null) return;
    this.#why = null;
    this.stop();
    if (!this.#isTold) return;
    this.#isTold = false;
    const lost = this.lost - this.#before;
    this.#before = this.lost;
    this.#onWarning(`${this.#name} is written again; ${linesText(lost)} lost`, { lost, total: this.lost });
  }

  lose(count: number): void {
    this.lost += count;
    if (this.#cancel !== null) return;
    this.#why ??= "it is not taken as fast as it comes";
    this.#tell();
    const { lost } = this;
    this.#cancel = this.#clock.after(TELL_MS, () => {
      this.#cancel = null;
      if (this.lost > lost) this.lose(0);
    });
  }

  /** No timer runs from here on, until there is something new. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #tell(): void {
    this.#isTold = true;
    const lost = this.lost - this.#before;
    const rest = lost === 0 ? "lines are kept while there is room" : `${linesText(lost)} lost so far`;
    this.#onWarning(`${this.#name} is not written: ${this.#why}; ${rest}`, { lost, total: this.lost });
  }
}

function linesText(count: number): string {
  return `${counted(count, "line")} ${count === 1 ? "is" : "are"}`;
}
