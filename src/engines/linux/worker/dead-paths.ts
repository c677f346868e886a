/**
 * Ends relays whose peer is not heard of any more while something waits to be delivered to it. TCP keepalive does not ask then, and
 * Linux would retransmit for some 15 minutes. A relay is watched once bytes have moved, so short connections are seldom asked about,
 * and silent ones never.
 */

import { CLIENT, TARGET } from "../../../proxy/record.ts";
import { RELAYING } from "../../../proxy/states.ts";
import { WATCHED } from "../shared/ends.ts";
import * as abi from "../sys/abi.ts";
import { Fifo } from "./fifo.ts";
import type { RelayWatch } from "./pool-part.ts";
import type { Shard } from "./shard.ts";
import { endFailed } from "./socket-io.ts";

/** ms to the first look at most, so that connections which are over by then are not kept in mind for hours. */
const FIRST_LOOK_MS = 60_000;
/** Probes of a closed window, the last of which may be on its way: a lost one does not end a connection. */
const PROBES = 3;

const NOTHING_WAITS = 0;
/** It was heard of lately. */
const HEARD = 1;
const QUIET = 2;
const DEAD = 3;

export class DeadPaths implements RelayWatch {
  readonly #shard: Shard;
  /** ms without a sign of life; 0: nothing is watched. */
  readonly limit: number;
  /** ms to the next look at relays whose peers were heard of lately, and at others. */
  readonly #seldom: number;
  readonly #often: number;
  // Each is a list of pairs, due time and ticket; whoever joins it is due last.
  readonly #calm = new Fifo();
  readonly #suspect = new Fifo();

  constructor(shard: Shard, limit: number) {
    this.#shard = shard;
    this.limit = limit;
    this.#seldom = Math.min(limit, FIRST_LOOK_MS);
    this.#often = this.#seldom / 8; // twice within a quarter: the first of these looks may come just behind a retransmission
  }

  /** When to look next. */
  get dueAt(): number {
    return Math.min(dueAt(this.#calm), dueAt(this.#suspect));
  }

  /** Bytes of this relay have moved. */
  watch(slot: number): void {
    const { slots } = this.#shard;
    if (this.limit === 0 || slots.bits(slot, CLIENT) & WATCHED) return;
    slots.addBits(slot, CLIENT, WATCHED);
    this.#lookAgain(slot, this.#calm, this.#seldom);
  }

  look(): void {
    this.#lookAt(this.#calm);
    this.#lookAt(this.#suspect);
  }

  #lookAt(list: Fifo): void {
    const { now, slots } = this.#shard;
    while (dueAt(list) <= now) {
      list.take();
      const slot = slots.slotOf(list.take());
      if (slot >= 0 && slots.state(slot) === RELAYING) this.#judge(slot);
    }
  }

  #judge(slot: number): void {
    const client = this.#ask(slot, CLIENT);
    const worst = client === DEAD ? DEAD : Math.max(client, this.#ask(slot, TARGET));
    if (worst === DEAD) endFailed(this.#shard, slot, client === DEAD ? CLIENT : TARGET);
    else if (worst === QUIET) this.#lookAgain(slot, this.#suspect, this.#often);
    else if (worst === HEARD) this.#lookAgain(slot, this.#calm, this.#seldom);
    else this.#shard.slots.clearBits(slot, CLIENT, WATCHED);
  }

  #lookAgain(slot: number, list: Fifo, ms: number): void {
    list.add(this.#shard.now + ms);
    list.add(this.#shard.slots.ticket(slot));
  }

  /** What the kernel knows of an end; of a Unix socket nothing, and nothing is lost on the way to one. */
  #ask(slot: number, end: number): number {
    const { libc, slots, small } = this.#shard;
    small.setLength(abi.TCP_INFO_SIZE);
    const failed = libc.getsockopt(slots.fd(slot, end), abi.IPPROTO_TCP, abi.TCP_INFO, small.info, small.length) !== 0;
    if (failed || !small.waitsForPeer) return NOTHING_WAITS;
    const silence = small.silence;
    if (silence < this.#often) return HEARD;
    return silence >= this.limit && this.#isUnanswered(silence) ? DEAD : QUIET;
  }

  /**
   * Silence alone proves nothing: while its window is closed a living peer is asked every two minutes only, with probes, or with
   * retransmissions if it took back the room for what was under way. Each time the time-out doubles, so a silence that is longer than
   * it is one after a retransmission; at its limit of two minutes it does not, and a hundredth is the time for the answer.
   */
  #isUnanswered(silence: number): boolean {
    const { small } = this.#shard;
    if (!small.unacked) return small.probes >= PROBES;
    return small.retransmits > 0 && silence > 1.01 * small.retransmitAfter;
  }
}

/** Who watches relays with such a limit: one for all pools that have it. Goes without those that nobody needs any more. */
export function deadPathsFor(s: Shard, limit: number): RelayWatch {
  const known = s.deadPaths.find((paths) => paths.limit === limit);
  if (known !== undefined) return known;
  const inUse = new Set(s.parts.map((part) => part?.deadPaths));
  const paths = new DeadPaths(s, limit);
  s.deadPaths = [...s.deadPaths.filter((each) => each.dueAt !== Number.POSITIVE_INFINITY || inUse.has(each)), paths];
  return paths;
}

function dueAt(list: Fifo): number {
  return list.empty ? Number.POSITIVE_INFINITY : list.first;
}
