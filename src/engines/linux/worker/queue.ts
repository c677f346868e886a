/** This worker's part in the pools' queues, in each of which it is one waiter's turn at a time. */
import { CLIENT } from "../../../proxy/record.ts";
import { FIN_SEEN, URGENT } from "../shared/ends.ts";
import { wake } from "../shared/mailbox.ts";
import * as abi from "../sys/abi.ts";
import type { PoolPart } from "./pool-part.ts";
import type { Shard } from "./shard.ts";
import { descriptorFree } from "./shortage.ts";

/** The queues that this turn of the loop may have changed: those with waiters of this thread, and those of pools with room that it has freed. */
export function serveQueues(s: Shard): void {
  const { freed, queued } = s;
  let waiting = s.lobby.receiving.size;
  for (let i = queued.length - 1; i >= 0; i--) {
    const part = queued[i]!;
    if (part.lifecycle.waiting > 0) lookAfter(s, part);
    if (part.lifecycle.waiting === 0) takeOff(queued, i);
    waiting += part.lifecycle.waiting;
  }
  // It may become longer meanwhile; what was looked after since room was freed there is not marked any more.
  for (let i = 0; i < freed.length; i++) if (freed[i]!.lifecycle.roomFreed) lookAfter(s, freed[i]!);
  freed.length = 0;
  if (waiting !== s.mailbox.waiting) s.mailbox.waiting = waiting;
}

/** Another thread has found that it is the turn of a waiter of this one, or one of its connections was looked up. */
export function isGranted({ queued }: Shard): boolean {
  for (const { lifecycle, pool } of queued) {
    if (lifecycle.waiting > 0 && (pool.granted || lifecycle.lookingUp.isDone)) return true;
  }
  return false;
}

export function serveGranted(s: Shard): void {
  for (const part of s.queued) {
    if (part.lifecycle.waiting === 0) continue;
    part.lifecycle.lookedUp();
    if (part.pool.granted) serveQueue(s, part);
  }
}

/** In no particular order. */
function takeOff(queued: PoolPart[], i: number): void {
  queued[i]!.isQueued = false;
  queued[i] = queued.at(-1)!;
  queued.pop();
}

function lookAfter(s: Shard, part: PoolPart): void {
  if (part.pool.lost > 0) tellLost(s, part);
  if (part.pool.waiting > 0) serveQueue(s, part);
  part.lifecycle.roomFreed = false;
}

/** Continues those whose turn it is, here and in other threads. What becomes free meanwhile is seen by the next grant. */
function serveQueue(s: Shard, { lifecycle, pool }: PoolPart): void {
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
export function noticeSilence(s: Shard, { lifecycle }: PoolPart, slot: number): void {
  const { libc, slots } = s;
  const bits = slots.bits(slot, CLIENT);
  if ((bits & (FIN_SEEN | URGENT)) !== FIN_SEEN) return;
  if (libc.recv(slots.fd(slot, CLIENT), s.ioStart, 1, abi.MSG_PEEK) === 0) lifecycle.clientSilent(slot);
}

/**
 * Waiters have lost their places to newcomers: this thread's are told so, and other threads woken for theirs. One that was about to fall
 * asleep looks by itself a moment later, as it has a waiter.
 */
function tellLost(s: Shard, { lifecycle, pool }: PoolPart): void {
  for (let ticket = pool.takeLost(); ticket >= 0; ticket = pool.takeLost()) {
    lifecycle.lostPlace(s.slots.slotOf(ticket), !descriptorFree(s));
  }
  if (pool.lost === 0) return;
  for (const [index, { mailbox, eventfd }] of s.peers) {
    if (index !== s.index && pool.hasLost(index)) wake(mailbox, s.libc, eventfd, s.small.one);
  }
}
