/** How the connections of a pool are shared out among its targets, and who has more than its share. */
import { rankOf, type TargetRow } from "../../pool/pool.ts";

/** By so much of its share may a target be above it: what comes and goes by itself makes that much of a difference. */
const MARGIN = 0.05;

export type Shared = Pick<TargetRow, "identity" | "state" | "priority" | "backup" | "weight" | "active" | "limit">;

/** Those that take load: their connections are what is shared out. One of weight 0 keeps those that it has. */
export function taking<T extends Shared>(rows: readonly T[]): T[] {
  return rows.filter(({ state, weight }) => state === "up" && weight > 0);
}

/**
 * How many connections each has above its share of `total`, as far as others have room below theirs. What is missing of `total` is on its
 * way to them. `rows` are taking load; those of them that serve only when others cannot have no share while those can.
 */
export function surplus(rows: readonly Shared[], total: number): Map<string, number> {
  const first = Math.min(...rows.map(rankOf));
  const shares = sharesOf(
    rows.filter((row) => rankOf(row) === first),
    total,
  );
  let room = rows.reduce((sum, { active }) => sum + active, -total);
  for (const [row, share] of shares) room += Math.max(0, Math.floor(share) - row.active);
  const above = new Map<string, number>();
  for (const row of rows) {
    const excess = Math.min(room, row.active - Math.ceil((shares.get(row) ?? 0) * (1 + MARGIN)));
    if (excess > 0) above.set(row.identity, excess);
  }
  return above;
}

/** By weight; what is more than a target may have at once goes to the others. */
function sharesOf(rows: readonly Shared[], total: number): Map<Shared, number> {
  const shares = new Map<Shared, number>();
  let left = total;
  let open = rows;
  for (;;) {
    const weight = open.reduce((sum, row) => sum + row.weight, 0);
    const fair = (row: Shared) => (left * row.weight) / weight;
    const full = open.filter((row) => fair(row) > row.limit);
    if (full.length === 0) {
      for (const row of open) shares.set(row, fair(row));
      return shares;
    }
    for (const row of full) shares.set(row, row.limit);
    left -= full.reduce((sum, { limit }) => sum + limit, 0);
    open = open.filter((row) => !full.includes(row));
    if (open.length === 0) return shares;
  }
}
