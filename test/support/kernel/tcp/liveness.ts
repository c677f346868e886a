/**
 * When a connection gives up on a peer that is not heard of: keepalive, TCP_USER_TIMEOUT and the retransmission limit. Only a
 * connection whose wire is silent, or that waits for a peer which does not read, has anything to time.
 */
import { ETIMEDOUT } from "../../../../src/engines/linux/sys/abi.ts";
import type { Timer } from "../virtual-clock.ts";
import type { Endpoint } from "./endpoint.ts";

/** ms of retransmissions without an answer: net.ipv4.tcp_retries2 = 15 with the usual time-outs. */
const RETRANSMIT_MS = 924_600;

/** ms to the first retransmission or window probe, and between two at most: each interval is twice as long as the one before. */
const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 120_000;

/** What a struct tcp_info tells of this; ms. */
export interface LivenessInfo {
  readonly unacked: number;
  readonly unsent: number;
  readonly retransmits: number;
  readonly probes: number;
  readonly retransmitAfter: number;
  readonly silence: number;
}

export class Liveness {
  readonly #end: Endpoint;
  #heardAt: number;
  /** Since when something waits to be acknowledged or taken; null: nothing does. */
  #pressingSince: number | null = null;
  /** Since when nothing gets through. */
  #silentSince: number | null = null;
  #timer: Timer | null = null;

  constructor(end: Endpoint) {
    this.#end = end;
    this.#heardAt = end.clock.now();
  }

  /** Something of the peer's has arrived. */
  heard(): void {
    this.#heardAt = this.#end.clock.now();
  }

  /** The peer has acknowledged or taken something. */
  progress(): void {
    this.#pressingSince = null;
    this.check();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** After something has changed that the time to give up depends on. */
  check(): void {
    const end = this.#end;
    const now = end.clock.now();
    if (end.pressing) this.#pressingSince ??= now;
    else this.#pressingSince = null;
    if (this.#silent && this.#silentSince === null) this.#fallSilent(now);
    if (!this.#silent) this.#silentSince = null;
    const due = this.#due();
    // A timer that is too early looks again when it comes; only one that is too late has to be replaced.
    if (due === Number.POSITIVE_INFINITY || (this.#timer !== null && this.#timer.at <= due)) return;
    this.stop();
    this.#timer = end.clock.schedule(due - now, () => this.#expire());
  }

  info(): LivenessInfo {
    const { underWay, queued } = this.#end;
    const now = this.#end.clock.now();
    const since = this.#pressingSince ?? now;
    const retries = this.#silentSince !== null && underWay > 0 ? retriesIn(now - Math.max(since, this.#heardAt)) : 0;
    const probing = underWay === 0 && queued > 0;
    // A peer that is there answers each probe.
    const answered = retriesIn((this.#silentSince ?? now) - since);
    const probes = probing ? retriesIn(now - since) - answered : 0;
    const heardAt = probing && answered > 0 ? Math.max(this.#heardAt, since + timeOf(answered)) : this.#heardAt;
    return {
      unacked: Math.ceil(underWay / this.#end.segmentBytes),
      unsent: Math.max(0, queued - underWay),
      retransmits: retries,
      probes,
      retransmitAfter: intervalAfter(retries),
      silence: now - heardAt,
    };
  }

  #fallSilent(now: number): void {
    const { keepAlive, keepIdle } = this.#end.options;
    this.#silentSince = now;
    // Until then each probe of keepalive was answered.
    if (keepAlive && !this.#end.pressing) this.#heardAt += Math.floor((now - this.#heardAt) / keepIdle) * keepIdle;
  }

  get #silent(): boolean {
    const { peer, wire } = this.#end;
    return (wire?.silent || peer?.wire?.silent) ?? false;
  }

  #expire(): void {
    this.#timer = null;
    if (this.#due() <= this.#end.clock.now()) this.#end.fail(ETIMEDOUT);
    else this.check();
  }

  #due(): number {
    const { options } = this.#end;
    const { userTimeout } = options;
    const silent = this.#silent;
    if (this.#pressingSince !== null) {
      // A peer that answers and does not read is given up by TCP_USER_TIMEOUT alone (tcp_probe_timer).
      const since = silent ? Math.max(this.#pressingSince, this.#heardAt) : this.#pressingSince;
      if (userTimeout > 0) return since + userTimeout;
      return silent ? since + RETRANSMIT_MS : Number.POSITIVE_INFINITY;
    }
    if (!silent || !options.keepAlive) return Number.POSITIVE_INFINITY;
    const firstProbe = this.#heardAt + options.keepIdle;
    if (userTimeout === 0) return firstProbe + options.keepCount * options.keepInterval;
    // It is looked at after each probe, and not before one has gone unanswered.
    const probes = Math.max(1, Math.ceil((userTimeout - options.keepIdle) / options.keepInterval));
    return firstProbe + probes * options.keepInterval;
  }
}

/** ms from the retry of this number, 0 for the first attempt, to the next one. */
function intervalAfter(retry: number): number {
  return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** retry);
}

/** ms from the first attempt to the retry of this number. */
function timeOf(retry: number): number {
  let time = 0;
  for (let i = 0; i < retry; i++) time += intervalAfter(i);
  return time;
}

function retriesIn(ms: number): number {
  let retries = 0;
  while (timeOf(retries + 1) <= ms) retries++;
  return retries;
}
