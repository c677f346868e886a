/** Until when each target's last report counts. Pure; times in ms by the caller's clock. */
export class Leases {
  /** Identity → end. */
  readonly #ends = new Map<string, number>();

  /** The lease ends at `now + ms`, whenever it ended before. */
  renew(identity: string, now: number, ms: number): void {
    this.#ends.set(identity, now + ms);
  }

  /** Ends the lease; `expire()` will not return it. */
  drop(identity: string): void {
    this.#ends.delete(identity);
  }

  /** Ends the leases that have run out by `now` and returns their identities. */
  expire(now: number): string[] {
    const expired = [...this.#ends].filter(([, end]) => end <= now).map(([identity]) => identity);
    for (const identity of expired) this.#ends.delete(identity);
    return expired;
  }
}
