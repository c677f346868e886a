/** What a worker leaves behind when it dies: descriptors to close, and connections without a record. */
import type { Pool } from "../../../pool/pool.ts";
import { CLIENT, type CloseRecord, TARGET } from "../../../proxy/record.ts";
import { ENDED, FREE } from "../../../proxy/states.ts";
import type { Mailbox } from "../shared/mailbox.ts";
import type { Slots } from "../shared/slots.ts";
import * as abi from "../sys/abi.ts";
import type { Libc } from "../sys/libc.ts";
import { closePipe } from "../worker/pipe.ts";
import { recordOfSlot } from "./records.ts";

export interface Remains {
  readonly libc: Libc;
  readonly pool: Pool;
  readonly slots: Slots;
  readonly mailbox: Mailbox;
}

/** Closes what it had open, and reports every connection whose record was not read yet; returns how many had not ended. */
export function cleanUp({ libc, mailbox, pool, slots }: Remains, onRecord: (record: CloseRecord) => void): number {
  const now = libc.now();
  const linger = libc.alloc(8); // struct linger { on: 1, seconds: 0 }
  linger.bytes[0] = 1;
  let dropped = 0;
  // A FIN would say that what was under way is complete.
  const closeWithReset = (fd: number) => {
    libc.setsockopt(fd, abi.SOL_SOCKET, abi.SO_LINGER, linger.at(0), 8);
    libc.close(fd);
  };
  for (let slot = 0; slot < mailbox.span; slot++) {
    const state = slots.state(slot);
    if (state === FREE) continue;
    for (const end of [CLIENT, TARGET]) if (slots.fd(slot, end) >= 0) closeWithReset(slots.fd(slot, end));
    if (state !== ENDED) dropped++;
    onRecord(recordOfSlot(slots, slot, pool, now).record);
  }
  closePipe(libc, mailbox.pipe); // a thread's descriptors are the process's: they outlive it, however it ends
  return dropped;
}
