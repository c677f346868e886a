/** Sticky bindings for whoever wants to see them. */
import { clientText } from "../util/client-key.ts";
import { BUCKETS } from "./header.ts";
import { BINDING_WAYS } from "./layout.ts";
import type { PoolParts } from "./parts.ts";

export interface BindingView {
  /** An address; of IPv6 the network of 64 bits that it lies in. */
  readonly client: string;
  /** -1: the target has left, and its row is another one's. */
  readonly row: number;
  /** Connections that the client has open now. */
  readonly active: number;
  /** ms since it had any; 0: it has. */
  readonly idleMs: number;
  /** Another balancer has made it, and told of it. */
  readonly isShared: boolean;
}

/**
 * Those that are good now, one by one: a bucket is read at a time, with the lock held for no longer. The table may move and grow between
 * two of them; a binding that is made or moved meanwhile may be left out then, or come twice.
 */
export function* bindingViews(parts: () => PoolParts, now: () => number): Generator<BindingView> {
  for (let first = 0; ; first += BINDING_WAYS) {
    const { layout, bindings } = parts();
    if (bindings === null || first >= layout.header[BUCKETS]! * BINDING_WAYS) return;
    yield* bucket(parts(), first, now());
  }
}

function bucket({ layout, bindings, lock }: PoolParts, first: number, now: number): BindingView[] {
  const { bindingKeys, bindingTargets, bindingOpen, bindingSharedAt, bindingUsedAt } = layout;
  const found: BindingView[] = [];
  const key = new Uint32Array(4);
  lock.take();
  try {
    for (let slot = first; slot < first + BINDING_WAYS; slot++) {
      if (bindingTargets[2 * slot] === 0 || !bindings!.isLive(slot, now)) continue;
      key.set(bindingKeys.subarray(4 * slot, 4 * slot + 4));
      const active = bindingOpen[slot]!;
      const idleMs = active > 0 ? 0 : Math.max(0, now - bindingUsedAt[slot]!);
      found.push({
        client: clientText(key),
        row: bindings!.row(slot),
        active,
        idleMs,
        isShared: bindingSharedAt[slot]! < 0,
      });
    }
  } finally {
    lock.free();
  }
  return found;
}
