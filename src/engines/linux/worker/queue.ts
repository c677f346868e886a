/** This worker's part in serving the pool's queue, in which it is one waiter's turn at a time. */
import { wake } from "../shared/mailbox.ts";
import type { Shard } from "./shard.ts";

/** Continues those whose turn it is, here and in other threads. What becomes free meanwhile is seen by the next grant. */
export function serveQueue(s: Shard): void {
  const { lifecycle, pool } = s;
  lifecycle.beginPass();
  for (let grant = pool.grant(); grant !== null; grant = pool.grant()) {
    if (grant.worker !== s.index) {
      const peer = s.peers.get(grant.worker);
      if (peer === undefined) throw new Error(`the queue names worker ${grant.worker}, which does not exist`);
      wake(peer.mailbox, s.libc, peer.eventfd, s.small.one); // it goes on once its waiter has picked
      break;
    }
    if (lifecycle.granted(s.slots.slotOf(grant.ticket))) continue;
    // The queue has come round: the rest is for a later occasion, unless there was one meanwhile.
    if (!pool.grantMissed) break;
    lifecycle.beginPass();
  }
}
