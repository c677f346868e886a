/** What was said within a span of time, so that nothing of it is taken twice; and no more than that, however much is said. */

/** Things said that are remembered: far more than the honest reporters of one key say in a minute. */
const CAPACITY = 1_024;

export class ReplayWindow {
  readonly #span: number;
  readonly #capacity: number;
  /** What was said, and the time that it bears. */
  readonly #said = new Map<string, number>();
  /** Whatever bears an earlier time may have been said and forgotten. */
  #since: number;

  /** `span`: ms by which a time that something bears may differ from now. */
  constructor({ since, span, capacity = CAPACITY }: { since: number; span: number; capacity?: number }) {
    this.#since = since;
    this.#span = span;
    this.#capacity = capacity;
  }

  /** `stale`: nobody can say whether it was said before. Only what is `fresh` is remembered. */
  judge(said: string, bears: number, now: number): "fresh" | "repeated" | "stale" {
    if (bears < this.#since || Math.abs(now - bears) > this.#span) return "stale";
    if (this.#said.has(said)) return "repeated";
    this.#forget(now);
    if (this.#said.size >= this.#capacity) this.#makeRoom();
    if (bears < this.#since) return "stale";
    this.#said.set(said, bears);
    return "fresh";
  }

  /** From when on a window that takes this one's place has to take what is said, or null while something is remembered. */
  endedBy(now: number): number | null {
    this.#forget(now);
    return this.#said.size === 0 ? this.#since : null;
  }

  /** What is too old to be taken is not taken later either, whatever becomes of the clock. Things come about in the order of their times. */
  #forget(now: number): void {
    for (const [said, bears] of this.#said) {
      if (bears >= now - this.#span) return;
      this.#said.delete(said);
      this.#since = Math.max(this.#since, bears + 1);
    }
  }

  /** Forgets the older half, none of which is taken any more. */
  #makeRoom(): void {
    const times = [...this.#said.values()].sort((a, b) => a - b);
    this.#since = times[Math.floor(times.length / 2)]! + 1;
    for (const [said, bears] of this.#said) if (bears < this.#since) this.#said.delete(said);
  }
}
