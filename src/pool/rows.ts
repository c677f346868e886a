/** How many connections each row has, and what a pick may do with it. Called with the lock held. */
import { type NetCode, numberOf } from "../util/net-codes.ts";
import type { Picker, Pickers } from "./algorithms/algorithm.ts";
import { Groups, rankOf } from "./groups.ts";
import {
  AVAILABILITIES,
  BACKUP,
  BACKUP_FULL,
  CLOSED,
  COUNTS,
  CREDITED,
  FIRST_LAPSE,
  FREE,
  FULL,
  HOLDING,
  HUSHED,
  LAST_RESORT,
  LAST_RESORT_FULL,
  LEFT,
  NEXT,
  NO_ROOM,
  OPEN,
  OUT,
  PICKER,
  QUIET,
  ROOM_EVENTS,
  SERVING,
  SPAN,
  STANDBY,
  SUSPECT,
  UP,
} from "./header.ts";
import type { PoolLayout } from "./layout.ts";
import { isObservedNumber, isSilence, suspicionOfNumber } from "./suspicion.ts";
import { levelsFor, MinTree, NEVER } from "./tree.ts";
import type { Credits } from "./types.ts";

/** Weight of a new sample in the smoothed connect time, as TCP smooths its round trip (RFC 6298). */
const CONNECT_GAIN = 1 / 8;
/** What a rank adds to the key of a suspect: their times, in ms, stay below it, and beside the largest rank keep steps of 1/4 ms. */
const BY_RANK = 2 ** 42;
/** Puts those that answer nobody behind others of their rank: one that refuses costs its client nothing, and may be back at any moment. */
const SILENT_LAST = BY_RANK / 2;
/** Puts the keys of quiet rows, which are their connections, below all others. */
const QUIET_FIRST = 2 ** 44;
const ROOM_EVENTS_MASK = 0x7fff_ffff;

export class Rows {
  readonly #layout: PoolLayout;
  readonly #pickers: Pickers;
  readonly #worker: number;
  readonly #groups: Groups;
  /** Whether targets that are out for what their connections have shown are a last resort. */
  readonly #panic: boolean;
  /** Quiet rows, the best of which has the fewest connections; then suspects that have room, of the smallest rank the one that failed longest ago, silent ones last. */
  readonly #suspects: MinTree;

  constructor(layout: PoolLayout, pickers: Pickers, worker: number, panic: boolean) {
    this.#layout = layout;
    this.#pickers = pickers;
    this.#worker = worker;
    this.#groups = new Groups(layout);
    this.#panic = panic;
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
    return !this.any(OPEN, tried) && !this.any(FULL, tried) && !this.any(QUIET, tried);
  }

  /** A row that is up and has been silent for a moment; -1: there is none. */
  quiet(tried: readonly number[]): number {
    return this.any(QUIET, tried) ? this.#suspects.best(tried) : -1;
  }

  /** The suspect to be tried when nothing that is up is left; -1: there is none. */
  lastResort(tried: readonly number[]): number {
    return this.#layout.header[COUNTS + LAST_RESORT] === 0 ? -1 : this.#suspects.best(tried);
  }

  /** Whether a target that is not in `tried`, whichever, is at its limit. */
  anyAtLimit(tried: readonly number[]): boolean {
    return this.any(FULL, tried) || this.any(BACKUP_FULL, tried) || this.any(LAST_RESORT_FULL, tried);
  }

  /** Whether its limit and its weight let it have another connection. */
  hasRoom(row: number): boolean {
    const { active, limit, weight } = this.#layout;
    return weight[row] !== 0 && (limit[row] === 0 || active[row]! < limit[row]!);
  }

  /** What the row may have here. `refresh()` is to be called. */
  setLimit(row: number, maxConnections: number, credits: Credits | null): void {
    const { clocks, creditsUntil, header, limit } = this.#layout;
    const isOn = maxConnections > 0 && credits !== null;
    this.#layout.maxConnections[row] = maxConnections;
    limit[row] = isOn ? Math.min(maxConnections, credits.count) || NO_ROOM : maxConnections;
    header[CREDITED]! += (isOn ? 1 : 0) - (creditsUntil[row] === 0 ? 0 : 1);
    creditsUntil[row] = isOn ? credits.until : 0;
    if (!isOn) return;
    const isFirst = header[CREDITED] === 1 || credits.until < clocks[FIRST_LAPSE]!;
    if (isFirst) clocks[FIRST_LAPSE] = credits.until;
  }

  /**
   * Takes from rows what they were given for a time that is over. To be called before each pick while there are such rows, and not by a timer:
   * a process that was stopped meanwhile would pick for clients first.
   */
  lapse(now: number): void {
    const { clocks, creditsUntil, header, limit } = this.#layout;
    if (now < clocks[FIRST_LAPSE]!) return;
    let first = Number.POSITIVE_INFINITY;
    for (let row = 0; row < header[SPAN]!; row++) {
      const until = creditsUntil[row]!;
      if (until === 0 || limit[row] === NO_ROOM) continue;
      if (until > now) {
        first = Math.min(first, until);
        continue;
      }
      limit[row] = NO_ROOM;
      this.refresh(row);
    }
    clocks[FIRST_LAPSE] = first;
  }

  /** One connection more. */
  addConnection(row: number): void {
    const { active, heldRows, rows } = this.#layout;
    heldRows[this.#worker * rows + row]!++;
    active[row]!++;
    this.pickerOf(row).onPicked(row);
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

  addBytes(row: number, bytesIn: number, bytesOut: number): void {
    this.#layout.bytesIn[row]! += bytesIn;
    this.#layout.bytesOut[row]! += bytesOut;
  }

  connected(row: number, ms: number): void {
    const { connectMs, state, total } = this.#layout;
    const smoothed = connectMs[row]!;
    connectMs[row] = total[row] === 0 ? ms : smoothed + CONNECT_GAIN * (ms - smoothed);
    total[row]!++;
    if (state[row] === SUSPECT && !isObservedNumber(this.#layout.failure[row]!)) {
      state[row] = UP;
      this.refresh(row);
    }
  }

  /** See SharedPool.answered(). */
  answered(row: number, ms: number, now: number): void {
    this.pickerOf(row).onAnswered(row, ms, now);
  }

  failed(row: number, now: number, code: NetCode): void {
    const { failedAt, failure, failures, state } = this.#layout;
    failures[row]!++;
    failedAt[row] = now;
    const isOut = state[row] === SUSPECT && isObservedNumber(failure[row]!);
    if (!isOut) failure[row] = numberOf(code);
    if (state[row] === UP || state[row] === HUSHED) state[row] = SUSPECT;
    this.removeConnection(row);
  }

  /** To be called after any change of the row's state, weight, limit or active count: brings up to date what follows from them. */
  refresh(row: number): void {
    const after = this.#update(row);
    if (after >= 0 && this.#groups.isStale(row, after)) this.regroup();
  }

  /** Who picks it, or would. */
  pickerOf(row: number): Picker {
    return this.#pickers[(this.#layout.group[row]! & PICKER) as 0 | 1];
  }

  /** Its rank from now on. `refresh()` is to be called, and the picker that had it before is to be told. */
  setRank(row: number, spec: Parameters<typeof rankOf>[0]): void {
    const { group, rank } = this.#layout;
    rank[row] = rankOf(spec);
    group[row] = this.#groups.groupOf(rank[row]!);
  }

  /** Divides the ranks anew, and moves the rows that are in another group then. */
  regroup(): void {
    const { group, header, rank } = this.#layout;
    this.#groups.divide();
    for (let row = 0; row < header[SPAN]!; row++) {
      const of = this.#groups.groupOf(rank[row]!);
      if (of === group[row]) continue;
      const before = this.pickerOf(row);
      group[row] = of;
      const after = this.pickerOf(row);
      if (after !== before) after.onAdded(row);
      this.#update(row);
      if (after !== before) before.onChanged(row);
    }
  }

  /** The row's availability, if it is another one now; otherwise -1. */
  #update(row: number): number {
    const { header, availability } = this.#layout;
    const before = availability[row]!;
    const after = this.#derive(row);
    this.#countOut(row);
    if (after !== before) {
      availability[row] = after;
      header[COUNTS + before]!--;
      header[COUNTS + after]!++;
      if (after === OPEN || after === BACKUP || after === QUIET) header[HOLDING] = 0;
      // A full one that goes is as good as room: backups and suspects may be tried once no healthy target is merely full.
      const isRoom = after === OPEN || after === QUIET || after === BACKUP || after === LAST_RESORT;
      if (isRoom || before === FULL || before === BACKUP_FULL) {
        header[ROOM_EVENTS] = (header[ROOM_EVENTS]! + 1) & ROOM_EVENTS_MASK;
      }
    }
    if (isListed(after) || isListed(before)) this.#suspects.set(row, this.#suspectKey(row));
    this.pickerOf(row).onChanged(row);
    return after === before ? -1 : after;
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
    const { active, group, header, heldRows, isOut, rank, rows, availability, state } = this.#layout;
    const span = header[SPAN]!;
    heldRows.fill(0, dead * rows, (dead + 1) * rows);
    active.fill(0);
    for (let at = 0; at < heldRows.length; at += rows) {
      for (let row = 0; row < span; row++) active[row]! += heldRows[at + row]!;
    }
    header.fill(0, COUNTS, COUNTS + AVAILABILITIES);
    header[OUT] = 0;
    isOut.fill(0);
    this.#groups.divide();
    for (let row = 0; row < span; row++) {
      if (state[row] === LEFT && active[row] === 0) state[row] = FREE;
      const before = this.pickerOf(row);
      group[row] = this.#groups.groupOf(rank[row]!);
      if (this.pickerOf(row) !== before) this.pickerOf(row).onAdded(row);
      availability[row] = this.#derive(row);
      this.#countOut(row);
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

  #countOut(row: number): void {
    const { failure, header, isOut, state, weight } = this.#layout;
    const is = state[row] === SUSPECT && weight[row]! > 0 && isObservedNumber(failure[row]!) ? 1 : 0;
    if (is === isOut[row]) return;
    header[OUT]! += is - isOut[row]!;
    isOut[row] = is;
  }

  #suspectKey(row: number): number {
    const { active, availability, failedAt, failure, rank } = this.#layout;
    if (availability[row] === QUIET) return active[row]! - QUIET_FIRST;
    if (availability[row] !== LAST_RESORT) return NEVER;
    const isSilent = isSilence(suspicionOfNumber(failure[row]!));
    return rank[row]! * BY_RANK + (isSilent ? SILENT_LAST : 0) + failedAt[row]!;
  }

  #derive(row: number): number {
    const { active, group, limit, state, weight } = this.#layout;
    const is = state[row];
    if (weight[row] === 0 || (is !== UP && is !== SUSPECT && is !== HUSHED)) return CLOSED;
    const room = limit[row] === 0 || active[row]! < limit[row]!;
    if (is === SUSPECT) {
      if (!this.#panic && isObservedNumber(this.#layout.failure[row]!)) return CLOSED;
      return room ? LAST_RESORT : LAST_RESORT_FULL;
    }
    if (group[row] !== SERVING) return group[row] === NEXT ? (room ? BACKUP : BACKUP_FULL) : STANDBY;
    if (is === HUSHED && room) return QUIET;
    return room ? OPEN : FULL;
  }
}

function isListed(availability: number): boolean {
  return availability === LAST_RESORT || availability === QUIET;
}
