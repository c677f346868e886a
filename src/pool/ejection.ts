/**
 * Targets that are out for what their connections have shown: suspects with an observed reason (suspicion.ts). No more of them at once
 * than the pool's share. They come back by an answer, or where nobody is left whom they could answer through a trial: one connection
 * that the next pick gives them, at times that are further and further apart. A trial needs no end of its own: one that has not brought
 * the target back by the time of the next has failed, whatever became of it. Called with the lock held.
 */
import { picksUpTo } from "./groups.ts";
import { CLOSED, COUNTS, EJECTIONS, HUSHED, OUT, SPAN, SUSPECT, TRIAL, UP, WATCHED } from "./header.ts";
import type { PoolLayout } from "./layout.ts";
import type { PoolOptions } from "./options.ts";
import type { Rows } from "./rows.ts";
import { isObservedNumber, numberOfSuspicion, OBSERVATIONS, type Observation } from "./suspicion.ts";

/** ms until a silent target is first tried again: as a suspect is probed that refuses connections. */
const SILENT_MS = 1_000;
/** Times out grow up to so many times the first one, as those between probes do. */
const MOST_GROWTH = 10;
/** ms that a trial is put off while somebody waits for the target, whose answer would tell as much and costs nobody anything. */
const WAITED_FOR_MS = 4_000;
/** A target that has been back for so many times its last time out begins anew with the first one. */
const FORGIVEN_AFTER = 4;

export class Ejection {
  readonly #layout: PoolLayout;
  readonly #rows: Rows;
  readonly #options: Required<PoolOptions>;

  constructor(layout: PoolLayout, rows: Rows, options: Required<PoolOptions>) {
    this.#layout = layout;
    this.#rows = rows;
    this.#options = options;
  }

  /** Whether the row is out by observation. */
  isOut(row: number): boolean {
    return this.#layout.state[row] === SUSPECT && isObservedNumber(this.#layout.failure[row]!);
  }

  /** Takes a target out that is up. False: the pool's share is out already. */
  eject(row: number, why: Observation, now: number): boolean {
    const { clocks, failure, header, outAt, state } = this.#layout;
    if ((state[row] !== UP && state[row] !== HUSHED) || header[OUT]! + 1 > this.#most()) return false;
    state[row] = SUSPECT;
    failure[row] = numberOfSuspicion(why);
    this.#layout.failedAt[row] = now;
    this.#setTime(row, now);
    outAt[row] = now;
    header[WATCHED]!++; // until the next look counts them
    clocks[EJECTIONS + OBSERVATIONS.indexOf(why)]!++;
    this.#rows.refresh(row);
    return true;
  }

  /** Nothing is heard of its machine. Nobody is to try it: where somebody waits there is no answer, and its reporter will be heard first. */
  silence(row: number, now: number): boolean {
    const { failure, header, trialAt } = this.#layout;
    // One that answers nobody is out for this from now on: the reason says more, and no client is spent on trials.
    if (this.#isOutFor(row, "silent")) failure[row] = numberOfSuspicion("silent-reporter");
    else if (!this.eject(row, "silent-reporter", now)) return false;
    trialAt[row] = Number.POSITIVE_INFINITY;
    if (header[TRIAL] === row + 1) header[TRIAL] = 0;
    return true;
  }

  /** Its machine is heard again. False: it is not out for that. */
  unsilence(row: number, now: number): boolean {
    if (!this.#isOutFor(row, "silent-reporter")) return false;
    this.lift(row, now);
    return true;
  }

  /** It works. */
  lift(row: number, now: number): void {
    const { backAt, failure, header, state } = this.#layout;
    state[row] = UP;
    failure[row] = 0;
    backAt[row] = now;
    if (header[TRIAL] === row + 1) header[TRIAL] = 0;
    this.#rows.refresh(row);
  }

  /** One connection has failed it, or been late; as many in a row as `ejectAfter` says take it out. */
  strike(row: number, why: Observation, now: number): void {
    const { ejectAfter } = this.#options;
    const { strikes } = this.#layout;
    if (ejectAfter === 0) return;
    strikes[row]!++;
    if (strikes[row]! >= ejectAfter && this.eject(row, why, now)) strikes[row] = 0;
  }

  /** Connecting to it has failed, which makes it a suspect without this, and lets probes decide when it is back. */
  failed(row: number): void {
    this.#layout.strikes[row]!++;
  }

  /** A connection has ended without a byte of the target's: by the target, or (`ms`) by the client, which had waited so long. */
  unanswered(row: number, ms: number | null, now: number): void {
    const { ejectSlow } = this.#options;
    if (ms === null) this.strike(row, "early-end", now);
    else if (ejectSlow > 0 && ms > ejectSlow) this.strike(row, "slow", now);
  }

  /** 0: it is not out for answering nobody. */
  silentSince(row: number): number {
    return this.#isSilent(row) ? this.#layout.outAt[row]! : 0;
  }

  /** The target has answered a connection `ms` after the pick. */
  answered(row: number, ms: number, now: number): void {
    const { ejectSlow } = this.#options;
    if (ejectSlow > 0 && ms > ejectSlow) {
      this.strike(row, "slow", now);
      return;
    }
    this.#layout.strikes[row] = 0;
    // One that was picked before the trial shows nothing new.
    if (this.isOut(row) && now - ms >= this.#layout.triedAt[row]!) this.lift(row, now);
  }

  /** It has given anybody a byte, which is what a silent one did not. */
  answeredSomebody(row: number, now: number): void {
    if (this.#isSilent(row)) this.lift(row, now);
  }

  /**
   * Has the next pick try a target whose time is up, and keeps to the share, which may have become smaller since targets have gone. Gives
   * how many are out.
   */
  look(now: number): number {
    let out = 0;
    let longest = -1;
    const { header, outAt } = this.#layout;
    for (let row = 0; row < header[SPAN]!; row++) {
      if (!this.isOut(row)) continue;
      out++;
      if (longest < 0 || outAt[row]! < outAt[longest]!) longest = row;
      if (header[TRIAL] === 0 && this.#isDue(row, now) && this.#mayBeTried(row)) header[TRIAL] = row + 1;
    }
    if (longest >= 0 && header[OUT]! > this.#most()) {
      this.lift(longest, now);
      return out - 1;
    }
    return out;
  }

  /** The row that this pick is to try, or -1: then the next look names one again. */
  takeTrial(tried: readonly number[], now: number): number {
    const { header, outMs, trialAt, triedAt } = this.#layout;
    const row = header[TRIAL]! - 1;
    header[TRIAL] = 0;
    if (!this.#mayBeTried(row) || tried.includes(row)) return -1;
    outMs[row] = Math.min(outMs[row]! * 2, MOST_GROWTH * this.#firstMs(row));
    trialAt[row] = now + outMs[row]!;
    triedAt[row] = now;
    return row;
  }

  /** It is out, has room, and would be picked if it were up: not while targets serve that come before it. */
  #mayBeTried(row: number): boolean {
    const { header, rank } = this.#layout;
    return this.isOut(row) && this.#rows.hasRoom(row) && rank[row]! <= picksUpTo(header);
  }

  /** Options have changed: nobody would bring those back for whose reason nobody looks any more, and `panic` is about all others. */
  reconsider(): void {
    const { header, outAt, state } = this.#layout;
    for (let row = 0; row < header[SPAN]!; row++) {
      if (state[row] !== HUSHED && !this.isOut(row)) continue;
      if (this.#isLookedFor(row)) this.#rows.refresh(row);
      else this.lift(row, outAt[row]!);
    }
  }

  /** What has the row out, or quiet. */
  #isLookedFor(row: number): boolean {
    const { ejectAfter, ejectSlow, hangDetection } = this.#options;
    if (this.#layout.state[row] === HUSHED || this.#isOutFor(row, "silent")) return hangDetection;
    if (this.#isOutFor(row, "early-end")) return ejectAfter > 0;
    if (this.#isOutFor(row, "slow")) return ejectAfter > 0 && ejectSlow > 0;
    return true;
  }

  #isDue(row: number, now: number): boolean {
    const { trialAt, waitedAt } = this.#layout;
    const isWaitedFor = now - waitedAt[row]! < SILENT_MS;
    return now >= trialAt[row]! + (isWaitedFor ? WAITED_FOR_MS : 0);
  }

  #setTime(row: number, now: number): void {
    const { backAt, outMs, trialAt, triedAt } = this.#layout;
    const first = this.#firstMs(row);
    const isRelapse = backAt[row] !== 0 && now - backAt[row]! < FORGIVEN_AFTER * outMs[row]!;
    outMs[row] = isRelapse ? Math.min(2 * outMs[row]!, MOST_GROWTH * first) : first;
    trialAt[row] = now + outMs[row]!;
    triedAt[row] = Number.POSITIVE_INFINITY; // no answer of a connection before the first trial lifts it
  }

  #firstMs(row: number): number {
    return this.#isSilent(row) ? SILENT_MS : this.#options.ejectTime;
  }

  #isSilent(row: number): boolean {
    return this.#isOutFor(row, "silent") || this.#isOutFor(row, "silent-reporter");
  }

  #isOutFor(row: number, why: Observation): boolean {
    const { failure, state } = this.#layout;
    return state[row] === SUSPECT && failure[row] === numberOfSuspicion(why);
  }

  /** How many may be out: a share of those that would be served otherwise, rounded down. */
  #most(): number {
    const { header } = this.#layout;
    const { ejectShare, panic } = this.#options;
    const served = header[SPAN]! - header[COUNTS + CLOSED]! + (panic ? 0 : header[OUT]!);
    return Math.floor((served * ejectShare) / 100);
  }
}
