/** Parts of long lists that nobody keeps: one walk through all that there is, in slices. */
import type { Page } from "../../admin/api/schemas/common.ts";
import type { Span } from "../../admin/face.ts";
import { Best } from "../../util/best.ts";
import { inSlices } from "../../util/slices.ts";

export interface Sorting<T> {
  readonly by: (item: T) => number | string;
  readonly ascending: boolean;
  /** Of an item and no other: those that are alike go by it, so that none is on two pages. */
  readonly id: (item: T) => string;
}

interface Ranked<T> {
  readonly rank: number | string;
  readonly item: T;
}

/** Of those that `isWanted`. */
export async function sortedPage<T>(
  all: Iterable<T>,
  isWanted: (item: T) => boolean,
  { by, ascending, id }: Sorting<T>,
  { offset, limit }: Span,
): Promise<Page<T>> {
  const sign = ascending ? 1 : -1;
  const best = new Best<Ranked<T>>(
    (a, b) => sign * compared(a.rank, b.rank) || compared(id(a.item), id(b.item)),
    offset + limit,
  );
  let total = 0;
  await inSlices(all, (item) => {
    if (!isWanted(item)) return;
    total++;
    best.add({ rank: by(item), item });
  });
  const items: T[] = [];
  const count = Math.max(0, best.size - offset);
  await inSlices(firstOf(best.lastToFirst(), count), ({ item }) => items.push(item));
  return { items: items.reverse(), total, next: nextOf(offset + limit, total) };
}

/** Of those that `isWanted`, in the order in which they come. */
export async function page<T>(
  all: Iterable<T>,
  isWanted: (item: T) => boolean,
  { offset, limit }: Span,
): Promise<Page<T>> {
  const items: T[] = [];
  let total = 0;
  await inSlices(all, (item) => {
    if (!isWanted(item)) return;
    if (total >= offset && items.length < limit) items.push(item);
    total++;
  });
  return { items, total, next: nextOf(offset + limit, total) };
}

function compared(a: number | string, b: number | string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function nextOf(end: number, total: number): number | null {
  return end < total ? end : null;
}

function* firstOf<T>(items: Iterator<T>, count: number): Generator<T> {
  for (let left = count; left > 0; left--) {
    const { done, value } = items.next();
    if (done) return;
    yield value;
  }
}
