/** The end of a relay of which one side has failed. */
import type { Connection } from "../../net/runtime.ts";
import { DELIVERY_MS, untilNextLook } from "../../proxy/delivery.ts";
import { pass, systemClock } from "../../util/clock.ts";

/** ms that the kernel gets to deliver what it was given, which the runtimes do not tell: a reset would drop it. */
const KERNEL_MS = 1_000;

/** Resets what is left, once what came before that has been delivered, or its peer takes nothing any more. */
export async function resetAfterDelivery(survivor: Connection): Promise<void> {
  let { unsent } = survivor;
  let waited = 0;
  while (unsent > 0 && waited < DELIVERY_MS) {
    const ms = untilNextLook(waited);
    await pass(systemClock, ms);
    waited = survivor.unsent === unsent ? waited + ms : 0;
    unsent = survivor.unsent;
  }
  await pass(systemClock, KERNEL_MS);
  survivor.abort();
}
