/**
 * Which thread a new connection should go to. The kernel spreads them by a hash of the addresses, and long ones stay where they fell;
 * so a thread that has clearly more than another one hands new ones over. While shares are even, this costs a comparison for each,
 * and a look at a word of each other thread's once in a while; system calls are made only by a thread that has clearly more.
 */
import type { Inbox } from "../shared/inbox.ts";
import type { Mailbox } from "../shared/mailbox.ts";
import * as abi from "../sys/abi.ts";
import type { Libc } from "../sys/libc.ts";
import type { WorkerListener } from "./listener.ts";
import type { SmallArguments } from "./small-arguments.ts";

/** How another thread is reached. */
export interface Peer {
  readonly index: number;
  readonly mailbox: Mailbox;
  readonly eventfd: number;
}

/** Clearly more: an eighth, and two, which keeps each thread below 1.2 times the mean unless there are few in all. */
const MUCH = 1.125;
const FEW = 2;
/** ms in which a thread with short connections ends more than it has open. */
const COUNT_MS = 1_000;
/** ms between two looks at the others: the word of each is in another processor's cache. */
const LOOK_MS = 5;
/** So many events per turn more make a thread busier than another: by chance it has some more or some fewer. */
const BUSIER = 8;

export class Shares {
  readonly #own: Inbox;
  readonly #others: readonly Peer[];
  readonly #libc: Libc;
  readonly #small: SmallArguments;
  /** With so many connections this thread has clearly more than the least loaded of the others had at the last look. */
  limit = Number.POSITIVE_INFINITY;
  #lookAgainAt = 0;
  /** Most connections of this thread are over within a second. */
  #shortLived = false;
  #endedBefore = 0;
  #countAgainAt = 0;

  constructor(own: Inbox, others: readonly Peer[], libc: Libc, small: SmallArguments) {
    this.#own = own;
    this.#others = others;
    this.#libc = libc;
    this.#small = small;
  }

  /** Looks at the others, if that was not done a moment ago. This thread has `open` connections, and has ended `ended` so far. */
  refresh(open: number, ended: number, now: number): void {
    if (now < this.#lookAgainAt) return;
    this.#lookAgainAt = now + LOOK_MS;
    if (now >= this.#countAgainAt) {
      this.#shortLived = ended - this.#endedBefore > open;
      this.#endedBefore = ended;
      this.#countAgainAt = now + COUNT_MS;
    }
    let least = Number.POSITIVE_INFINITY;
    for (const { mailbox } of this.#others) {
      const load = mailbox.inbox.told;
      if (load >= 0 && load < least) least = load;
    }
    this.limit = this.#limitAbove(least);
  }

  /** The one that a thread with so many connections should hand a new one of that listener over to; null: it keeps it. */
  leastLoaded(open: number, listener: WorkerListener): Peer | null {
    let least = Number.POSITIVE_INFINITY;
    let receiver: Peer | null = null;
    for (const peer of this.#others) {
      let load = peer.mailbox.inbox.told;
      if (load < 0 || load >= least || this.#isBusier(peer)) continue;
      // What is on its way to a thread is looked at only where it matters.
      if (open >= this.#limitAbove(load)) load += peer.mailbox.inbox.pending + this.#backlog(peer, listener);
      if (load >= least) continue;
      least = load;
      receiver = peer;
    }
    this.limit = this.#limitAbove(least);
    return open < this.limit ? null : receiver;
  }

  /**
   * Number is not work. A thread that begins anew has the fewest connections until others' long ones have ended, and would get all
   * the short ones, too, and be the only one that works: so it gets more only while it is no busier than who gives.
   */
  #isBusier({ mailbox }: Peer): boolean {
    return !mailbox.asleep && mailbox.inbox.events > this.#own.events + BUSIER;
  }

  /**
   * Connections that wait for a thread in the kernel: in a burst, one that has not had its turn yet looks idle. Other listeners than the
   * one at hand are not asked, as there may be a thousand.
   */
  #backlog({ index }: Peer, { descriptors, isShared }: WorkerListener): number {
    if (isShared) return 0;
    const { info, length } = this.#small;
    this.#small.setLength(abi.TCP_INFO_SIZE);
    const known = this.#libc.getsockopt(descriptors[index - 1]!, abi.IPPROTO_TCP, abi.TCP_INFO, info, length) === 0;
    return known ? this.#small.getBacklog() : 0;
  }

  #limitAbove(load: number): number {
    const limit = load * MUCH + FEW;
    // Numbers of short connections differ by chance and even out by themselves: only two standard deviations (√x) beyond it are clear.
    return this.#shortLived ? (1 + Math.sqrt(1 + limit)) ** 2 : limit; // x - 2 √x = limit
  }
}
