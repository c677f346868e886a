/** Which row a connection gets: the client's binding, then the algorithm, backups and suspects in their turn. Called with the lock held. */
import { type ClientKey, hasAddress } from "../util/client-key.ts";
import type { Picker, Pickers } from "./algorithms/algorithm.ts";
import type { Ejection } from "./ejection.ts";
import {
  BACKUP,
  BACKUP_FULL,
  COUNTS,
  CREDITED,
  FULL,
  HOLDING,
  OPEN,
  PATIENCE,
  QUIET,
  ROOM_EVENTS,
  TRIAL,
} from "./header.ts";
import type { PoolLayout } from "./layout.ts";
import { UNTRIED } from "./queue.ts";
import type { Rows } from "./rows.ts";
import type { Bindings } from "./sticky.ts";
import { MAY_WAIT, NO_TARGET } from "./types.ts";

interface Parts {
  readonly layout: PoolLayout;
  readonly pickers: Pickers;
  readonly rows: Rows;
  readonly ejection: Ejection;
  readonly bindings: Bindings | null;
}

/** In place of what a connection has tried. */
const NONE: readonly number[] = [];

export class Choice {
  /** ROOM_EVENTS when this thread's last pick found every target full. */
  sawRoom = UNTRIED;
  readonly #layout: PoolLayout;
  readonly #picker: Picker;
  readonly #backups: Picker;
  readonly #rows: Rows;
  readonly #ejection: Ejection;
  readonly #bindings: Bindings | null;

  constructor({ layout, pickers, rows, ejection, bindings }: Parts) {
    this.#layout = layout;
    [this.#picker, this.#backups] = pickers;
    this.#rows = rows;
    this.#ejection = ejection;
    this.#bindings = bindings;
  }

  /** Without the lock, before each pick. */
  prepare(): void {
    this.#picker.prepare();
    if (this.#layout.header[COUNTS + BACKUP] !== 0) this.#backups.prepare();
  }

  /** The row, which has then one connection more; or NO_TARGET or MAY_WAIT: see SharedPool.pick(). */
  pick(client: ClientKey, tried: readonly number[], now: number): number {
    if (this.#layout.header[CREDITED] !== 0) this.#rows.lapse(now);
    if (this.#layout.header[TRIAL] !== 0) {
      const row = this.#tryOut(client, tried, now);
      if (row >= 0) return row;
    }
    let row = this.#pickAny(client, tried, now);
    // Who waits for a target may have one that it has tried before: it is up again.
    if (row < 0 && tried.length > 0 && this.#patient && !this.#rows.anyAtLimit(tried))
      row = this.#pickAny(client, NONE, now);
    if (row < 0) return this.#lackOfRow(tried);
    this.#rows.addConnection(row);
    return row;
  }

  /** Whether the client has a binding, and that target keeps it. */
  isBound(client: ClientKey, now: number): boolean {
    const slot = this.#bindings?.find(client, now) ?? -1;
    const row = slot < 0 ? -1 : this.#bindings!.row(slot);
    return row >= 0 && this.#serves(row, NONE);
  }

  #pickAny(client: ClientKey, tried: readonly number[], now: number): number {
    const unbound = this.#bindings === null || !hasAddress(client);
    return unbound ? this.#choose(client, tried, now) : this.#pickBound(client, tried, now);
  }

  /** The row that is to be tried, or -1. The client keeps the binding that it may have, and gets none. */
  #tryOut(client: ClientKey, tried: readonly number[], now: number): number {
    const row = this.#ejection.takeTrial(tried, now);
    if (row < 0) return -1;
    const slot = this.#bindings?.find(client, now) ?? -1;
    if (slot >= 0) {
      this.#bindings!.open(slot);
      this.#bindings!.touch(slot, now);
    }
    this.#rows.addConnection(row);
    return row;
  }

  #pickBound(client: ClientKey, tried: readonly number[], now: number): number {
    const bindings = this.#bindings!;
    const slot = bindings.find(client, now);
    const bound = slot < 0 ? -1 : bindings.row(slot);
    if (bound < 0 || tried.includes(bound) || !this.#serves(bound, tried)) {
      const row = this.#choose(client, tried, now);
      if (row >= 0) bindings.bind(client, row, now);
      return row;
    }
    const availability = this.#layout.availability[bound];
    const row = availability === OPEN || availability === BACKUP ? bound : this.#choose(client, tried, now);
    if (row >= 0) bindings.open(slot);
    bindings.touch(slot, now);
    return row;
  }

  /** Whether the target keeps the clients that are bound to it: it is up, even if it is full or silent for a moment, and if it is a backup, backups serve. */
  #serves(row: number, tried: readonly number[]): boolean {
    const availability = this.#layout.availability[row];
    if (availability === OPEN || availability === FULL || availability === QUIET) return true;
    return (availability === BACKUP || availability === BACKUP_FULL) && this.#rows.backupsServe(tried);
  }

  #choose(client: ClientKey, tried: readonly number[], now: number): number {
    const row = this.#picker.pick(client, tried, now);
    return row >= 0 ? row : this.#chooseWorse(client, tried, now);
  }

  /**
   * No target that is up has room, but for quiet ones and backups: one of these, or a suspect; or -1. A better one that is merely full is worth waiting
   * for, the more so as a suspect is probably dead and would hold the client for the whole connect time-out.
   */
  #chooseWorse(client: ClientKey, tried: readonly number[], now: number): number {
    const quiet = this.#layout.header[COUNTS + QUIET] === 0 ? -1 : this.#rows.quiet(tried);
    if (quiet >= 0) return quiet;
    if (this.#rows.any(FULL, tried)) return -1;
    const row = this.#layout.header[COUNTS + BACKUP] === 0 ? -1 : this.#backups.pick(client, tried, now);
    if (row >= 0 || this.#holding || this.#patient || this.#rows.any(BACKUP_FULL, tried)) return row;
    return this.#rows.lastResort(tried);
  }

  #lackOfRow(tried: readonly number[]): number {
    if (this.#holding) {
      this.sawRoom = UNTRIED; // it may be a suspect's turn once the hold is over
      return MAY_WAIT;
    }
    if (!this.#rows.anyAtLimit(tried)) {
      this.sawRoom = UNTRIED;
      return this.#patient ? MAY_WAIT : NO_TARGET;
    }
    this.sawRoom = this.#layout.header[ROOM_EVENTS]!;
    return MAY_WAIT;
  }

  get #holding(): boolean {
    return this.#layout.header[HOLDING] === 1;
  }

  get #patient(): boolean {
    return this.#layout.header[PATIENCE] !== 0;
  }
}
