/** This worker's looks at what its connections show of the targets: see proxy/observer.ts. */
import { LOOK_MS } from "../../../proxy/observer.ts";
import { RELAYING } from "../../../proxy/states.ts";
import type { PoolPart } from "./pool-part.ts";
import type { Shard } from "./shard.ts";

export function lookSoon(s: Shard, part: PoolPart): void {
  if (s.looking.length === 0) s.lookAt = s.now + LOOK_MS;
  s.looking.push(part);
}

/** At or after `lookAt`. */
export function look(s: Shard): void {
  listen(s);
  const { looking } = s;
  s.looking = [];
  for (const part of looking) {
    if (s.parts[part.number] !== part) continue; // the pool was removed
    if (part.lifecycle.observer.look()) s.looking.push(part);
    if (part.pool.waiting > 0) part.lifecycle.freeRoom(); // what is back may be what somebody waits for
  }
  s.lookAt = s.looking.length === 0 ? Number.POSITIVE_INFINITY : s.now + LOOK_MS;
}

/** Which of the connections that have moved bytes lately have heard of their targets; also before they are not listed any more. */
export function listen(s: Shard): void {
  if (s.looking.length === 0) return;
  for (const slot of s.unreported) {
    if (s.slots.state(slot) !== RELAYING) continue;
    const { observer } = s.lifecycleOf(slot);
    if (observer.isCurious) observer.heardFrom(slot);
  }
}
