/**
 * What each of several balancers is to have of what they use together, be it a target's connections or a pool's. Pure.
 *
 * First come those that somebody holds or waits for, to everybody alike until he has enough (max-min); then what is left, to everybody alike,
 * so that the next client need not wait. This is what would be best. Nothing moves for that alone, since each credit that moves is used by
 * nobody for a moment: only those who run short get what they lack, from what nobody has, and then from those who have most to spare.
 */

/** A balancer that is there. */
export interface Party {
  /** What it has been given. */
  readonly share: number;
  /** Connections that it has. */
  readonly active: number;
  /** Clients that wait there, and not for anything else. */
  readonly waiting: number;
}

/**
 * As many numbers as there are parties, which come to `total`, where there are any. Where there is less than one for each who wants some, those
 * have one whose turn it is: another one with each `turn`, so that nobody goes without. null: those who have it.
 */
export function divide(parties: readonly Party[], total: number, turn: number | null = null): number[] {
  const shares = parties.map(({ share }) => share);
  const ideal = idealOf(parties, total, turn);
  const lacks = parties.map((party, i) => (isShort(party) ? Math.max(0, ideal[i]! - party.share) : 0));
  const spare = total - sum(shares);
  const goals = shares.slice();
  // First those who run short, then the others, as long as there is something that nobody has; what is lacking then is taken.
  let free = raise(goals, lacks, Math.max(0, spare));
  if (free > 0) {
    free = raise(
      goals,
      ideal.map((each, i) => Math.max(0, each - goals[i]!)),
      free,
    );
    return goals;
  }
  const missing = sum(lacks) - (sum(goals) - sum(shares)) + Math.max(0, -spare);
  const taken = take(parties, goals, ideal, missing);
  raise(
    goals,
    lacks.map((lack, i) => lack - Math.max(0, goals[i]! - shares[i]!)),
    Math.max(0, taken - Math.max(0, -spare)),
  );
  return goals;
}

/** It has no credit left: its next client would wait. */
function isShort({ share, active, waiting }: Party): boolean {
  return waiting > 0 || active >= share;
}

function idealOf(parties: readonly Party[], total: number, turn: number | null): number[] {
  const goals = parties.map(() => 0);
  const inUse = parties.map(({ active, waiting }) => active + waiting);
  if (turn !== null && total < inUse.filter((each) => each > 0).length) return byTurns(inUse, total, turn);
  const left = fill(goals, inUse, total, parties);
  fill(
    goals,
    parties.map(() => left),
    left,
    parties,
  );
  return goals;
}

function byTurns(wants: readonly number[], total: number, turn: number): number[] {
  const open = wants.flatMap((want, i) => (want > 0 ? [i] : []));
  const got = new Set(Array.from({ length: total }, (_, n) => open[(turn + n) % open.length]));
  return wants.map((_, i) => (got.has(i) ? 1 : 0));
}

/**
 * Adds to each what it wants of it, and where that is too much, to all alike until they have enough. Gives what is left. What cannot be split
 * goes to those who have it, so that it does not go to and fro.
 */
function fill(goals: number[], wants: readonly number[], total: number, parties: readonly Party[]): number {
  let left = Math.max(0, total);
  let open = wants.flatMap((want, i) => (want > 0 ? [i] : []));
  const got = wants.map(() => 0);
  while (open.length > 0 && left >= open.length) {
    const each = Math.min(Math.floor(left / open.length), ...open.map((i) => wants[i]! - got[i]!));
    for (const i of open) got[i]! += each;
    left -= each * open.length;
    open = open.filter((i) => got[i]! < wants[i]!);
  }
  const above = (i: number) => parties[i]!.share - goals[i]! - got[i]!;
  open.sort((a, b) => above(b) - above(a) || a - b);
  for (const i of open.slice(0, left)) got[i]! += 1;
  left -= Math.min(left, open.length);
  for (const [i, more] of got.entries()) goals[i]! += more;
  return left;
}

/** Adds what they lack to the goals, as far as there is some of it. Gives what is left. */
function raise(goals: number[], lacks: readonly number[], free: number): number {
  let left = free;
  for (const [i, lack] of lacks.entries()) {
    const more = Math.min(lack, left);
    goals[i]! += more;
    left -= more;
  }
  return left;
}

/** Takes so much from those above their ideal, the most idle first. Gives how much that was. */
function take(parties: readonly Party[], goals: number[], ideal: readonly number[], amount: number): number {
  const idle = (i: number) => parties[i]!.share - parties[i]!.active - parties[i]!.waiting;
  const donors = goals.flatMap((goal, i) => (goal > ideal[i]! ? [i] : [])).sort((a, b) => idle(b) - idle(a));
  let left = amount;
  for (const i of donors) {
    const less = Math.min(left, goals[i]! - ideal[i]!);
    goals[i]! -= less;
    left -= less;
  }
  return amount - left;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
