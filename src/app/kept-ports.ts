/** Ports that are open for reporters: until when each stays though nobody asks for it, and of which key it is. */
import type { Clock } from "../util/clock.ts";

interface Kept {
  readonly pool: string;
  readonly port: number;
  /** The key whose holders have asked for it last. */
  readonly key: string;
  readonly until: number;
}

export class KeptPorts {
  readonly #clock: Clock;
  /** By pool and port. */
  readonly #ports = new Map<string, Kept>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** For that long at least. */
  keep(pool: string, port: number, ms: number, key: string): void {
    const until = this.#clock.now() + ms;
    const before = this.#ports.get(portKey(pool, port))?.until ?? 0;
    this.#ports.set(portKey(pool, port), { pool, port, key, until: Math.max(until, before) });
  }

  /** The same for its key. */
  keepOn(pool: string, port: number, ms: number): void {
    const kept = this.#ports.get(portKey(pool, port));
    if (kept) this.keep(pool, port, ms, kept.key);
  }

  has(pool: string, port: number): boolean {
    return (this.#ports.get(portKey(pool, port))?.until ?? 0) > this.#clock.now();
  }

  /** How many are that key's. */
  countOf(key: string): number {
    return [...this.#ports.values()].filter((each) => each.key === key).length;
  }

  /** Those of which that is not so are kept no longer. */
  retain(stays: (kept: Pick<Kept, "pool" | "port" | "key">) => boolean): void {
    for (const [name, kept] of this.#ports) if (!stays(kept)) this.#ports.delete(name);
  }
}

/** What a port of a pool is told apart by. */
export function portKey(pool: string, port: number): string {
  return `${pool} ${port}`;
}
