/** What a worker leaves behind when it dies: descriptors to close, and connections without a record. */
import type { Pool } from "../../../pool/pool.ts";
import { CLIENT, type CloseRecord, TARGET } from "../../../proxy/record.ts";
import { ENDED, FREE } from "../../../proxy/states.ts";
import type { Mailbox } from "../shared/mailbox.ts";
import type { Slots } from "../shared/slots.ts";
import { SOCKADDR_MAX } from "../sys/abi.ts";
import type { Libc, Pointer } from "../sys/libc.ts";
import { closeWithReset } from "../sys/reset.ts";
import { closePipe } from "../worker/pipe.ts";
import { recordOfSlot } from "./records.ts";

export interface Remains {
  readonly libc: Libc;
  /** For closeWithReset(). */
  readonly linger: Pointer;
  /** The pool of that number. */
  readonly poolOf: (number: number) => Pool;
  readonly slots: Slots;
  readonly mailbox: Mailbox;
  /** Gives a connection that this worker was given to another one. False: none can take it. */
  readonly passOn: (pool: number, fd: number, address: Uint8Array) => boolean;
}

/** Closes what it had open, and reports every connection whose record was not read yet; returns how many had not ended. */
export function cleanUp(remains: Remains, onRecord: (record: CloseRecord) => void): number {
  const { libc, linger, mailbox, poolOf, slots } = remains;
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
    onRecord(recordOfSlot(slots, slot, poolOf(slots.poolOf(slot)), now).record);
  }
  const address = new Uint8Array(SOCKADDR_MAX);
  for (let fd = mailbox.inbox.close(address); fd >= 0; fd = mailbox.inbox.close(address)) {
    const { pool } = mailbox.inbox;
    if (remains.passOn(pool, fd, address)) continue;
    slots.begin(0, pool, fd, 0, address, now); // the slots have told all that they had to tell
    onRecord(recordOfSlot(slots, 0, poolOf(pool), now).record);
    closeWithReset(libc, fd, linger);
    dropped++;
  }
  closePipe(libc, mailbox.pipe); // a thread's descriptors are the process's: they outlive it, however it ends
  return dropped;
}
