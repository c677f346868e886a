/**
 * Which targets serve, which serve when none of those can, and which stand by. A target's rank says who comes first: its priority, and
 * after all of those the backups, by theirs. Of the ranks that have a target that is up, the smallest serves and the one after it is
 * next; a pick knows these two groups and no more, so that it costs the same however many ranks there are.
 *
 * Two words of the header divide the ranks. They are divided anew by the thread that finds a target up or not, before it frees the
 * lock: when a target that is up comes before those of its group, or when a group has nobody left while others stand by. So a pool
 * with no ranks but two, as with backups and without priorities, never is.
 */
import {
  BACKUP,
  BACKUP_FULL,
  COUNTS,
  FULL,
  HUSHED,
  NEXT,
  NEXT_RANK,
  OPEN,
  QUIET,
  REGROUPED,
  SERVING,
  SERVING_RANK,
  SPAN,
  STANDBY,
  STANDING_BY,
  UP,
} from "./header.ts";
import type { PoolLayout } from "./layout.ts";
import { MAX_PRIORITY, type TargetSpec } from "./types.ts";

/** The rank of backups that have no priority: next, where nobody has said more than that they are backups. */
export const FIRST_BACKUP = MAX_PRIORITY + 1;
const RANKS = 2 * FIRST_BACKUP;

export function rankOf({ priority = 0, backup = false }: Pick<TargetSpec, "priority" | "backup">): number {
  return backup ? FIRST_BACKUP + priority : priority;
}

export function ofRank(rank: number): { readonly priority: number; readonly backup: boolean } {
  return { priority: rank % FIRST_BACKUP, backup: rank >= FIRST_BACKUP };
}

/** Targets of the group that serves that are up, with full ones. */
export function countServing(header: Int32Array): number {
  return header[COUNTS + OPEN]! + header[COUNTS + QUIET]! + header[COUNTS + FULL]!;
}

/** The same of the group that is next. */
export function countNext(header: Int32Array): number {
  return header[COUNTS + BACKUP]! + header[COUNTS + BACKUP_FULL]!;
}

/** The largest rank that is picked from: of all of them suspects, where no target is up. */
export function picksUpTo(header: Int32Array): number {
  if (countServing(header) > 0) return header[SERVING_RANK]!;
  return countNext(header) > 0 ? header[NEXT_RANK]! : RANKS;
}

export class Groups {
  readonly #layout: PoolLayout;

  constructor(layout: PoolLayout) {
    this.#layout = layout;
  }

  /** As the ranks are divided now. */
  groupOf(rank: number): number {
    const { header } = this.#layout;
    if (rank <= header[SERVING_RANK]!) return SERVING;
    return rank <= header[NEXT_RANK]! ? NEXT : STANDING_BY;
  }

  /** Whether the ranks are to be divided anew after the row's availability has become this. */
  isStale(row: number, availability: number): boolean {
    const { header, rank } = this.#layout;
    const standsBy = header[COUNTS + STANDBY]! > 0;
    if (standsBy && (countServing(header) === 0 || countNext(header) === 0)) return true;
    if (availability === OPEN || availability === QUIET || availability === FULL)
      return rank[row]! < header[SERVING_RANK]!;
    return (availability === BACKUP || availability === BACKUP_FULL) && rank[row]! < header[NEXT_RANK]!;
  }

  /** Divides the ranks anew; rows that are in another group now are to be moved. While no target is up, all stays as it was. */
  divide(): void {
    const { header, rank } = this.#layout;
    let serving = RANKS;
    let next = RANKS;
    for (let row = 0; row < header[SPAN]!; row++) {
      const of = rank[row]!;
      if (of >= next || of === serving || !this.#isUp(row)) continue;
      if (of > serving) next = of;
      else [serving, next] = [of, serving];
    }
    if (serving === RANKS) return;
    header[SERVING_RANK] = serving;
    header[NEXT_RANK] = next < RANKS || serving >= FIRST_BACKUP ? next : FIRST_BACKUP;
    header[REGROUPED] = (header[REGROUPED]! + 1) | 0;
  }

  #isUp(row: number): boolean {
    const { state, weight } = this.#layout;
    return (state[row] === UP || state[row] === HUSHED) && weight[row]! > 0;
  }
}
