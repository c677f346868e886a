/**
 * The rows as the data plane sees them: how many connections each has, and what a pick may do with it. Called with the
 * lock held.
 */
import type { Picker } from "./algorithms/algorithm.ts";
import {
  CLOSED,
  FREE,
  FULL,
  LAST_RESORT,
  LAST_RESORT_FULL,
  LEFT,
  OPEN,
  ROOM_EVENTS,
  SPAN,
  STANDING,
  STANDINGS,
  SUSPECT,
  UP,
} from "./layout.ts";
import type { Memory } from "./table.ts";
import { levelsFor, MinTree, NEVER } from "./tree.ts";

/** Weight of a new sample in the smoothed connect time, as TCP smooths its round trip (RFC 6298). */
const CONNECT_GAIN = 1 / 8;
const ROOM_EVENTS_MASK = 0x7fff_ffff;

export class Rows {
  readonly #memory: Memory;
  readonly #picker: Picker;
  readonly #worker: number;
  /** Suspects with room, the one that failed longest ago first. */
  readonly #suspects: MinTree;

  constructor(memory: Memory, picker: Picker, worker: number) {
    this.#memory = memory;
    this.#picker = picker;
    this.#worker = worker;
    this.#suspects = new MinTree(memory.header, memory.suspectKeys, memory.pickedAt, memory.suspectNodes);
  }

  /** For the creator, once. */
  clear(): void {
    this.#suspects.clear();
    this.#memory.connectMs.fill(-1);
  }

  /** The suspect to be tried when nothing is up, or -1. */
  lastResort(tried: readonly number[]): number {
    return this.#memory.header[STANDING + LAST_RESORT] === 0 ? -1 : this.#suspects.best(tried);
  }

  /** Whether a target that is not in `tried` is at its limit. */
  anyFull(tried: readonly number[]): boolean {
    const { header, standing } = this.#memory;
    let full = header[STANDING + FULL]! + header[STANDING + LAST_RESORT_FULL]!;
    for (let i = 0; i < tried.length; i++) {
      const at = standing[tried[i]!];
      if ((at === FULL || at === LAST_RESORT_FULL) && tried.indexOf(tried[i]!) === i) full--;
    }
    return full > 0;
  }

  /** One connection more. */
  take(row: number): void {
    const { active, heldRows, rows } = this.#memory;
    heldRows[this.#worker * rows + row]!++;
    active[row]!++;
    this.#picker.took(row);
    this.refresh(row);
  }

  /** One connection less; the last one of a target that has left frees the row. */
  give(row: number): void {
    const { active, heldRows, rows, state } = this.#memory;
    if (heldRows[this.#worker * rows + row]! <= 0) {
      throw new Error(`row ${row} was released by a worker that has no connection on it`);
    }
    heldRows[this.#worker * rows + row]!--;
    active[row]!--;
    if (state[row] === LEFT && active[row] === 0) state[row] = FREE;
    this.refresh(row);
  }

  connected(row: number, ms: number): void {
    const { connectMs, state, total } = this.#memory;
    total[row]!++;
    const smoothed = connectMs[row]!;
    connectMs[row] = smoothed < 0 ? ms : smoothed + CONNECT_GAIN * (ms - smoothed);
    if (state[row] === SUSPECT) {
      state[row] = UP;
      this.refresh(row);
    }
  }

  failed(row: number, now: number): void {
    const { failedAt, failures, state } = this.#memory;
    failures[row]!++;
    failedAt[row] = now;
    if (state[row] === UP) state[row] = SUSPECT;
    this.give(row);
  }

  /** Derives the row's standing after any change of its state, weight, limit or active count, and tells who must know. */
  refresh(row: number): void {
    const { failedAt, header, standing } = this.#memory;
    const before = standing[row]!;
    const after = this.#derive(row);
    if (after !== before) {
      standing[row] = after;
      header[STANDING + before]!--;
      header[STANDING + after]!++;
      if (after === OPEN || after === LAST_RESORT) header[ROOM_EVENTS] = (header[ROOM_EVENTS]! + 1) & ROOM_EVENTS_MASK;
    }
    if (after === LAST_RESORT) this.#suspects.set(row, failedAt[row]!);
    else if (before === LAST_RESORT) this.#suspects.set(row, NEVER);
    this.#picker.changed(row);
  }

  /** Rows below `span` are in use from now on. */
  grow(span: number): void {
    const { header } = this.#memory;
    const before = header[SPAN]!;
    header[STANDING + CLOSED]! += span - before;
    header[SPAN] = span;
    if (levelsFor(span) === levelsFor(before)) return;
    this.#suspects.rebuild();
    this.#picker.rebuild();
  }

  /** Takes back what a dead worker held and derives everything anew that it may have left half done. */
  repair(dead: number): void {
    const { active, header, heldRows, rows, standing, state, suspectKeys, failedAt } = this.#memory;
    const span = header[SPAN]!;
    heldRows.fill(0, dead * rows, (dead + 1) * rows);
    active.fill(0);
    for (let at = 0; at < heldRows.length; at += rows) {
      for (let row = 0; row < span; row++) active[row]! += heldRows[at + row]!;
    }
    header.fill(0, STANDING, STANDING + STANDINGS);
    for (let row = 0; row < span; row++) {
      if (state[row] === LEFT && active[row] === 0) state[row] = FREE;
      standing[row] = this.#derive(row);
      header[STANDING + standing[row]!]!++;
      suspectKeys[row] = standing[row] === LAST_RESORT ? failedAt[row]! : NEVER;
    }
    header[ROOM_EVENTS] = (header[ROOM_EVENTS]! + 1) & ROOM_EVENTS_MASK;
    this.#suspects.rebuild();
    this.#picker.rebuild();
  }

  #derive(row: number): number {
    const { active, maxConnections, state, weight } = this.#memory;
    const is = state[row];
    if (weight[row] === 0 || (is !== UP && is !== SUSPECT)) return CLOSED;
    const room = maxConnections[row] === 0 || active[row]! < maxConnections[row]!;
    if (is === UP) return room ? OPEN : FULL;
    return room ? LAST_RESORT : LAST_RESORT_FULL;
  }
}
