/** Giving connections to threads that have fewer: see shares.ts for to whom, shared/inbox.ts for the way. */
import { wake } from "../shared/mailbox.ts";
import type { WorkerListener } from "./listener.ts";
import type { Shard } from "./shard.ts";
import type { Peer } from "./shares.ts";

/** Who is to get the next connection; null: it is this thread's own, as all are that come while it stops. */
export function receiverOf(s: Shard, stopping: boolean, listener: WorkerListener): Peer | null {
  return stopping ? null : s.shares.leastLoaded(s.open, listener);
}

/** Gives away what was just accepted for that service, from the client whose sockaddr is in `small`. False: this thread keeps it. */
export function handOver(s: Shard, service: number, place: number, fd: number, { mailbox, eventfd }: Peer): boolean {
  if (fd >= s.options.descriptorCeiling) return false; // who accepts has to notice that descriptors are short
  if (!mailbox.inbox.put(s.index, service, place, fd, s.small.addressBytes)) return false;
  mailbox.announce();
  wake(mailbox, s.libc, eventfd, s.small.one);
  return true;
}

/** Tells the others how many connections this thread has, or that it takes none. */
export function tellShare(s: Shard): void {
  s.mailbox.inbox.tell(s.accepting && !s.stopping ? s.open : -1);
}
