/** Who counts until when: a lease per identity, renewed by its reports. Pure; times in ms by the caller's clock. */
export class Leases {
  readonly #ends = new Map<string, number>();

  /** The identity counts until `now + ms`, whatever it had before. */
  touch(identity: string, now: number, ms: number): void {
    this.#ends.set(identity, now + ms);
  }

  /** Ends it without its being told by expire(). */
  drop(identity: string): void {
    this.#ends.delete(identity);
  }

  /** Those whose lease has run out by `now`; each is told once. */
  expire(now: number): string[] {
    const expired: string[] = [];
    for (const [identity, end] of this.#ends) if (end <= now) expired.push(identity);
    for (const identity of expired) this.#ends.delete(identity);
    return expired;
  }

  /** When the next one runs out; null while there is none. */
  next(): number | null {
    let soonest = Number.POSITIVE_INFINITY;
    for (const end of this.#ends.values()) if (end < soonest) soonest = end;
    return this.#ends.size === 0 ? null : soonest;
  }
}
