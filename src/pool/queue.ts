/**
 * The permits, and the queue of connections that wait for one or for a target with room: first in, first out. A doubly linked
 * list of nodes in shared memory, so that every operation is O(1). Called with the lock held.
 */
import {
  ARRIVALS,
  CONCURRENCY,
  COUNTS,
  FREE_NODE,
  FULL,
  HEAD,
  LAST_RESORT,
  LAST_RESORT_FULL,
  NODES,
  OPEN,
  PERMITS,
  ROOM_EVENTS,
  TAIL,
  WAITING,
} from "./header.ts";
import type { PoolLayout } from "./layout.ts";
import { ADMITTED, type Grant, REFUSED } from "./types.ts";

const NONE = -1;
/** In place of ROOM_EVENTS: the connection has not been told that every target is full. */
export const UNTRIED = -1;
/** A generation takes 24 bits and the number of a node at most 24, so the number of a waiter, made of both, is exact. */
const GENERATIONS = 1 << 24;

export class Queue {
  readonly #layout: PoolLayout;
  readonly #worker: number;

  constructor(layout: PoolLayout, worker: number) {
    this.#layout = layout;
    this.#worker = worker;
  }

  /** For the creator, once. */
  clear(): void {
    const { header } = this.#layout;
    header[HEAD] = NONE;
    header[TAIL] = NONE;
    header[FREE_NODE] = NONE;
  }

  enter(ticket: number): number {
    if (this.#layout.header[WAITING]! > 0 || !this.#hasFreePermit()) return this.enqueue(ticket, UNTRIED, false);
    this.#givePermit(this.#worker);
    return ADMITTED;
  }

  leave(): void {
    const { header, heldPermits } = this.#layout;
    if (heldPermits[this.#worker]! <= 0) throw new Error("a permit was given back that this worker does not hold");
    heldPermits[this.#worker]!--;
    header[PERMITS]!--;
  }

  /** At the end of the queue, or `first`, at its head. `sawRoom`: ROOM_EVENTS when every target was full, or UNTRIED. */
  enqueue(ticket: number, sawRoom: number, first: boolean): number {
    const layout = this.#layout;
    const { header } = layout;
    const node = this.#takeNode();
    if (node === NONE) return REFUSED;
    const arrival = ++layout.clocks[ARRIVALS]!;
    layout.waiterTickets[node] = ticket;
    layout.waiterArrivals[node] = first ? -arrival : arrival; // for repair(): before all others
    layout.waiterSawRoom[node] = sawRoom;
    layout.waiterWorkers[node] = this.#worker + 1;
    this.#link(node, first ? NONE : header[TAIL]!);
    header[WAITING]!++;
    return layout.waiterGenerations[node]! * layout.waiterTickets.length + node;
  }

  /** False: the waiter has been granted its turn already. */
  cancel(waiter: number): boolean {
    const { waiterGenerations, waiterTickets, waiterWorkers } = this.#layout;
    const node = waiter % waiterTickets.length;
    const generation = Math.floor(waiter / waiterTickets.length);
    if (waiterWorkers[node] !== this.#worker + 1 || waiterGenerations[node] !== generation) return false;
    this.#unlink(node);
    return true;
  }

  grant(): Grant | null {
    const { header, waiterTickets, waiterWorkers } = this.#layout;
    const node = header[HEAD]!;
    if (node === NONE || !this.#hasFreePermit() || !this.#worthTrying(node)) return null;
    const worker = waiterWorkers[node]! - 1;
    const ticket = waiterTickets[node]!;
    this.#givePermit(worker);
    this.#unlink(node);
    return { worker, ticket };
  }

  /**
   * Takes back the dead worker's permits, forgets its waiters, and links the others anew in order of arrival, since it may have
   * left the list half linked.
   */
  repair(dead: number): void {
    const layout = this.#layout;
    const { header, heldPermits, waiterWorkers, waiterArrivals } = layout;
    heldPermits[dead] = 0;
    header[PERMITS] = heldPermits.reduce((sum, held) => sum + held, 0);
    const waiters: number[] = [];
    const nodes = header[NODES]!;
    this.clear();
    for (let node = 0; node < nodes; node++) {
      if (waiterWorkers[node] === dead + 1) waiterWorkers[node] = 0;
      if (waiterWorkers[node] === 0) this.#discard(node);
      else waiters.push(node);
    }
    waiters.sort((a, b) => waiterArrivals[a]! - waiterArrivals[b]!);
    for (const node of waiters) this.#link(node, header[TAIL]!);
    header[WAITING] = waiters.length;
  }

  #hasFreePermit(): boolean {
    const { header } = this.#layout;
    return header[CONCURRENCY]! < 0 || header[PERMITS]! < header[CONCURRENCY]!;
  }

  #givePermit(worker: number): void {
    this.#layout.header[PERMITS]!++;
    this.#layout.heldPermits[worker]!++;
  }

  /**
   * When there is no target at all, waiters get their turn to be told so. A waiter that found none with room (it may have tried
   * those that have) gets another turn only after a target has come to have room, or it would go round and round. One that has
   * tried none yet waits for a full target rather than for a suspect, as its pick would say.
   */
  #worthTrying(node: number): boolean {
    const { header, waiterSawRoom } = this.#layout;
    const roomy = header[COUNTS + OPEN]! + header[COUNTS + LAST_RESORT]!;
    if (roomy === 0) return header[COUNTS + FULL]! + header[COUNTS + LAST_RESORT_FULL]! === 0;
    if (waiterSawRoom[node] === UNTRIED) return header[COUNTS + OPEN]! > 0 || header[COUNTS + FULL] === 0;
    return waiterSawRoom[node] !== header[ROOM_EVENTS];
  }

  #takeNode(): number {
    const { header, waiterNext, waiterTickets } = this.#layout;
    const node = header[FREE_NODE]!;
    if (node !== NONE) header[FREE_NODE] = waiterNext[node]!;
    else if (header[NODES]! < waiterTickets.length) return header[NODES]!++;
    return node;
  }

  #discard(node: number): void {
    const { header, waiterGenerations, waiterNext } = this.#layout;
    waiterGenerations[node] = (waiterGenerations[node]! + 1) % GENERATIONS;
    waiterNext[node] = header[FREE_NODE]!;
    header[FREE_NODE] = node;
  }

  /** `previous`: NONE for the head. */
  #link(node: number, previous: number): void {
    const { header, waiterNext, waiterPrevious } = this.#layout;
    const next = previous === NONE ? header[HEAD]! : waiterNext[previous]!;
    waiterPrevious[node] = previous;
    waiterNext[node] = next;
    if (previous === NONE) header[HEAD] = node;
    else waiterNext[previous] = node;
    if (next === NONE) header[TAIL] = node;
    else waiterPrevious[next] = node;
  }

  #unlink(node: number): void {
    const { header, waiterNext, waiterPrevious, waiterWorkers } = this.#layout;
    const next = waiterNext[node]!;
    const previous = waiterPrevious[node]!;
    if (previous === NONE) header[HEAD] = next;
    else waiterNext[previous] = next;
    if (next === NONE) header[TAIL] = previous;
    else waiterPrevious[next] = previous;
    header[WAITING]!--;
    waiterWorkers[node] = 0;
    this.#discard(node);
  }
}
