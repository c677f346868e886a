/**
 * TCP fast open towards targets (RFC 7413): what the client has sent already goes with the SYN, where the kernel has the target's cookie
 * from an earlier connection. The bytes are only looked at until the connection stands, so that another target can have them if this
 * one cannot be connected to. A target that takes them and is then given up, because its answer was lost, has had them all the same.
 */
import { CLIENT, TARGET } from "../../../proxy/record.ts";
import { SENT_EARLY, WRITTEN } from "../shared/ends.ts";
import * as abi from "../sys/abi.ts";
import type { Shard } from "./shard.ts";
import { closeEnd, countBytes, endFailed } from "./socket-io.ts";

/** More does not fit into the packet of a SYN on most paths. */
const SYN_BYTES = 1460;

/** How many bytes of the client's are there, which are then at the start of the buffer; 0: none. */
export function lookAhead({ ioStart, libc, slots }: Shard, slot: number): number {
  return Math.max(0, libc.recv(slots.fd(slot, CLIENT), ioStart, SYN_BYTES, abi.MSG_PEEK));
}

/** connect() sends the SYN, and asks for a cookie, only where the kernel has none: otherwise the first send does. */
export function deferSyn({ libc, small }: Shard, fd: number): void {
  libc.setsockopt(fd, abi.IPPROTO_TCP, abi.TCP_FASTOPEN_CONNECT, small.one, 4);
}

/** A connection that was begun: sends what the buffer begins with if its SYN is yet to come. Returns 0 or errno. */
export function sendEarly(s: Shard, slot: number, fd: number, length: number): number {
  const { ioStart, libc, slots } = s;
  const sent = libc.send(fd, ioStart, length, abi.MSG_NOSIGNAL);
  if (sent > 0) {
    slots.setUnacked(slot, sent);
    slots.addBits(slot, TARGET, SENT_EARLY | WRITTEN);
    return 0;
  }
  const errno = libc.errno[0]!;
  if (errno === abi.EAGAIN || errno === abi.EINPROGRESS) return 0; // its SYN is on its way
  closeEnd(s, slot, TARGET, false);
  return errno;
}

/** The connection stands: what the target has got is taken from the client. */
export function takeEarly(s: Shard, slot: number): void {
  const { ioStart, libc, slots } = s;
  slots.clearBits(slot, TARGET, SENT_EARLY);
  for (let left = slots.unacked(slot); left > 0; ) {
    const taken = libc.recv(slots.fd(slot, CLIENT), ioStart, left, 0);
    if (taken <= 0) {
      endFailed(s, slot, CLIENT); // they were there: whatever has become of them, they are not to be sent twice
      return;
    }
    countBytes(s, slot, CLIENT, taken);
    left -= taken;
  }
}
