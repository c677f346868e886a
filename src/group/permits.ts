/**
 * What balancers hold of the permits of pools (`concurrency`), as it is written down for all. A balancer uses no more than it holds, so nobody
 * has to be asked for a connection; and nobody is given what somebody else holds.
 *
 * A store carries out a claim as follows, for each pool by itself, `others` being what other balancers hold whose word still counts:
 *
 *     free = the smallest `limit` that anybody has said − the sum of what others hold
 *     held = max(holds, min(wants, free))
 *
 * Others are told when somebody lacks more than before, or has clients that wait where none did, and when something is given back that somebody wants.
 *
 * For a while after it has been found empty, or may be another server than before, there may be balancers that have yet to say what they hold.
 * Until then nobody gets more: `keeps` stands for `wants`. One that hangs or is cut off cannot: what it has said is told again by those who
 * have read it, and counts as it would have. So that nobody does that of what is given back, it is written down that nothing is held.
 */
import { MAX_TEXT } from "./max-text.ts";
import { TTL_MS } from "./times.ts";

/** ms that anything counts which is not renewed: others than Harmony may write there. */
export const MOST_LIFE_MS = 3_600_000;
/** Above how far apart the numbers of one balancer can be in that time: it claims some ten times a second. */
export const SEQ_REACH = 100_000;
/** Rows, and bytes of them, that are answered: those of any group, while thousands that somebody else has written cannot be read each time. */
export const MOST_ROWS = 1_000;
export const MOST_ROWS_BYTES: number = 8 * 1024 * 1024;

/** What a balancer says of a pool. */
export interface Claim {
  readonly pool: string;
  /** What all balancers together may have. */
  readonly limit: number;
  /** It has that, whatever is free: what is open is not ended. */
  readonly holds: number;
  /** What it has used while it could not ask, and gets as far as it is free. */
  readonly keeps: number;
  readonly wants: number;
  /** Connections that it has, and clients that wait for one. */
  readonly used: number;
  readonly waiting: number;
}

export interface Claims {
  /** Larger than that of any earlier one of this balancer: one that comes late (isLater()) changes nothing. */
  readonly seq: number;
  /** ms that they count, unless they are renewed: at most MOST_LIFE_MS do. */
  readonly life: number;
  /** ms for which nobody gets more: in any case, and if nothing is there at all. */
  readonly quiet: number;
  readonly quietIfEmpty: number;
  /** All of this balancer's. */
  readonly pools: readonly Claim[];
  /** By their ids, what others had said, as it was written down: it is again, unless something later is or it counts no more. */
  readonly others: ReadonlyMap<string, string>;
}

/** What has become of a claim. */
export interface Holding extends Pick<Claim, "limit" | "used" | "waiting"> {
  readonly held: number;
  /** What it wanted and did not get. */
  readonly lack: number;
}

/** What a balancer holds, by pool. */
export interface Held {
  /** ms since 1970, by the store's clock: when it was said. */
  readonly at: number;
  /** ms. */
  readonly life: number;
  readonly seq: number;
  readonly pools: ReadonlyMap<string, Holding>;
  /** As it is written down. */
  readonly text: string;
}

export interface Claimed {
  /** ms since 1970, by the store's clock. */
  readonly now: number;
  /** Until when nobody gets more, by the same. */
  readonly quietUntil: number;
  readonly own: Held;
  /** By their ids, of those whose word still counts. */
  readonly others: ReadonlyMap<string, Held>;
}

/** Whether a balancer that has said this has been heard lately, and shares pools; otherwise what it holds is idle, and nobody's. */
export function isThere({ pools, at }: Held, now: number): boolean {
  return pools.size > 0 && now - at <= TTL_MS;
}

/** What it has said counts still. */
export function isInForce({ at, life }: Held, now: number): boolean {
  return at + life > now;
}

/** Of the numbers of two claims of one balancer. One that is further ahead is none of its. */
export function isLater(seq: number, than: number): boolean {
  return seq > than && seq - than < SEQ_REACH;
}

/** What is given back is used there. */
export function isWanting({ lack, waiting }: Holding): boolean {
  return lack > 0 || waiting > 0;
}

const COUNT = "(\\d{1,10})";
const HEAD = /^(\d{1,16}) (\d{1,10}) (\d{1,16})$/;
const POOL = new RegExp(`^(\\S{1,64}) ${COUNT} ${COUNT} ${COUNT} ${COUNT} ${COUNT}$`);

/** `AT LIFE SEQ;POOL HELD USED WAITING LIMIT LACK;…`, as the script in the server writes it. null: it is none, as one of a later version. */
export function readHeld(text: string): Held | null {
  if (text.length > MAX_TEXT) return null;
  const [head = "", ...rest] = text.split(";");
  const [, at, life, seq] = HEAD.exec(head) ?? [];
  if (at === undefined) return null;
  const pools = new Map<string, Holding>();
  for (const each of rest) {
    const [, pool, ...counts] = POOL.exec(each) ?? [];
    if (pool === undefined) return null;
    const [held, used, waiting, limit, lack] = counts.map(Number) as [number, number, number, number, number];
    pools.set(pool, { held, used, waiting, limit, lack });
  }
  return { at: Number(at), life: Math.min(Number(life), MOST_LIFE_MS), seq: Number(seq), pools, text };
}
