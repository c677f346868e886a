/**
 * Targets that answer nobody. A process that hangs goes on accepting connections (its kernel does), so only its silence shows: clients
 * have asked, and wait for their first byte, while it gives nobody a byte. How long that may take is the target's own habit.
 *
 * Threads tell, a few times a second, whom a target has answered and who waits (Pool.observe). The waits that count are those of clients
 * that have asked since it last answered anybody: whoever waited then already, as a long poll does, or a client that expects no answer,
 * has been seen to wait while it worked. When MANY such connections, of two addresses at least, have waited for long, it is *hushed*: new
 * connections go to others while those have room, as if it were full. When they have waited for very long, or would have if they had not
 * left, it is out (ejection.ts). It is back as soon as it answers anybody. Called with the lock held.
 */
import type { Ejection } from "./ejection.ts";
import { HUSHED, SPAN, UP } from "./header.ts";
import type { PoolLayout } from "./layout.ts";
import type { Rows } from "./rows.ts";

/** Connections that must wait. */
export const MANY = 3;
/** ms that they wait, at least, until it is hushed: hardly any server that works is silent for so long towards all of them. */
export const HUSH_MS = 500;
/** ms that they wait, at least, until it is out. */
export const SILENCE_MS = 2_000;
/** They wait so many times as long as its habit is. */
export const PATIENCE = 3;
/** Answers, counted down by half in HABIT_MS, below which nothing is known of a target's habit, and its silence says nothing. */
export const EXPERIENCE = 10;
/** ms in which what is known of its habit loses half of its weight. */
export const HABIT_MS = 10 * 60_000;
/** ms after a long silence before it is seen who has not been waiting for its end. */
const LASTING_MS = 2_000;

/** Values of `asker`, beside a client's number. */
const NOBODY = 0;
const SEVERAL = -1;

/** The number of a connection's episode that has not counted yet. */
export const UNCOUNTED = -1;

/** What a thread has seen of a pool's targets. */
export interface Seen {
  /** Called with the lock held. */
  tell(silence: Silence, now: number): void;
}

export class Silence {
  readonly #layout: PoolLayout;
  readonly #rows: Rows;
  readonly #ejection: Ejection;
  readonly #isOn: boolean;

  constructor(layout: PoolLayout, rows: Rows, ejection: Ejection, isOn: boolean) {
    this.#layout = layout;
    this.#rows = rows;
    this.#ejection = ejection;
    this.#isOn = isOn;
  }

  /** Nothing is known of the target that has the row. */
  forget(row: number): void {
    const { answeredAt, experience, gap, habits, habitOwners, hushedAt, strikes, waitedAt, backAt, outMs } =
      this.#layout;
    for (const each of [answeredAt, experience, gap, hushedAt, strikes, waitedAt, backAt, outMs]) each[row] = 0;
    habits.fill(0, 2 * row, 2 * row + 2);
    habitOwners.fill(0, 2 * row, 2 * row + 2);
    this.#endEpisode(row);
  }

  /** It has given `count` connections a byte, the last at `at`. */
  answered(row: number, count: number, at: number, now: number): void {
    const { answeredAt, backAt, experience, gap, gapEndedAt, state, unanswered } = this.#layout;
    const before = answeredAt[row]!;
    if (at > before) {
      const lasted = before === 0 ? 0 : at - before;
      if (lasted >= gap[row]! || at - gapEndedAt[row]! > 2 * LASTING_MS) {
        gap[row] = lasted;
        gapEndedAt[row] = at;
      }
      experience[row] = experience[row]! * faded(lasted);
      answeredAt[row] = at;
    }
    experience[row]! += count;
    if (unanswered[row] !== 0) this.#endEpisode(row);
    if (state[row] === HUSHED) {
      state[row] = UP;
      backAt[row] = now;
      this.#rows.refresh(row);
    } else if (this.#ejection.isOut(row)) this.#ejection.answeredSomebody(row, now);
  }

  /** A client (a number for its address; 0: it has none) has waited for `ms` from `askedAt` on, and has been answered. */
  waited(row: number, client: number, ms: number, askedAt: number): void {
    // What was held up by a silence is no habit; but a target that comes back by itself gets more patience.
    const isHeldUp = askedAt < this.#layout.backAt[row]!;
    this.#teach(
      row,
      client,
      isHeldUp ? Math.min(ms, this.patience(row, SILENCE_MS, askedAt + ms) / 2) : ms,
      askedAt + ms,
    );
  }

  /**
   * A client has asked at `askedAt`, or begun to connect, and waits. `counted`: what this gave when the connection was last told of, or
   * UNCOUNTED.
   */
  waits(row: number, client: number, askedAt: number, counted: number, now: number): number {
    const { answeredAt, asker, episode, gap, gapEndedAt, unanswered, waitedAt } = this.#layout;
    waitedAt[row] = now;
    if (!this.#isOn) return counted;
    if (askedAt <= answeredAt[row]!) {
      // It has been seen to answer others meanwhile, for longer than who waits for the end of a silence would take.
      if (askedAt < gapEndedAt[row]! && now - gapEndedAt[row]! >= LASTING_MS) this.#teach(row, client, gap[row]!, now);
      return counted;
    }
    if (counted === episode[row] || now - askedAt < this.patience(row, HUSH_MS, now)) return counted;
    unanswered[row]!++;
    if (asker[row] === NOBODY) asker[row] = client;
    else if (asker[row] !== client && client !== NOBODY) asker[row] = SEVERAL;
    return episode[row]!;
  }

  /** Draws the conclusions. Gives how many rows are to be looked at again without being told of them. */
  look(now: number): number {
    const { header, hushedAt, state, unanswered } = this.#layout;
    let open = 0;
    for (let row = 0; row < header[SPAN]!; row++) {
      if (unanswered[row] === 0) continue;
      open++;
      if (state[row] === UP && this.#isSilent(row)) this.#hush(row, now);
      // The waits that have hushed it had lasted for HUSH_MS then: they last for SILENCE_MS by now.
      const more = this.patience(row, SILENCE_MS, now) - this.patience(row, HUSH_MS, now);
      if (state[row] === HUSHED && now >= hushedAt[row]! + more) this.#ejection.eject(row, "silent", now);
    }
    return open;
  }

  /** ms that may pass without an answer: `least`, or more where that is its habit. */
  patience(row: number, least: number, now: number): number {
    const { habits, taughtAt } = this.#layout;
    return Math.max(least, PATIENCE * habits[2 * row + 1]! * faded(now - taughtAt[row]!));
  }

  #isSilent(row: number): boolean {
    const { asker, experience, unanswered } = this.#layout;
    return unanswered[row]! >= MANY && asker[row] === SEVERAL && experience[row]! >= EXPERIENCE;
  }

  #hush(row: number, now: number): void {
    this.#layout.state[row] = HUSHED;
    this.#layout.hushedAt[row] = now;
    this.#rows.refresh(row);
  }

  #endEpisode(row: number): void {
    const { asker, episode, unanswered } = this.#layout;
    unanswered[row] = 0;
    asker[row] = NOBODY;
    episode[row]! = (episode[row]! + 1) & 0x3fff_ffff;
  }

  /**
   * The habit is the longest wait that two addresses have shown, so that one client cannot blind the balancer: `habits` of a row are the
   * longest one, and the longest of another address.
   */
  #teach(row: number, client: number, ms: number, now: number): void {
    const { habits, habitOwners, taughtAt } = this.#layout;
    const [first, second] = [2 * row, 2 * row + 1];
    const fade = faded(now - taughtAt[row]!);
    habits[first]! *= fade;
    habits[second]! *= fade;
    taughtAt[row] = now;
    if (client === habitOwners[first]) {
      habits[first] = Math.max(habits[first]!, ms);
    } else if (ms > habits[first]!) {
      habits[second] = habits[first]!;
      habitOwners[second] = habitOwners[first]!;
      habits[first] = ms;
      habitOwners[first] = client;
    } else if (ms > habits[second]!) {
      habits[second] = ms;
      habitOwners[second] = client;
    }
  }
}

/** What is left of a weight after `ms`. */
function faded(ms: number): number {
  return ms <= 0 ? 1 : 0.5 ** (ms / HABIT_MS);
}
