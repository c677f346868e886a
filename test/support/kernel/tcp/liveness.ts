/**
 * When a connection gives up on a peer that is not heard of: keepalive, TCP_USER_TIMEOUT and the retransmission limit. Only a
 * connection whose wire is silent, or that waits for a peer which does not read, has anything to time.
 */
import { ETIMEDOUT } from "../../../../src/engines/linux/sys/abi.ts";
import type { Timer } from "../virtual-clock.ts";
import type { Endpoint } from "./endpoint.ts";

/** ms of retransmissions without an answer: net.ipv4.tcp_retries2 = 15 with the usual time-outs. */
const RETRANSMIT_MS = 924_600;

export class Liveness {
  readonly #end: Endpoint;
  #heardAt: number;
  /** Since when something waits to be acknowledged or taken; null: nothing does. */
  #pressingSince: number | null = null;
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
    const due = this.#due();
    // A timer that is too early looks again when it comes; only one that is too late has to be replaced.
    if (due === Number.POSITIVE_INFINITY || (this.#timer !== null && this.#timer.at <= due)) return;
    this.stop();
    this.#timer = end.clock.schedule(due - now, () => this.#expire());
  }

  #expire(): void {
    this.#timer = null;
    if (this.#due() <= this.#end.clock.now()) this.#end.fail(ETIMEDOUT);
    else this.check();
  }

  #due(): number {
    const { options, peer, wire } = this.#end;
    const { userTimeout } = options;
    const silent = wire?.silent || peer?.wire?.silent;
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
