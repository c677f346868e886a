/** What a worker leaves behind when it dies: descriptors to close, and connections without a record. */
import { CLIENT, type CloseRecord, TARGET } from "../../../proxy/record.ts";
import { ENDED, FREE } from "../../../proxy/states.ts";
import { isEarly } from "../shared/early-states.ts";
import type { Mailbox } from "../shared/mailbox.ts";
import { NO_POOL } from "../shared/orders.ts";
import type { Slots } from "../shared/slots.ts";
import { SOCKADDR_MAX } from "../sys/abi.ts";
import type { Libc, Pointer } from "../sys/libc.ts";
import { closeWithReset } from "../sys/reset.ts";
import { closePipe } from "../worker/pipe.ts";
import { type Named, recordOfSlot } from "./records.ts";

export interface Remains {
  readonly libc: Libc;
  /** For closeWithReset(). */
  readonly linger: Pointer;
  readonly named: Named;
  readonly slots: Slots;
  readonly mailbox: Mailbox;
  /** Gives a connection that this worker was given to another one. False: none can take it. */
  readonly passOn: (service: number, place: number, fd: number, address: Uint8Array) => boolean;
  readonly release: (edge: number, claim: number) => void;
}

/** Closes what it had open, and reports every connection whose record was not read yet; returns how many had not ended. */
export function cleanUp(remains: Remains, onRecord: (record: CloseRecord) => void): number {
  const { libc, linger, mailbox, named, slots } = remains;
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
    const edge = slots.edgeOf(slot);
    if (edge >= 0 && state !== ENDED) remains.release(edge, slots.takeClaim(slot));
    if (isEarly(state) || slots.poolOf(slot) === NO_POOL) continue; // as it is for a moment before its state says so
    onRecord(recordOfSlot(slots, slot, named, now).record);
  }
  const address = new Uint8Array(SOCKADDR_MAX);
  for (let fd = mailbox.inbox.close(address); fd >= 0; fd = mailbox.inbox.close(address)) {
    const { place, service } = mailbox.inbox;
    if (remains.passOn(service, place, fd, address)) continue;
    if (service >= 0) {
      slots.begin(0, service, place, fd, 0, address, now); // the slots have told all that they had to tell
      onRecord(recordOfSlot(slots, 0, named, now).record);
    }
    closeWithReset(libc, fd, linger);
    dropped++;
  }
  closePipe(libc, mailbox.pipe); // a thread's descriptors are the process's: they outlive it, however it ends
  return dropped;
}
