/** This worker's part in serving the pool's queue; one thread serves it at a time (shared/queue-baton.ts). */
import type { Grant } from "../../../pool/pool.ts";
import { QUEUED } from "../../../proxy/states.ts";
import { wake } from "../shared/mailbox.ts";
import type { Shard } from "./shard.ts";

export class QueueServer {
  readonly #shard: Shard;
  // Made once, so that serving the queue allocates nothing.
  readonly #own = (ticket: number) => this.#granted(ticket);
  readonly #foreign = (grant: Grant) => this.#handOver(grant);

  constructor(shard: Shard) {
    this.#shard = shard;
  }

  /** Continues those whose turn it is, here and in other threads. What becomes free meanwhile is seen by the next grant. */
  serve(): void {
    const { lifecycle, pool, queueBaton } = this.#shard;
    lifecycle.beginPass();
    queueBaton.serve(pool, this.#own, this.#foreign);
  }

  /** Another thread has granted a turn to a connection of this one, and handed the queue over. */
  takeOver(ticket: number): void {
    const { lifecycle, pool, queueBaton } = this.#shard;
    lifecycle.beginPass();
    this.#granted(ticket);
    queueBaton.goOn(pool, this.#own, this.#foreign);
    lifecycle.roomFreed = false;
  }

  #granted(ticket: number): boolean {
    const { lifecycle, slots } = this.#shard;
    if (slots.isForeign(ticket)) return true; // its permit was taken back when its thread died
    const slot = slots.slotOf(ticket);
    if (slot >= 0 && slots.state(slot) === QUEUED) return lifecycle.granted(slot);
    lifecycle.grantLost();
    return true;
  }

  #handOver({ worker, ticket }: Grant): void {
    const { libc, peers, small } = this.#shard;
    const peer = peers.get(worker);
    if (peer === undefined) throw new Error(`the queue names worker ${worker}, which does not exist`);
    peer.mailbox.grant(ticket);
    wake(peer.mailbox, libc, peer.eventfd, small.one);
  }
}
