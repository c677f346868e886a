/**
 * Waiters that have half-closed without having sent anything. Such a client may be gone, or wait for a server that speaks first, so it
 * keeps its place while there are others. In a full queue it loses it to a newcomer, whoever has been silent for longest first; its
 * thread finds it among those that have lost. Part of the queue, called with the lock held.
 */
import { LOST, SILENCES, SILENT, SILENT_HEAD, SILENT_TAIL } from "./header.ts";
import { mostLost, type PoolLayout } from "./layout.ts";
import { NONE, NodeList } from "./node-list.ts";

// Values of `waiterSilent`; above these: when it fell silent.
const NOT_SILENT = 0;
const HAS_LOST = -1;

export class SilentWaiters {
  readonly #layout: PoolLayout;
  /** Those that may have lost and not have been told. */
  readonly #mostLost: number;
  readonly #list: NodeList;

  constructor(layout: PoolLayout, most: number) {
    const { header, silentNext, silentPrevious } = layout;
    const words = { head: SILENT_HEAD, tail: SILENT_TAIL, length: SILENT };
    this.#layout = layout;
    this.#mostLost = mostLost(most);
    this.#list = new NodeList(header, words, silentNext, silentPrevious);
  }

  clear(): void {
    this.#list.clear();
  }

  add(node: number): void {
    const { clocks, waiterSilent } = this.#layout;
    if (waiterSilent[node] !== NOT_SILENT) return;
    waiterSilent[node] = ++clocks[SILENCES]!;
    this.#list.append(node);
  }

  /** Its node is to be free. */
  forget(node: number): void {
    const { waiterSilent } = this.#layout;
    if (waiterSilent[node]! > NOT_SILENT) this.#list.remove(node);
    waiterSilent[node] = NOT_SILENT;
  }

  hasLost(node: number): boolean {
    return this.#layout.waiterSilent[node] === HAS_LOST;
  }

  /** Who is to give way to a newcomer, but not the one whose turn it is; NONE: nobody. */
  next(granted: number): number {
    const first = this.#list.first;
    if (this.#layout.header[LOST]! >= this.#mostLost) return NONE;
    return first !== NONE && first === granted ? this.#list.after(first) : first;
  }

  /** It has left the line. */
  lose(node: number): void {
    this.#list.remove(node);
    this.#layout.waiterSilent[node] = HAS_LOST;
    this.#addLost(node);
  }

  /** One of the worker's that have lost, or NONE. */
  takeLost(worker: number): number {
    const { header, lostHeads, waiterNext } = this.#layout;
    const node = lostHeads[worker]! - 1;
    if (node === NONE) return NONE;
    Atomics.store(lostHeads, worker, waiterNext[node]! + 1);
    header[LOST]!--;
    return node;
  }

  /** Links anew those of the nodes in use that are marked. */
  repair(known: readonly number[]): void {
    const { header, lostHeads, waiterSilent } = this.#layout;
    this.#list.clear();
    const silent = known.filter((node) => waiterSilent[node]! > NOT_SILENT);
    for (const node of silent.sort((a, b) => waiterSilent[a]! - waiterSilent[b]!)) this.#list.append(node);
    lostHeads.fill(0);
    header[LOST] = 0;
    for (const node of known) if (this.hasLost(node)) this.#addLost(node);
  }

  /** For a repair: a node that is in no list. */
  unmark(node: number): void {
    this.#layout.waiterSilent[node] = NOT_SILENT;
  }

  /** Its thread looks there without the lock. */
  #addLost(node: number): void {
    const { header, lostHeads, waiterNext, waiterWorkers } = this.#layout;
    const worker = waiterWorkers[node]! - 1;
    waiterNext[node] = lostHeads[worker]! - 1;
    Atomics.store(lostHeads, worker, node + 1);
    header[LOST]!++;
  }
}
