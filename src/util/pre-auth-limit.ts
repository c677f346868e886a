import { clientKey } from "./client-key.ts";

/** How many peers may be connected before they have proved who they are. */
export interface PreAuthLimits {
  /** For one address, or one /64 of IPv6. */
  readonly perAddress: number;
  readonly total: number;
}

/** A handshake takes a round trip or two, so few honest ones run at once. */
export const PRE_AUTH_LIMITS: PreAuthLimits = { perAddress: 8, total: 256 };

interface Entry {
  readonly client: string;
  readonly saidHello: boolean;
}

/**
 * Limits the peers that have proved nothing yet, on the control channel and below it in TLS. At a limit the oldest peer is
 * evicted, not the newcomer refused: many connections that say nothing can then not keep a reporter out, not even one
 * behind the same address. It goes from the larger group, those that have said hello or those that have not: a crowd that keeps
 * to one of them spares a reporter while it is in the other, and has to renew half the limit within a round trip to reach it.
 */
export class PreAuthLimit<Peer> {
  readonly #limits: PreAuthLimits;
  /** In the order in which they came or, later than that, said hello. */
  readonly #peers = new Map<Peer, Entry>();

  constructor(limits: PreAuthLimits = PRE_AUTH_LIMITS) {
    this.#limits = limits;
  }

  /** Admits a peer. Returns the one that was evicted for it and has to be disconnected, or null. */
  add(peer: Peer, address: string): Peer | null {
    let evicted: Peer | null = null;
    const client = clientKey(address, new Uint32Array(4)).join();
    const neighbours = [...this.#peers].filter(([, other]) => other.client === client);
    if (neighbours.length >= this.#limits.perAddress) evicted = oldest(neighbours);
    else if (this.#peers.size >= this.#limits.total) evicted = oldest([...this.#peers]);
    if (evicted !== null) this.#peers.delete(evicted);
    this.#peers.set(peer, { client, saidHello: false });
    return evicted;
  }

  saidHello(peer: Peer): void {
    const entry = this.#peers.get(peer);
    if (!entry) return;
    this.#peers.delete(peer);
    this.#peers.set(peer, { ...entry, saidHello: true });
  }

  /** The peer has proved its key, or is gone. Idempotent. */
  delete(peer: Peer): void {
    this.#peers.delete(peer);
  }

  /** The oldest first. */
  all(): Peer[] {
    return [...this.#peers.keys()];
  }
}

/** Of the larger group; of equal ones the one that has not said hello. */
function oldest<Peer>(peers: [Peer, Entry][]): Peer | null {
  const greeted = peers.filter(([, { saidHello }]) => saidHello).length;
  const fromGreeted = greeted > peers.length - greeted;
  return peers.find(([, { saidHello }]) => saidHello === fromGreeted)?.[0] ?? null;
}
