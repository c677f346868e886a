/** The addresses of this host, as the system knows them. */
import { networkInterfaces } from "node:os";
import type { Clock } from "../util/clock.ts";

/** What the system said when it was last asked with success. */
let known: readonly string[] = [];

/**
 * As IP literals. Asking takes a descriptor, and there may be none: then those of before hold, since a report must not be refused for
 * that.
 */
export function localAddresses(interfaces = networkInterfaces): readonly string[] {
  try {
    known = Object.values(interfaces()).flatMap((cards) => (cards ?? []).map((card) => card.address));
  } catch (error) {
    void error;
  }
  return known;
}

/**
 * ms for which they are not asked for anew: that costs more than all else that a report does, and the more the more interfaces there are.
 * What has come in between, the next report of whoever is there finds.
 */
const FRESH_MS = 1_000;

/** Those of lately. */
export class LatelyLocal {
  readonly #clock: Clock;
  readonly #ask: () => readonly string[];
  #known: readonly string[] = [];
  #until = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, ask: () => readonly string[]) {
    this.#clock = clock;
    this.#ask = ask;
  }

  get(): readonly string[] {
    if (this.#clock.now() >= this.#until) {
      this.#known = this.#ask();
      this.#until = this.#clock.now() + FRESH_MS;
    }
    return this.#known;
  }

  /** What is judged by the next ones is not judged again soon: they are asked for. */
  expire(): void {
    this.#until = Number.NEGATIVE_INFINITY;
  }
}
