/** The end of a relay whose target has finished first, where the pool wants it to end by a reset: that saves packets and system calls. */
import { CLIENT, TARGET } from "../../../proxy/record.ts";
import { FIN_NOTED } from "../shared/ends.ts";
import { unacknowledged } from "./delivery.ts";
import type { Shard } from "./shard.ts";
import { closeEnd } from "./socket-io.ts";

/** The target's FIN has come, before the client's. A relay has no waiter any more: its field keeps how many of the client's bytes came before. */
export function noteTargetFin({ slots }: Shard, slot: number): void {
  slots.setWaiter(slot, slots.bytes(slot, CLIENT));
  slots.addBits(slot, TARGET, FIN_NOTED);
}

/**
 * The client has finished as well. Where the target's FIN was noted, a reset takes the place of ours if it can lose nothing: all that was
 * sent has been acknowledged, and was sent before the target's FIN. A target that has only finished writing may still be reading what
 * comes after it, and a reset would cut off what waits for it in two kernels.
 */
export function resetTarget(s: Shard, slot: number): void {
  const { slots } = s;
  const wasNoted = (slots.bits(slot, TARGET) & FIN_NOTED) !== 0; // the pool may want it since then only
  const isSilent = wasNoted && slots.waiter(slot) === slots.bytes(slot, CLIENT);
  if (isSilent && unacknowledged(s, slots.fd(slot, TARGET)) === 0) closeEnd(s, slot, TARGET, true);
}
