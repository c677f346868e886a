/** Carrying out what the main thread has posted: see shared/orders.ts. */
import type { RemovalCause } from "../../../proxy/outcome.ts";
import { CLIENT } from "../../../proxy/record.ts";
import { removeFromTarget } from "../../../proxy/removal.ts";
import { isServed } from "../shared/early-states.ts";
import { FactsMemory } from "../shared/facts-memory.ts";
import type { ListenerData, PoolData, PostedOrder } from "../shared/orders.ts";
import { watchListeners } from "./accept.ts";
import { deadPathsFor } from "./dead-paths.ts";
import { forgetEdge } from "./edges.ts";
import { WorkerListener } from "./listener.ts";
import type { Shard } from "./shard.ts";
import { targetSocketsFor } from "./target-sockets.ts";
import { closeListener, forgetPool, retire, stopPool } from "./wind-up.ts";

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
    case "end":
      for (const [slot, generation] of order.connections) end(s, slot, generation, order.cause);
      break;
    case "bridge":
      s.bridge = order.bridge;
      break;
    case "facts":
      s.slots.facts = new FactsMemory(order.facts);
      break;
    case "edge":
      break; // the box has it
    case "retire":
      retire(s, order.edge, order.service, serial);
      return;
    case "forgetEdge":
      forgetEdge(s, order.edge, serial);
      return;
  }
  s.done(serial);
}

function changePool(s: Shard, { number, terms }: PoolData): void {
  const part = s.parts[number];
  if (part === undefined) return; // what the box knows of it is for its first connection
  part.terms = terms;
  part.lifecycle.options = terms;
  part.deadPaths = deadPathsFor(s, terms.keepalive);
  part.sockets = targetSocketsFor(s, terms);
}

function end(s: Shard, slot: number, generation: number, cause: RemovalCause): void {
  if (!isServed(s.slots.state(slot)) || s.slots.generation(slot, CLIENT) !== generation) return;
  const { lifecycle, pool } = s.partOf(slot);
  removeFromTarget({ pool, store: s.slots, lifecycle }, slot, cause);
}

export function listen(s: Shard, data: ListenerData): void {
  const known = s.listeners[data.number];
  if (known !== undefined) {
    known.service = data.service;
    known.part = null;
    known.edge = null;
    return;
  }
  const listener = new WorkerListener(data, s.index);
  s.listeners[data.number] = listener;
  s.unwatched.push(listener);
  watchListeners(s);
}
