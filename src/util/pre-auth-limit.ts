import { clientKey } from "./client-key.ts";

/**
 * Peers that may be connected before they have proved who they are: at most this many, over all ports.
 *
 * A newcomer takes the place of an old one, so a place lasts PLACES / (newcomers a second). An honest peer needs its place from
 * accept to its first line: over TCP that comes with the last packet of TCP's own handshake, over TLS 1.3 a round trip later. At 2,000
 * newcomers a second from its own address that is a second: half a dozen round trips of 150 ms, or one on a balancer that is busy. Under
 * Bun a place costs some 6 KB, in TLS 13 KB, so all of them some 27 MB.
 */
export const PLACES = 2_048;

/** A peer with a place. */
export interface Stranger {
  /** Its place has been given to another: its connection is dropped. */
  abort(): void;
}

/** One address, or one /64 of IPv6. */
class Client {
  readonly key: string;
  /** The oldest first; without those that have been refused. */
  readonly peers = new Set<Stranger>();

  constructor(key: string) {
    this.key = key;
  }
}

/**
 * The places of peers that have proved nothing yet, on the control channel and below it in TLS. When all are taken a newcomer is
 * let in and another has to go, so that no crowd keeps an honest peer out by being there first: one that has been refused and only
 * still reads why, or else the oldest of the address that has the most. A crowd therefore never costs another address its
 * place, and behind its own address it has to renew all places within the time that an honest peer needs for its first line.
 */
export class PreAuthLimit {
  readonly #places: number;
  readonly #clients = new Map<string, Client>();
  readonly #clientOf = new Map<Stranger, Client>();
  /** Clients by the number of their peers; the last group is that of the busiest ones. */
  readonly #bySize: Set<Client>[] = [];
  /** The oldest first. */
  readonly #refused = new Set<Stranger>();

  constructor(places: number = PLACES) {
    this.#places = places;
  }

  get size(): number {
    return this.#clientOf.size + this.#refused.size;
  }

  /** Admits a peer, and drops another where that is one too many. */
  add(peer: Stranger, address: string): void {
    if (this.size >= this.#places) this.#evict();
    const key = clientKey(address, new Uint32Array(4)).join();
    const client = this.#clients.get(key) ?? new Client(key);
    this.#leaveGroup(client);
    client.peers.add(peer);
    this.#clientOf.set(peer, client);
    this.#joinGroup(client);
  }

  /** It has been refused: it keeps its place while it reads why, and only while nobody else wants it. */
  refuse(peer: Stranger): void {
    if (this.#take(peer)) this.#refused.add(peer);
  }

  /** It has proved who it is, or is gone. Idempotent. */
  delete(peer: Stranger): void {
    if (!this.#refused.delete(peer)) this.#take(peer);
  }

  /** In no particular order. */
  all(): Stranger[] {
    return [...this.#refused, ...this.#clientOf.keys()];
  }

  #evict(): void {
    const [client] = this.#bySize.at(-1) ?? [];
    const [peer] = this.#refused.size > 0 ? this.#refused : (client?.peers ?? []);
    if (peer === undefined) return;
    this.delete(peer);
    peer.abort();
  }

  /** Takes it from its client. False: it has none. */
  #take(peer: Stranger): boolean {
    const client = this.#clientOf.get(peer);
    if (client === undefined) return false;
    this.#leaveGroup(client);
    this.#clientOf.delete(peer);
    client.peers.delete(peer);
    this.#joinGroup(client);
    return true;
  }

  #leaveGroup(client: Client): void {
    this.#bySize[client.peers.size]?.delete(client);
  }

  #joinGroup(client: Client): void {
    const { size } = client.peers;
    if (size === 0) this.#clients.delete(client.key);
    else this.#clients.set(client.key, client);
    while (this.#bySize.length <= size) this.#bySize.push(new Set());
    if (size > 0) this.#bySize[size]!.add(client);
    while (this.#bySize.at(-1)?.size === 0) this.#bySize.pop();
  }
}
