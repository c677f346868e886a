/**
 * The pools of a thread. Each is attached with its first connection, so that pools which nobody uses cost a thread no more than what it
 * was told of them.
 */
import { type PoolHandle, SharedPool } from "../../../pool/pool.ts";
import { Lifecycle } from "../../../proxy/lifecycle.ts";
import { deadPathsFor } from "./dead-paths.ts";
import type { WorkerListener } from "./listener.ts";
import { PoolPart } from "./pool-part.ts";
import type { Shard } from "./shard.ts";
import { TargetAddresses } from "./target-addresses.ts";
import { targetSocketsFor } from "./target-sockets.ts";
import { WorkerIo } from "./worker-io.ts";

/** The pool whose connections a listener accepts. */
export function servedPart(s: Shard, listener: WorkerListener): PoolPart {
  listener.part ??= partNumber(s, listener.service);
  return listener.part;
}

/** The pool of that number. */
export function partNumber(s: Shard, number: number): PoolPart {
  return s.parts[number] ?? attach(s, number);
}

function attach(s: Shard, number: number): PoolPart {
  const data = s.orders.pools.get(number);
  if (data === undefined) throw new Error(`a connection for pool ${number}, which does not exist`);
  const { terms, stopWithin } = data;
  const pool = SharedPool.attach(data.handle, s.index, () => latestHandle(s, number));
  pool.lookUps.onWanted = () => s.tellOfLookUps("lookUpWanted", number);
  pool.lookUps.onServed = () => s.tellOfLookUps("served", number);
  const addresses = new TargetAddresses(s.addressMemory, pool);
  const watch = deadPathsFor(s, terms.keepalive);
  const part = new PoolPart(number, pool, addresses, terms, watch, targetSocketsFor(s, terms));
  part.lifecycle = new Lifecycle(pool, s.slots, new WorkerIo(s, part), terms);
  // Its first connection may be one that was on its way when the pool was to be forgotten.
  part.isLeaving = s.leaving.some((leaving) => leaving.number === number);
  s.parts[number] = part;
  if (s.stopping) part.lifecycle.stop(s.mailbox.closeWithin);
  else if (stopWithin !== null) part.lifecycle.stop(stopWithin);
  return part;
}

/** Its memory has moved, and the handle was posted before that. */
function latestHandle({ orders }: Shard, number: number): PoolHandle {
  orders.receive();
  return orders.pools.get(number)!.handle;
}
