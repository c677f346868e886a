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
    if (this.#said.size >= this.#capacity) this.#makeRoom(now);
    if (bears < this.#since) return "stale";
    this.#said.set(said, bears);
    return "fresh";
  }

  /** Forgets what is too old to be taken, or else the older half; neither is taken any more, whatever becomes of the clock. */
  #makeRoom(now: number): void {
    const times = [...this.#said.values()].sort((a, b) => a - b);
    const middle = (times[Math.floor(times.length / 2)] ?? now) + 1;
    const tooOld = now - this.#span;
    this.#since = (times[0] ?? now) < tooOld ? tooOld : middle;
    for (const [said, bears] of this.#said) if (bears < this.#since) this.#said.delete(said);
  }
}
