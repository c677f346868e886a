/** Which row a connection gets: the client's binding, then the algorithm, backups and suspects in their turn. Called with the lock held. */
import { type ClientKey, hasAddress } from "../util/client-key.ts";
import type { Picker, Pickers } from "./algorithms/algorithm.ts";
import { BACKUP, BACKUP_FULL, COUNTS, FULL, HOLDING, OPEN, ROOM_EVENTS } from "./header.ts";
import type { PoolLayout } from "./layout.ts";
import { UNTRIED } from "./queue.ts";
import type { Rows } from "./rows.ts";
import type { Bindings } from "./sticky.ts";
import { MAY_WAIT, NO_TARGET } from "./types.ts";

interface Parts {
  readonly layout: PoolLayout;
  readonly pickers: Pickers;
  readonly rows: Rows;
  readonly bindings: Bindings | null;
}

export class Choice {
  /** ROOM_EVENTS when this thread's last pick found every target full. */
  sawRoom = UNTRIED;
  readonly #layout: PoolLayout;
  readonly #picker: Picker;
  readonly #backups: Picker;
  readonly #rows: Rows;
  readonly #bindings: Bindings | null;

  constructor({ layout, pickers, rows, bindings }: Parts) {
    this.#layout = layout;
    [this.#picker, this.#backups] = pickers;
    this.#rows = rows;
    this.#bindings = bindings;
  }

  /** Without the lock, before each pick. */
  prepare(): void {
    this.#picker.prepare();
    if (this.#layout.header[COUNTS + BACKUP] !== 0) this.#backups.prepare();
  }

  /** The row, which has then one connection more; or NO_TARGET or MAY_WAIT: see SharedPool.pick(). */
  pick(client: ClientKey, tried: readonly number[], now: number): number {
    const unbound = this.#bindings === null || !hasAddress(client);
    const row = unbound ? this.#choose(client, tried) : this.#pickBound(client, tried, now);
    if (row < 0) return this.#lackOfRow(tried);
    this.#rows.addConnection(row);
    return row;
  }

  #pickBound(client: ClientKey, tried: readonly number[], now: number): number {
    const bindings = this.#bindings!;
    const slot = bindings.find(client, now);
    const bound = slot < 0 ? -1 : bindings.row(slot);
    if (bound < 0 || tried.includes(bound) || !this.#serves(bound, tried)) {
      const row = this.#choose(client, tried);
      if (row >= 0) bindings.bind(client, row, now);
      return row;
    }
    const availability = this.#layout.availability[bound];
    const row = availability === OPEN || availability === BACKUP ? bound : this.#choose(client, tried);
    if (row >= 0) bindings.open(slot);
    bindings.touch(slot, now);
    return row;
  }

  /** Whether the target keeps the clients that are bound to it: it is up, even if it is full, and if it is a backup, backups serve. */
  #serves(row: number, tried: readonly number[]): boolean {
    const availability = this.#layout.availability[row];
    if (availability === OPEN || availability === FULL) return true;
    return (availability === BACKUP || availability === BACKUP_FULL) && this.#rows.backupsServe(tried);
  }

  #choose(client: ClientKey, tried: readonly number[]): number {
    const row = this.#picker.pick(client, tried);
    return row >= 0 ? row : this.#chooseWorse(client, tried);
  }

  /**
   * No target that is up has room, but for backups: a backup, or a suspect; or -1. A better one that is merely full is worth waiting
   * for, the more so as a suspect is probably dead and would hold the client for the whole connect time-out.
   */
  #chooseWorse(client: ClientKey, tried: readonly number[]): number {
    if (this.#rows.any(FULL, tried)) return -1;
    const row = this.#layout.header[COUNTS + BACKUP] === 0 ? -1 : this.#backups.pick(client, tried);
    if (row >= 0 || this.#holding || this.#rows.any(BACKUP_FULL, tried)) return row;
    return this.#rows.lastResort(tried);
  }

  #lackOfRow(tried: readonly number[]): number {
    if (this.#holding) {
      this.sawRoom = UNTRIED; // it may be a suspect's turn once the hold is over
      return MAY_WAIT;
    }
    if (!this.#rows.anyAtLimit(tried)) return NO_TARGET;
    this.sawRoom = this.#layout.header[ROOM_EVENTS]!;
    return MAY_WAIT;
  }

  get #holding(): boolean {
    return this.#layout.header[HOLDING] === 1;
  }
}
