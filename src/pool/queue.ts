/**
 * The permits, and the queue of connections that wait for one or for a target with room: first in, first out. A doubly linked
 * list of nodes in shared memory, so that every operation is O(1). Called with the lock held.
 *
 * A turn is granted to one waiter at a time. It picks its target in its own thread, and only after that pick is it certain
 * whether there is room for the next waiter too; if two were granted at once, the later could take the room of the earlier.
 * Whose turn it is stands in shared memory, where the waiter's thread finds it: a thread that dies before it has told the other
 * one loses nothing, as the next call of grant() by anybody names the same waiter again.
 * So it is with a waiter that has lost its place to a newcomer (silent.ts).
 */
import {
  ARRIVALS,
  BACKUP,
  BACKUP_FULL,
  CONCURRENCY,
  COUNTS,
  FREE_NODE,
  FULL,
  GRANTED,
  HEAD,
  HOLDING,
  LAST_RESORT,
  LAST_RESORT_FULL,
  MISSED,
  NODES,
  OPEN,
  PATIENCE,
  PERMITS,
  QUIET,
  ROOM_EVENTS,
  TAIL,
  TRIAL,
  WAITING,
} from "./header.ts";
import type { PoolLayout } from "./layout.ts";
import { NONE, NodeList } from "./node-list.ts";
import { SilentWaiters } from "./silent.ts";
import { ADMITTED, type Grant, REFUSED } from "./types.ts";

/** In place of ROOM_EVENTS: the connection has not been told that every target is full. */
export const UNTRIED = -1;
/** In place of the ticket of one that has lost its place and is over before it was told. */
const GONE = -1;
/** Above the number of any node (MAX_QUEUE), and the same for every length of the queue, which may change while connections wait. */
const NODE_NUMBERS = 2 ** 25;
/** A generation takes 24 bits, so the number of a waiter, made of it and of its node's, is exact. */
const GENERATIONS = 1 << 24;

export class Queue {
  readonly #layout: PoolLayout;
  readonly #worker: number;
  /** How many may wait. */
  readonly #most: number;
  /** Those that wait, in order of arrival. */
  readonly #line: NodeList;
  readonly #silent: SilentWaiters;

  constructor(layout: PoolLayout, worker: number, most: number) {
    const { header, waiterNext, waiterPrevious } = layout;
    this.#layout = layout;
    this.#worker = worker;
    this.#most = most;
    this.#line = new NodeList(header, { head: HEAD, tail: TAIL, length: WAITING }, waiterNext, waiterPrevious);
    this.#silent = new SilentWaiters(layout, most);
  }

  /** For the creator, once. */
  clear(): void {
    this.#line.clear();
    this.#silent.clear();
    this.#layout.header[FREE_NODE] = NONE;
  }

  enter(ticket: number): number {
    if (this.#layout.header[WAITING]! > 0 || !this.#hasFreePermit()) return this.enqueue(ticket, UNTRIED);
    this.#givePermit(this.#worker);
    return ADMITTED;
  }

  leave(): void {
    const { header, heldPermits } = this.#layout;
    if (heldPermits[this.#worker]! <= 0) throw new Error("a permit was given back that this worker does not hold");
    heldPermits[this.#worker]!--;
    header[PERMITS]!--;
  }

  /** At the end of the queue. `sawRoom`: ROOM_EVENTS when every target was full, or UNTRIED. */
  enqueue(ticket: number, sawRoom: number): number {
    const layout = this.#layout;
    if (this.#line.length >= this.#most && !this.giveWay()) return REFUSED;
    const node = this.#takeNode();
    layout.waiterTickets[node] = ticket;
    layout.waiterWorkers[node] = this.#worker + 1;
    this.#append(node, sawRoom);
    return layout.waiterGenerations[node]! * NODE_NUMBERS + node;
  }

  /** False: there is no such waiter of this worker. If it was granted its turn, its permit is free again. */
  cancel(waiter: number): boolean {
    const { header, waiterTickets } = this.#layout;
    const node = this.#nodeOf(waiter);
    if (node === NONE) return false;
    if (this.#silent.hasLost(node)) {
      waiterTickets[node] = GONE;
      this.#endGeneration(node);
      return true;
    }
    if (header[GRANTED] === node + 1) {
      header[PERMITS]!--;
      this.#setGranted(0);
    } else {
      this.#line.remove(node);
    }
    this.#discard(node);
    return true;
  }

  /** This waiter has half-closed, and had sent nothing. */
  silent(waiter: number): void {
    const node = this.#nodeOf(waiter);
    if (node !== NONE) this.#silent.add(node);
  }

  /** Has the waiter that has been silent for longest lose its place. False: there is nobody to give way. */
  giveWay(): boolean {
    const node = this.#silent.next(this.#layout.header[GRANTED]! - 1);
    if (node === NONE) return false;
    this.#line.remove(node);
    this.#silent.lose(node);
    return true;
  }

  /** The ticket of one of this worker's waiters that has lost its place, or -1 when there is none. */
  takeLost(): number {
    for (let node = this.#silent.takeLost(this.#worker); node !== NONE; node = this.#silent.takeLost(this.#worker)) {
      const ticket = this.#layout.waiterTickets[node]!;
      this.#discard(node);
      if (ticket !== GONE) return ticket;
    }
    return -1;
  }

  /** Whose turn it is, or becomes now. */
  grant(): Grant | null {
    const { header, waiterTickets, waiterWorkers } = this.#layout;
    if (header[GRANTED] === 0) {
      header[MISSED] = 0;
      const first = header[HEAD]!;
      if (first === NONE || !this.#hasFreePermit() || !this.#worthTrying(first)) return null;
      this.#line.remove(first);
      header[PERMITS]!++; // of no worker until it has picked: repair() could not tell whether that one has it yet
      this.#setGranted(first + 1);
    } else {
      header[MISSED] = 1;
    }
    const node = header[GRANTED]! - 1;
    return { worker: waiterWorkers[node]! - 1, ticket: waiterTickets[node]! };
  }

  /** This worker's waiter, whose turn it is, has picked and waits no more. It holds the permit. */
  endTurn(ticket: number): void {
    const node = this.#grantedNode(ticket);
    this.#layout.heldPermits[this.#worker]!++;
    this.#setGranted(0);
    this.#discard(node);
  }

  /**
   * This worker's waiter, whose turn it is, found every target full: it gives the permit back and waits on. `overtaken`: it has
   * tried none, so another connection took the room it was granted for; it stays where it was, at the head. Else it waits at the
   * end. It had its place before those that have come since, so it is never refused.
   */
  returnTurn(ticket: number, sawRoom: number, overtaken: boolean): void {
    const { header, waiterSawRoom } = this.#layout;
    const node = this.#grantedNode(ticket);
    header[PERMITS]!--;
    this.#setGranted(0);
    if (!overtaken) {
      this.#append(node, sawRoom);
      return;
    }
    waiterSawRoom[node] = sawRoom;
    this.#line.prepend(node);
  }

  /**
   * Takes back the dead worker's permits, forgets its waiters, and links the others anew in their order, since it may have left any
   * list half linked.
   */
  repair(dead: number): void {
    const layout = this.#layout;
    const { header, heldPermits, waiterArrivals, waiterWorkers } = layout;
    const granted = header[GRANTED]! - 1;
    if (granted >= 0 && waiterWorkers[granted] === dead + 1) this.#setGranted(0);
    heldPermits[dead] = 0;
    header[PERMITS] = heldPermits.reduce((sum, held) => sum + held, header[GRANTED] === 0 ? 0 : 1);
    const nodes = Array.from({ length: header[NODES]! }, (_, node) => node);
    this.clear();
    for (const node of nodes) {
      if (waiterWorkers[node] !== 0 && waiterWorkers[node] !== dead + 1) continue;
      this.#silent.unmark(node);
      this.#discard(node);
    }
    const known = nodes.filter((node) => waiterWorkers[node] !== 0);
    const waiters = known.filter((node) => !this.#silent.hasLost(node) && node + 1 !== header[GRANTED]);
    for (const node of waiters.sort((a, b) => waiterArrivals[a]! - waiterArrivals[b]!)) this.#line.append(node);
    this.#silent.repair(known);
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
   * When there is no target at all, waiters get their turn to be told so, unless they wait until there is one. A waiter that
   * found none with room (it may have tried those that have) gets another turn only after a target has come to have room, or it
   * would go round and round. One that has tried none yet waits for a full target rather than have a backup
   * or a suspect, as its pick would say. A target that is to be tried (ejection.ts) is tried by whoever comes first.
   */
  #worthTrying(node: number): boolean {
    const { header, waiterSawRoom } = this.#layout;
    if (header[HOLDING] === 1) return false;
    const count = (availability: number) => header[COUNTS + availability]!;
    if (header[TRIAL] !== 0) return true;
    const isPatient = header[PATIENCE] !== 0;
    const open = count(OPEN) + count(QUIET);
    const roomy = open + count(BACKUP) + (isPatient ? 0 : count(LAST_RESORT));
    if (roomy === 0 && isPatient) return false;
    if (roomy === 0) return count(FULL) + count(BACKUP_FULL) + count(LAST_RESORT_FULL) === 0;
    if (waiterSawRoom[node] === UNTRIED) {
      if (open > 0 || count(FULL) > 0) return open > 0;
      return count(BACKUP) > 0 || count(BACKUP_FULL) === 0;
    }
    return waiterSawRoom[node] !== header[ROOM_EVENTS];
  }

  /** Read without the lock by the thread whose turn it may be. */
  #setGranted(granted: number): void {
    Atomics.store(this.#layout.header, GRANTED, granted);
  }

  #grantedNode(ticket: number): number {
    const { header, waiterTickets, waiterWorkers } = this.#layout;
    const node = header[GRANTED]! - 1;
    if (node < 0 || waiterWorkers[node] !== this.#worker + 1 || waiterTickets[node] !== ticket) {
      throw new Error(`it is not the turn of worker ${this.#worker}'s connection ${ticket}`);
    }
    return node;
  }

  /** There is one: fewer wait than there are nodes, and it is the turn of one at most. */
  #takeNode(): number {
    const { header, waiterNext } = this.#layout;
    const node = header[FREE_NODE]!;
    if (node === NONE) return header[NODES]!++;
    header[FREE_NODE] = waiterNext[node]!;
    return node;
  }

  #discard(node: number): void {
    const { header, waiterNext, waiterWorkers } = this.#layout;
    this.#silent.forget(node);
    waiterWorkers[node] = 0;
    this.#endGeneration(node);
    waiterNext[node] = header[FREE_NODE]!;
    header[FREE_NODE] = node;
  }

  #endGeneration(node: number): void {
    const { waiterGenerations } = this.#layout;
    waiterGenerations[node] = (waiterGenerations[node]! + 1) % GENERATIONS;
  }

  /** NONE: this worker has no such waiter. */
  #nodeOf(waiter: number): number {
    const { waiterGenerations, waiterWorkers } = this.#layout;
    const node = waiter % NODE_NUMBERS;
    const generation = Math.floor(waiter / NODE_NUMBERS);
    const known = waiterWorkers[node] === this.#worker + 1 && waiterGenerations[node] === generation;
    return known ? node : NONE;
  }

  #append(node: number, sawRoom: number): void {
    const { clocks, waiterArrivals, waiterSawRoom } = this.#layout;
    waiterArrivals[node] = ++clocks[ARRIVALS]!;
    waiterSawRoom[node] = sawRoom;
    this.#line.append(node);
  }
}
