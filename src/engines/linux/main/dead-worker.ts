/** What a worker leaves behind when it dies: descriptors to close, and connections without a record. */
import type { Pool } from "../../../pool/pool.ts";
import { CLIENT, type CloseRecord, TARGET } from "../../../proxy/record.ts";
import { ENDED, FREE } from "../../../proxy/states.ts";
import type { Mailbox } from "../shared/mailbox.ts";
import type { Slots } from "../shared/slots.ts";
import type { Libc, Pointer } from "../sys/libc.ts";
import { closeWithReset } from "../sys/reset.ts";
import { closePipe } from "../worker/pipe.ts";
import { recordOfSlot } from "./records.ts";

export interface Remains {
  readonly libc: Libc;
  /** For closeWithReset(). */
  readonly linger: Pointer;
  readonly pool: Pool;
  readonly slots: Slots;
  readonly mailbox: Mailbox;
}

/** Closes what it had open, and reports every connection whose record was not read yet; returns how many had not ended. */
export function cleanUp(
  { libc, linger, mailbox, pool, slots }: Remains,
  onRecord: (record: CloseRecord) => void,
): number {
  const now = libc.now();
  let dropped = 0;
  for (let slot = 0; slot < mailbox.span; slot++) {
    const state = slots.state(slot);
    if (state === FREE) continue;
    for (const end of [CLIENT, TARGET]) {
      const fd = slots.fd(slot, end);
      if (fd >= 0) closeWithReset(libc, fd, linger);
    }
    if (state !== ENDED) dropped++;
    onRecord(recordOfSlot(slots, slot, pool, now).record);
  }
  closePipe(libc, mailbox.pipe); // a thread's descriptors are the process's: they outlive it, however it ends
  return dropped;
}
