/**
 * The concurrency limit and the FIFO of those who wait for a place, or for a target with room. A doubly linked list over
 * shared nodes: every operation is O(1). Called with the lock held.
 */

import {
  ARRIVALS,
  CONCURRENCY,
  FREE_NODE,
  FULL,
  HEAD,
  LAST_RESORT,
  LAST_RESORT_FULL,
  NODES,
  OPEN,
  PLACES,
  ROOM_EVENTS,
  STANDING,
  TAIL,
  WAITING,
} from "./layout.ts";
import type { Memory } from "./table.ts";
import { ADMITTED, type Grant, REFUSED } from "./types.ts";

const NONE = -1;
/** Has not been told that every target is full. */
export const UNTRIED = -1;
/** A generation takes 24 bits and a node number 24 at most, so the number of a waiter is exact. */
const GENERATIONS = 1 << 24;

export class Queue {
  readonly #memory: Memory;
  readonly #worker: number;

  constructor(memory: Memory, worker: number) {
    this.#memory = memory;
    this.#worker = worker;
  }

  /** For the creator, once. */
  clear(): void {
    const { header } = this.#memory;
    header[HEAD] = NONE;
    header[TAIL] = NONE;
    header[FREE_NODE] = NONE;
  }

  enter(ticket: number): number {
    if (this.#memory.header[WAITING]! > 0 || !this.#placeFree()) return this.enqueue(ticket, UNTRIED, false);
    this.#occupy(this.#worker);
    return ADMITTED;
  }

  leave(): void {
    const { header, heldPlaces } = this.#memory;
    if (heldPlaces[this.#worker]! <= 0) throw new Error("a place was given back that this worker does not hold");
    heldPlaces[this.#worker]!--;
    header[PLACES]!--;
  }

  /** To the end of the queue, or to its head. `sawRoom`: ROOM_EVENTS when every target was full, or UNTRIED. */
  enqueue(ticket: number, sawRoom: number, first: boolean): number {
    const memory = this.#memory;
    const { header } = memory;
    const node = this.#takeNode();
    if (node === NONE) return REFUSED;
    const arrival = ++memory.clocks[ARRIVALS]!;
    memory.waiterTickets[node] = ticket;
    memory.waiterArrivals[node] = first ? -arrival : arrival; // for repair(): before all others
    memory.waiterSawRoom[node] = sawRoom;
    memory.waiterWorkers[node] = this.#worker + 1;
    this.#link(node, first ? NONE : header[TAIL]!);
    header[WAITING]!++;
    return memory.waiterGenerations[node]! * memory.waiterTickets.length + node;
  }

  /** False: the waiter has been granted its turn already. */
  cancel(waiter: number): boolean {
    const { waiterGenerations, waiterTickets, waiterWorkers } = this.#memory;
    const node = waiter % waiterTickets.length;
    const generation = Math.floor(waiter / waiterTickets.length);
    if (waiterWorkers[node] !== this.#worker + 1 || waiterGenerations[node] !== generation) return false;
    this.#unlink(node);
    return true;
  }

  grant(): Grant | null {
    const { header, waiterTickets, waiterWorkers } = this.#memory;
    const node = header[HEAD]!;
    if (node === NONE || !this.#placeFree() || !this.#worthTrying(node)) return null;
    const worker = waiterWorkers[node]! - 1;
    const ticket = waiterTickets[node]!;
    this.#occupy(worker);
    this.#unlink(node);
    return { worker, ticket };
  }

  /** Drops what the dead worker held and rebuilds the list, which it may have left half linked, in order of arrival. */
  repair(dead: number): void {
    const memory = this.#memory;
    const { header, heldPlaces, waiterWorkers, waiterArrivals } = memory;
    heldPlaces[dead] = 0;
    header[PLACES] = heldPlaces.reduce((sum, places) => sum + places, 0);
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

  #placeFree(): boolean {
    const { header } = this.#memory;
    return header[CONCURRENCY]! < 0 || header[PLACES]! < header[CONCURRENCY]!;
  }

  #occupy(worker: number): void {
    this.#memory.header[PLACES]!++;
    this.#memory.heldPlaces[worker]!++;
  }

  /**
   * Without any target, waiters are let go to be told so. A waiter that found none with room (it may have tried those that
   * have) is let go again only after a target has come to have room since, or it would go round and round.
   */
  #worthTrying(node: number): boolean {
    const { header, waiterSawRoom } = this.#memory;
    const roomy = header[STANDING + OPEN]! + header[STANDING + LAST_RESORT]!;
    if (roomy === 0) return header[STANDING + FULL]! + header[STANDING + LAST_RESORT_FULL]! === 0;
    return waiterSawRoom[node] !== header[ROOM_EVENTS];
  }

  #takeNode(): number {
    const { header, waiterNext, waiterTickets } = this.#memory;
    const node = header[FREE_NODE]!;
    if (node !== NONE) header[FREE_NODE] = waiterNext[node]!;
    else if (header[NODES]! < waiterTickets.length) return header[NODES]!++;
    return node;
  }

  #discard(node: number): void {
    const { header, waiterGenerations, waiterNext } = this.#memory;
    waiterGenerations[node] = (waiterGenerations[node]! + 1) % GENERATIONS;
    waiterNext[node] = header[FREE_NODE]!;
    header[FREE_NODE] = node;
  }

  /** `previous`: NONE for the head. */
  #link(node: number, previous: number): void {
    const { header, waiterNext, waiterPrevious } = this.#memory;
    const next = previous === NONE ? header[HEAD]! : waiterNext[previous]!;
    waiterPrevious[node] = previous;
    waiterNext[node] = next;
    if (previous === NONE) header[HEAD] = node;
    else waiterNext[previous] = node;
    if (next === NONE) header[TAIL] = node;
    else waiterPrevious[next] = node;
  }

  #unlink(node: number): void {
    const { header, waiterNext, waiterPrevious, waiterWorkers } = this.#memory;
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
