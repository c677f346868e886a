/** Clients that were told all that they get: what they still send is taken for a while, since closing on unread bytes sends a reset, which overtakes the text. */
import { CLIENT } from "../../../proxy/record.ts";
import { LINGER_BYTES } from "../../../proxy/unavailable.ts";
import * as abi from "../sys/abi.ts";
import { BUFFER_BYTES, type Shard } from "./shard.ts";

/** The text is sent. From here on `slots.answered()` is how much is still taken. */
export function beginLinger(s: Shard, slot: number): void {
  s.libc.shutdown(s.slots.fd(slot, CLIENT), abi.SHUT_WR);
  s.slots.setAnswered(slot, LINGER_BYTES);
}

/** Takes what is there. `end` is called at the client's end, or when it has sent too much; `reset`: it has reset the connection. */
export function dropInput(s: Shard, slot: number, end: (s: Shard, slot: number, reset: boolean) => void): void {
  const { libc, slots } = s;
  const fd = slots.fd(slot, CLIENT);
  for (;;) {
    const received = libc.recv(fd, s.ioStart, BUFFER_BYTES, 0);
    if (received < 0 && libc.errno[0] === abi.EAGAIN) return;
    const left = slots.answered(slot) - Math.max(0, received);
    slots.setAnswered(slot, left);
    if (received <= 0 || left < 0) {
      end(s, slot, received < 0);
      return;
    }
  }
}
