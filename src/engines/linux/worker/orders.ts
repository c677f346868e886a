/** Carrying out what the main thread has posted: see shared/orders.ts. */
import type { ListenerData, PoolData, PostedOrder } from "../shared/orders.ts";
import { watchListeners } from "./accept.ts";
import { deadPathsFor } from "./dead-paths.ts";
import { WorkerListener } from "./listener.ts";
import type { Shard } from "./shard.ts";
import { closeListener, forgetPool, stopPool } from "./wind-up.ts";

/** Those that were received. */
export function carryOutOrders(s: Shard): void {
  for (let posted = s.orders.next(); posted !== undefined; posted = s.orders.next()) carryOut(s, posted);
}

function carryOut(s: Shard, { order, serial }: PostedOrder): void {
  switch (order.type) {
    case "pool":
      changePool(s, order.pool);
      break;
    case "listen":
      listen(s, order.listener);
      break;
    case "unlisten":
      closeListener(s, order.listener, order.within, serial);
      return;
    case "stop":
      stopPool(s, order.pool, order.timeout);
      break;
    case "forget":
      forgetPool(s, order.pool, serial);
      return;
    case "bridge":
      s.bridge = order.bridge;
  }
  s.done(serial);
}

function changePool(s: Shard, { number, terms }: PoolData): void {
  const part = s.parts[number];
  if (part === undefined) return; // what the box knows of it is for its first connection
  part.terms = terms;
  part.lifecycle.options = terms;
  part.deadPaths = deadPathsFor(s, terms.keepalive);
}

export function listen(s: Shard, data: ListenerData): void {
  const known = s.listeners[data.number];
  if (known !== undefined) {
    known.pool = data.pool;
    known.part = null;
    return;
  }
  const listener = new WorkerListener(data, s.index);
  s.listeners[data.number] = listener;
  s.unwatched.push(listener);
  watchListeners(s);
}
