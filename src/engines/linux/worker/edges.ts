/** The services of a thread: each is opened with its first connection, as pools are, and forgotten after its last. */
import { NO_CLAIM } from "../../../edge/reception.ts";
import { edgeOfService, edgeService, NO_POOL } from "../shared/orders.ts";
import { EdgePart } from "./edge-part.ts";
import type { WorkerListener } from "./listener.ts";
import type { Shard } from "./shard.ts";

/** ms after which it is looked again whether a service or a pool is done with, where nothing would tell. */
const LOOK_AGAIN_MS = 50;

/** What a listener asks for that does. */
export function servedEdge(s: Shard, listener: WorkerListener): EdgePart {
  listener.edge ??= edgeNumber(s, edgeOfService(listener.service));
  return listener.edge;
}

export function edgeNumber(s: Shard, number: number): EdgePart {
  return s.lobby.edges[number] ?? open(s, number);
}

function open(s: Shard, number: number): EdgePart {
  const data = s.orders.edges.get(number);
  if (data === undefined) throw new Error(`a connection by service ${number}, which does not exist`);
  const part = new EdgePart(data, s.index);
  s.lobby.edges[number] = part;
  return part;
}

/** The pool of those who come by a service that reads nothing of them; NO_POOL: it does, or has none for them. */
export function plainPool(s: Shard, { edge, pools }: EdgePart): number {
  const pool = edge.reads ? undefined : pools[edge.plainRoute];
  return pool !== undefined && s.orders.pools.has(pool) ? pool : NO_POOL;
}

/** A connection that came by it is over: what it held of the limits is given back. */
export function leaveEdge(s: Shard, slot: number): void {
  const part = s.lobby.edges[s.slots.edgeOf(slot)]!;
  const claim = s.slots.takeClaim(slot);
  if (claim !== NO_CLAIM) part.edge.release(claim);
  part.open--;
  if (part.open === 0 && s.lobby.leaving.length > 0) s.windUpAt = s.now;
}

/** Nobody hands over connections that came by it any more: it is done with once none is being asked. */
export function retireEdge(s: Shard, number: number, serial: number): void {
  s.lobby.retiring.push({ number, serial });
  s.windUpAt = s.now;
}

export function forgetEdge(s: Shard, number: number, serial: number): void {
  s.lobby.leaving.push({ number, serial });
  s.windUpAt = s.now;
}

/** Tells of those that are done with. */
export function forgetEdges(s: Shard): void {
  const { edges, leaving, retiring } = s.lobby;
  for (const { number, serial } of retiring.splice(0)) {
    if (isOnItsWay(s, edgeService(number)) || (edges[number]?.receiving ?? 0) > 0) retiring.push({ number, serial });
    else s.done(serial);
  }
  for (const { number, serial } of leaving.splice(0)) {
    if (isOnItsWay(s, edgeService(number)) || (edges[number]?.open ?? 0) > 0) {
      leaving.push({ number, serial });
    } else {
      edges[number] = undefined;
      s.orders.edges.delete(number);
      s.done(serial);
    }
  }
}

/** Whether a connection for it was handed to this thread, and is not taken in yet. `service`: of a pool its number, or edgeService(). */
export function isOnItsWay(s: Shard, service: number): boolean {
  if (!s.mailbox.inbox.holds(service)) return false;
  s.windUpAt = Math.min(s.windUpAt, s.now + LOOK_AGAIN_MS);
  return true;
}
