/** Work that is long, in slices: between two of them the event loop turns, so that nobody else waits for more than one. */
import { setImmediate } from "node:timers";

/** ms. A client that connects meanwhile waits for it; a turn of the loop costs a thousandth of it. */
export const SLICE_MS = 2;
/** Items between looks at the clock, which take as long as a light one. */
const ITEMS_PER_LOOK = 16;

/** The one who was served last. */
let turns: Promise<void> = Promise.resolve();

/** Resolves in another turn of the event loop, a turn for each who waits: many at once do not add up to a long one. */
export function turn(): Promise<void> {
  turns = turns.then(() => new Promise((resolve) => void setImmediate(resolve)));
  return turns;
}

/** Visits all. What `items` iterates over may change between slices. */
export async function inSlices<T>(items: Iterable<T>, visit: (item: T) => void): Promise<void> {
  let until = performance.now() + SLICE_MS;
  let left = ITEMS_PER_LOOK;
  for (const item of items) {
    visit(item);
    if (--left > 0) continue;
    left = ITEMS_PER_LOOK;
    if (performance.now() < until) continue;
    await turn();
    until = performance.now() + SLICE_MS;
  }
}
