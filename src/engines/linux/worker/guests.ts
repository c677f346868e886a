/** The end of being asked: a client is let in, turned away, lost, or has to give its descriptor to somebody else. */
import { NO_CLAIM } from "../../../edge/reception.ts";
import { refusalNumber } from "../../../edge/refusals.ts";
import { CLIENT } from "../../../proxy/record.ts";
import * as abi from "../sys/abi.ts";
import type { Guest } from "./lobby.ts";
import { leave } from "./refusal.ts";
import type { Shard } from "./shard.ts";

const CROWDED = refusalNumber("crowded");

/** Descriptors are short: whoever has been refused is gone first, and then who has been asked for longest. False: there is none. */
export function giveUpGuest(s: Shard): boolean {
  const { receiving, refused } = s.lobby;
  for (const slot of refused) {
    leave(s, slot, true);
    return true;
  }
  if (receiving.size === 0) return false;
  giveUpOldest(s);
  return true;
}

/** Who has been asked for longest gives way: an honest client answers within a round trip, those of a crowd that takes all places do not. */
export function giveUpOldest(s: Shard): void {
  for (const [slot, guest] of s.lobby.receiving) {
    guest.part.edge.refuse(CROWDED);
    abandon(s, slot, guest);
    return;
  }
}

/** It was reset, or is to be. */
export function abandon(s: Shard, slot: number, guest: Guest): void {
  guest.reception.abandon();
  dismissed(s, slot, guest);
  leave(s, slot, true);
}

/**
 * Has the kernel wake this thread once so many bytes are there, or none are to come: a look at what has come costs more the more that is,
 * so whoever sends byte by byte would be a burden.
 */
export function setLowWater({ libc, slots, small }: Shard, slot: number, guest: Guest, bytes: number): void {
  if (bytes === guest.lowWater) return;
  small.setValue(bytes);
  // Without it, what is there too early is looked at more often.
  if (libc.setsockopt(slots.fd(slot, CLIENT), abi.SOL_SOCKET, abi.SO_RCVLOWAT, small.result, 4) === 0)
    guest.lowWater = bytes;
}

/** It is not asked any more, and its reception holds no claim: that is given back, or the slot's from here on. */
export function dismissed(s: Shard, slot: number, guest: Guest): void {
  const { part } = guest;
  setLowWater(s, slot, guest, 1);
  s.slots.setClaim(slot, NO_CLAIM);
  s.lobby.receiving.delete(slot);
  part.receiving--;
  s.mailbox.waiting--;
  s.timers.clear(slot);
  if (part.receiving === 0 && s.lobby.retiring.length > 0) s.windUpAt = s.now;
}
