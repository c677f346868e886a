/** Claims of permits (src/group/permits.ts) as a store carries them out, over texts in memory: what the script does in Redis. */
import {
  type Claimed,
  type Claims,
  type Held,
  type Holding,
  isInForce,
  isLater,
  isWanting,
  MOST_ROWS,
  readHeld,
} from "../../src/group/permits.ts";

const QUIET = "quiet";
const MOST_QUIET_MS = 60_000;

/** `all`: what is written down, which it changes. `tell`: others are to be told. */
export function claimIn(
  all: Map<string, string>,
  id: string,
  claims: Claims,
  now: number,
): { readonly claimed: Claimed | null; readonly tell: boolean } {
  const isEmpty = all.size === 0;
  for (const [other, text] of claims.others) tellAgain(all, other, text);
  const before = readHeld(all.get(id) ?? "");
  if (before !== null && (before.seq === claims.seq || isLater(before.seq, claims.seq)))
    return { claimed: null, tell: false };
  const others = othersOf(all, id, now);
  const quiet = isEmpty ? Math.max(claims.quiet, claims.quietIfEmpty) : claims.quiet;
  const quietUntil = Math.min(Math.max(quietIn(all), quiet > 0 ? now + quiet : 0), now + MOST_QUIET_MS);
  const pools = new Map(
    claims.pools.map((claim): [string, Holding] => {
      const { pool, limit, holds, keeps, wants, used, waiting } = claim;
      const rivals = [...others.values()].flatMap((other) => other.pools.get(pool) ?? []);
      const least = Math.min(limit, ...rivals.map((rival) => rival.limit));
      const free = least - rivals.reduce((sum, rival) => sum + rival.held, 0);
      const held = Math.max(holds, Math.min(now < quietUntil ? keeps : wants, free));
      return [pool, { held, used, waiting, limit, lack: Math.max(0, wants - held) }];
    }),
  );
  const said = { at: now, life: claims.life, seq: claims.seq, pools };
  const own: Held = { ...said, text: writeHeld(said) };
  const answered = new Map([...others].slice(0, MOST_ROWS));
  all.set(id, own.text);
  all.set(QUIET, String(quietUntil));
  return { claimed: { now, quietUntil, own, others: answered }, tell: concernsOthers(before, own, others) };
}

function quietIn(all: ReadonlyMap<string, string>): number {
  const text = all.get(QUIET) ?? "";
  return /^\d+$/.test(text) ? Number(text) : 0;
}

/** What others had said. */
function tellAgain(all: Map<string, string>, id: string, text: string): void {
  const held = readHeld(text);
  const there = all.get(id);
  const last = there === undefined ? undefined : (readHeld(there)?.seq ?? Number.POSITIVE_INFINITY);
  if (held !== null && (last === undefined || isLater(held.seq, last))) all.set(id, text);
}

/** See readHeld(). */
function writeHeld({ at, life, seq, pools }: Omit<Held, "text">): string {
  const texts = [...pools].map(
    ([pool, { held, used, waiting, limit, lack }]) => `;${pool} ${held} ${used} ${waiting} ${limit} ${lack}`,
  );
  return `${at} ${life} ${seq}${texts.join("")}`;
}

/** As if it had been said now, where a clock was ahead. */
function boundedIn(text: string, now: number): Held | null {
  const held = readHeld(text);
  if (held === null) return null;
  const bounded = { ...held, at: Math.min(held.at, now) };
  return { ...bounded, text: writeHeld(bounded) };
}

/** What counts no more goes. */
function othersOf(all: Map<string, string>, id: string, now: number): Map<string, Held> {
  const others = new Map<string, Held>();
  for (const [name, text] of all) {
    if (name === QUIET || name === id) continue;
    const held = boundedIn(text, now);
    if (held === null || !isInForce(held, now)) {
      all.delete(name);
      continue;
    }
    all.set(name, held.text);
    others.set(name, held);
  }
  return others;
}

function concernsOthers(before: Held | null, own: Held, others: ReadonlyMap<string, Held>): boolean {
  const names = new Set([...(before?.pools.keys() ?? []), ...own.pools.keys()]);
  return [...names].some((name) => {
    const [then, now] = [before?.pools.get(name), own.pools.get(name)];
    const isWanted = [...others.values()].some(({ pools }) => pools.has(name) && isWanting(pools.get(name)!));
    const isLess = (now?.held ?? 0) < (then?.held ?? 0);
    const waits = (now?.waiting ?? 0) > 0 && (then?.waiting ?? 0) === 0;
    return (now?.lack ?? 0) > (then?.lack ?? 0) || waits || (isWanted && isLess);
  });
}
