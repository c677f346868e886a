/** How many connections each row has, and what a pick may do with it. Called with the lock held. */
import { type NetCode, numberOf } from "../util/net-codes.ts";
import type { Pickers } from "./algorithms/algorithm.ts";
import {
  AVAILABILITIES,
  BACKUP,
  BACKUP_FULL,
  CLOSED,
  COUNTS,
  FREE,
  FULL,
  HOLDING,
  LAST_RESORT,
  LAST_RESORT_FULL,
  LEFT,
  OPEN,
  ROOM_EVENTS,
  SPAN,
  SUSPECT,
  UP,
} from "./header.ts";
import type { PoolLayout } from "./layout.ts";
import { levelsFor, MinTree, NEVER } from "./tree.ts";

/** Weight of a new sample in the smoothed connect time, as TCP smooths its round trip (RFC 6298). */
const CONNECT_GAIN = 1 / 8;
/** Raises the key of a suspect backup above every other suspect's: their times in ms stay below it, and beside it keep steps of 1/256 ms. */
const BACKUPS_LAST = 2 ** 44;
const ROOM_EVENTS_MASK = 0x7fff_ffff;

export class Rows {
  readonly #layout: PoolLayout;
  readonly #pickers: Pickers;
  readonly #worker: number;
  /** Suspects that have room; the best is the one that failed longest ago, backups last. */
  readonly #suspects: MinTree;

  constructor(layout: PoolLayout, pickers: Pickers, worker: number) {
    this.#layout = layout;
    this.#pickers = pickers;
    this.#worker = worker;
    this.#suspects = new MinTree(layout.header, layout.pickedAt, layout.suspects);
  }

  /** Whether a row that is not in `tried` has this availability. */
  any(wanted: number, tried: readonly number[]): boolean {
    const { header, availability } = this.#layout;
    let count = header[COUNTS + wanted]!;
    for (let i = 0; i < tried.length; i++) {
      if (availability[tried[i]!] === wanted && tried.indexOf(tried[i]!) === i) count--;
    }
    return count > 0;
  }

  /** Whether backups may be picked: no other target that is up is left. */
  backupsServe(tried: readonly number[]): boolean {
    return !this.any(OPEN, tried) && !this.any(FULL, tried);
  }

  /** The suspect to be tried when nothing that is up is left; -1: there is none. */
  lastResort(tried: readonly number[]): number {
    return this.#layout.header[COUNTS + LAST_RESORT] === 0 ? -1 : this.#suspects.best(tried);
  }

  /** Whether a target that is not in `tried`, whichever, is at its limit. */
  anyAtLimit(tried: readonly number[]): boolean {
    return this.any(FULL, tried) || this.any(BACKUP_FULL, tried) || this.any(LAST_RESORT_FULL, tried);
  }

  /** One connection more. */
  addConnection(row: number): void {
    const { active, backup, heldRows, rows } = this.#layout;
    heldRows[this.#worker * rows + row]!++;
    active[row]!++;
    this.#pickers[backup[row]!]!.onPicked(row);
    this.refresh(row);
  }

  /** One connection less; the last one of a target that has left frees the row. */
  removeConnection(row: number): void {
    const { active, heldRows, rows, state } = this.#layout;
    if (heldRows[this.#worker * rows + row]! <= 0) {
      throw new Error(`row ${row} was released by a worker that has no connection on it`);
    }
    heldRows[this.#worker * rows + row]!--;
    active[row]!--;
    if (state[row] === LEFT && active[row] === 0) state[row] = FREE;
    this.refresh(row);
  }

  connected(row: number, ms: number): void {
    const { connectMs, state, total } = this.#layout;
    const smoothed = connectMs[row]!;
    connectMs[row] = total[row] === 0 ? ms : smoothed + CONNECT_GAIN * (ms - smoothed);
    total[row]!++;
    if (state[row] === SUSPECT) {
      state[row] = UP;
      this.refresh(row);
    }
  }

  failed(row: number, now: number, code: NetCode): void {
    const { failedAt, failure, failures, state } = this.#layout;
    failures[row]!++;
    failedAt[row] = now;
    failure[row] = numberOf(code);
    if (state[row] === UP) state[row] = SUSPECT;
    this.removeConnection(row);
  }

  /** To be called after any change of the row's state, weight, limit or active count, or of its being a backup: brings up to date what follows from them. */
  refresh(row: number): void {
    const { backup, header, availability } = this.#layout;
    const before = availability[row]!;
    const after = this.#derive(row);
    if (after !== before) {
      availability[row] = after;
      header[COUNTS + before]!--;
      header[COUNTS + after]!++;
      if (after === OPEN || after === BACKUP) header[HOLDING] = 0;
      // A full one that goes is as good as room: backups and suspects may be tried once no healthy target is merely full.
      const isRoom = after === OPEN || after === BACKUP || after === LAST_RESORT;
      if (isRoom || before === FULL || before === BACKUP_FULL) {
        header[ROOM_EVENTS] = (header[ROOM_EVENTS]! + 1) & ROOM_EVENTS_MASK;
      }
    }
    if (after === LAST_RESORT || before === LAST_RESORT) this.#suspects.set(row, this.#suspectKey(row));
    this.#pickers[backup[row]!]!.onChanged(row);
  }

  /** Rows below `span` are in use from now on. */
  grow(span: number): void {
    const { header } = this.#layout;
    const before = header[SPAN]!;
    header[COUNTS + CLOSED]! += span - before;
    header[SPAN] = span;
    this.#suspects.grow(before, span);
    for (const picker of this.#pickers) picker.grow(before, span);
    if (levelsFor(span) !== levelsFor(before)) this.rebuild();
  }

  /** Takes back the connections of a dead worker and derives everything anew that it may have left half done. */
  repair(dead: number): void {
    const { active, header, heldRows, rows, availability, state } = this.#layout;
    const span = header[SPAN]!;
    heldRows.fill(0, dead * rows, (dead + 1) * rows);
    active.fill(0);
    for (let at = 0; at < heldRows.length; at += rows) {
      for (let row = 0; row < span; row++) active[row]! += heldRows[at + row]!;
    }
    header.fill(0, COUNTS, COUNTS + AVAILABILITIES);
    for (let row = 0; row < span; row++) {
      if (state[row] === LEFT && active[row] === 0) state[row] = FREE;
      availability[row] = this.#derive(row);
      header[COUNTS + availability[row]!]!++;
      this.#suspects.keys[row] = this.#suspectKey(row);
    }
    header[ROOM_EVENTS] = (header[ROOM_EVENTS]! + 1) & ROOM_EVENTS_MASK;
    this.rebuild();
  }

  /** Derives the trees from the rows and from keys that are right. */
  rebuild(): void {
    this.#suspects.rebuild();
    for (const picker of this.#pickers) picker.rebuild();
  }

  #suspectKey(row: number): number {
    const { availability, backup, failedAt } = this.#layout;
    if (availability[row] !== LAST_RESORT) return NEVER;
    return backup[row] === 1 ? BACKUPS_LAST + failedAt[row]! : failedAt[row]!;
  }

  #derive(row: number): number {
    const { active, backup, maxConnections, state, weight } = this.#layout;
    const is = state[row];
    if (weight[row] === 0 || (is !== UP && is !== SUSPECT)) return CLOSED;
    const room = maxConnections[row] === 0 || active[row]! < maxConnections[row]!;
    if (is === UP && backup[row] === 1) return room ? BACKUP : BACKUP_FULL;
    if (is === UP) return room ? OPEN : FULL;
    return room ? LAST_RESORT : LAST_RESORT_FULL;
  }
}
