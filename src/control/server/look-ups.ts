/**
 * Whose turn it is to have a name looked up. The system works on a few names at a time and cannot stop with one, whoever has given up
 * waiting; so a reporter that asked for names whose servers are silent would keep everybody else's from being found. Of the places one
 * is always left to keys that have none, and the next goes to the key that has fewest.
 */
import { netError } from "../../net/net-error.ts";
import { resolveAll, systemLookup } from "../../net/resolve.ts";
import type { Resolve } from "./advertised.ts";

/** As many as Node and Bun have threads for it, by default. */
const PLACES = 4;

/** ms. A resolver that is down may otherwise take half a minute, longer than many leases; the reporter asks again. */
const TIMEOUT_MS = 5_000;

type Lookup<T> = (host: string) => Promise<T>;

interface Waiting {
  readonly keyId: string;
  /** Nobody waits for the answer any more. */
  readonly over: AbortSignal;
  readonly begin: () => void;
  readonly giveUp: () => void;
}

export class NameLookUps<T> {
  readonly #lookup: Lookup<T>;
  /** By key id, how many of its names are being looked up, whether somebody waits or not. */
  readonly #underWay = new Map<string, number>();
  #free = PLACES;
  /** In the order in which they came. */
  #waiting: Waiting[] = [];

  constructor(lookup: Lookup<T>) {
    this.#lookup = lookup;
  }

  /** What the look-up gives, in its turn. Rejects as it does, or with EABORTED where it was `over` before that. */
  async find(keyId: string, host: string, over: AbortSignal): Promise<T> {
    await new Promise<void>((begin, reject) => {
      const giveUp = () => reject(netError("EABORTED", `looking up ${host}`));
      this.#waiting.push({ keyId, over, begin, giveUp });
      this.#next();
    });
    try {
      return await this.#lookup(host);
    } finally {
      this.#count(keyId, -1);
      this.#next();
    }
  }

  #next(): void {
    const over = this.#waiting.filter((each) => each.over.aborted);
    this.#waiting = this.#waiting.filter((each) => !each.over.aborted);
    for (const { giveUp } of over) giveUp();
    for (let next = this.#pick(); next !== undefined; next = this.#pick()) {
      this.#waiting.splice(this.#waiting.indexOf(next), 1);
      this.#count(next.keyId, 1);
      next.begin();
    }
  }

  /** Of the key that has fewest places, the one that has waited longest. */
  #pick(): Waiting | undefined {
    let best: Waiting | undefined;
    for (const each of this.#waiting) {
      if (best === undefined || this.#has(each.keyId) < this.#has(best.keyId)) best = each;
    }
    if (best === undefined || this.#free === 0) return undefined;
    return this.#free > 1 || this.#has(best.keyId) === 0 ? best : undefined;
  }

  #has(keyId: string): number {
    return this.#underWay.get(keyId) ?? 0;
  }

  #count(keyId: string, change: 1 | -1): void {
    const count = this.#has(keyId) + change;
    this.#free -= change;
    if (count === 0) this.#underWay.delete(keyId);
    else this.#underWay.set(keyId, count);
  }
}

/** Asks the system, in turns. */
export function resolver(): Resolve {
  const lookUps = new NameLookUps(systemLookup);
  return (host, signal, keyId) =>
    resolveAll(host, `cannot resolve ${host}`, {
      timeout: TIMEOUT_MS,
      signal,
      lookup: (name, over) => lookUps.find(keyId, name, over),
    });
}
