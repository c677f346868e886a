/** Peers that have proved nothing yet, on the control channel or below it in TLS: few, and the newest always gets a chance. */
export interface StrangerLimits {
  readonly perAddress: number;
  readonly total: number;
}

/** A handshake takes a round trip or two, so few honest ones run at once. */
export const STRANGER_LIMITS: StrangerLimits = { perAddress: 8, total: 256 };

interface Stranger {
  readonly address: string;
  silent: boolean;
}

/**
 * Past a limit the oldest goes, not the newcomer: a crowd that connects and says nothing then cannot keep a reporter out,
 * not even one behind the same address. Those who said hello go last.
 */
export class Strangers<T> {
  readonly #limits: StrangerLimits;
  /** In order of arrival. */
  readonly #all = new Map<T, Stranger>();

  constructor(limits: StrangerLimits = STRANGER_LIMITS) {
    this.#limits = limits;
  }

  /** Takes a newcomer in. Returns who must go for it, or null. */
  add(stranger: T, address: string): T | null {
    let evicted: T | null = null;
    const neighbours = [...this.#all].filter(([, other]) => other.address === address);
    if (neighbours.length >= this.#limits.perAddress) evicted = oldest(neighbours);
    else if (this.#all.size >= this.#limits.total) evicted = oldest([...this.#all]);
    if (evicted !== null) this.#all.delete(evicted);
    this.#all.set(stranger, { address, silent: true });
    return evicted;
  }

  saidHello(stranger: T): void {
    const entry = this.#all.get(stranger);
    if (entry) entry.silent = false;
  }

  /** It has proved its key, or is gone. Idempotent. */
  delete(stranger: T): void {
    this.#all.delete(stranger);
  }

  all(): T[] {
    return [...this.#all.keys()];
  }

  get size(): number {
    return this.#all.size;
  }
}

function oldest<T>(strangers: [T, Stranger][]): T | null {
  return (strangers.find(([, { silent }]) => silent) ?? strangers[0])?.[0] ?? null;
}
