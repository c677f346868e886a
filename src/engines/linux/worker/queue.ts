/** This worker's part in the pool's queue, in which it is one waiter's turn at a time. */
import { CLIENT } from "../../../proxy/record.ts";
import { FIN_SEEN, URGENT } from "../shared/ends.ts";
import { wake } from "../shared/mailbox.ts";
import * as abi from "../sys/abi.ts";
import { descriptorFree } from "./accept.ts";
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

/** Tells the lifecycle if a waiter's FIN is all that has come. Only a waiter that has sent one is asked about, once. */
export function noticeSilence(s: Shard, slot: number): void {
  const { libc, slots } = s;
  const bits = slots.bits(slot, CLIENT);
  if ((bits & (FIN_SEEN | URGENT)) !== FIN_SEEN) return;
  if (libc.recv(slots.fd(slot, CLIENT), s.ioStart, 1, abi.MSG_PEEK) === 0) s.lifecycle.clientSilent(slot);
}

/**
 * Waiters have lost their places to newcomers: this thread's are told so, and other threads woken for theirs. One that was about to fall
 * asleep looks by itself a moment later, as it has a waiter.
 */
export function tellLost(s: Shard): void {
  const { lifecycle, pool } = s;
  for (let ticket = pool.takeLost(); ticket >= 0; ticket = pool.takeLost()) {
    lifecycle.lostPlace(s.slots.slotOf(ticket), !descriptorFree(s));
  }
  if (pool.lost === 0) return;
  for (const [index, { mailbox, eventfd }] of s.peers) {
    if (index !== s.index && pool.hasLost(index)) wake(mailbox, s.libc, eventfd, s.small.one);
  }
}
