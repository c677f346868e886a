/** What a pool's lifecycle asks for, as system calls of this worker; the outcomes come as events of the loop. */
import type { NetCode } from "../../../net/net-error.ts";
import type { Io } from "../../../proxy/io.ts";
import { CLIENT, TARGET } from "../../../proxy/record.ts";
import { SENT_EARLY, THROUGH_TLS, WRITTEN } from "../shared/ends.ts";
import { connectCode, TIMED_OUT } from "../shared/tried.ts";
import { delivered } from "./delivery.ts";
import { dialTarget } from "./dial.ts";
import { leaveEdge } from "./edges.ts";
import { takeEarly } from "./fast-open.ts";
import { tellShare } from "./hand-over.ts";
import { lookSoon } from "./looks.ts";
import type { PoolPart } from "./pool-part.ts";
import { proxyWanted, sayFirst } from "./preface.ts";
import { noticeSilence } from "./queue.ts";
import { startRelay } from "./relay.ts";
import type { Shard } from "./shard.ts";
import { closeEnd, dropBuffered, listUnreported } from "./socket-io.ts";
import { dialThroughTls } from "./tls-bridge.ts";
import { startAnswer } from "./unavailable.ts";

export class WorkerIo implements Io<number, number> {
  readonly #shard: Shard;
  readonly #part: PoolPart;

  constructor(shard: Shard, part: PoolPart) {
    this.#shard = shard;
    this.#part = part;
  }

  dial(slot: number, row: number): number | null {
    const { targetTls } = this.#part.terms;
    const errno =
      targetTls === undefined
        ? dialTarget(this.#shard, slot, this.#part, row)
        : dialThroughTls(this.#shard, slot, targetTls);
    return errno === 0 ? null : errno;
  }

  undial(slot: number): void {
    const s = this.#shard;
    closeEnd(s, slot, TARGET, (s.slots.bits(slot, TARGET) & THROUGH_TLS) !== 0); // the bridge gives up what was reset
  }

  relay(slot: number): void {
    const s = this.#shard;
    listUnreported(s, slot); // so that keepalive is switched on, bytes or not
    const bits = s.slots.bits(slot, TARGET);
    if (bits & SENT_EARLY) takeEarly(s, slot);
    // The TLS bridge has sent it already, or none was wanted when the client's bytes went with the SYN.
    const proxy = bits & (WRITTEN | SENT_EARLY) ? undefined : proxyWanted(s, this.#part, slot);
    if (proxy !== undefined) sayFirst(s, slot, proxy);
    startRelay(s, slot);
  }

  delivered(slot: number): boolean {
    return delivered(this.#shard, slot);
  }

  answer(slot: number): void {
    startAnswer(this.#shard, this.#part, slot);
  }

  close(slot: number, reset: boolean): void {
    const s = this.#shard;
    closeEnd(s, slot, CLIENT, reset);
    closeEnd(s, slot, TARGET, reset);
    dropBuffered(s, slot, CLIENT);
    dropBuffered(s, slot, TARGET);
  }

  ended(slot: number): void {
    const s = this.#shard;
    if (s.slots.edgeOf(slot) >= 0) leaveEdge(s, slot);
    s.open--;
    s.recordsPushed = true;
    s.mailbox.pushRecord(slot);
    tellShare(s);
    if (this.#part.isLeaving && this.#part.lifecycle.open === 0) s.windUpAt = s.now;
  }

  roomFreed(): void {
    this.#shard.freed.push(this.#part);
  }

  lookSoon(): void {
    lookSoon(this.#shard, this.#part);
  }

  queued(slot: number): void {
    const s = this.#shard;
    const part = this.#part;
    if (!part.isQueued) {
      part.isQueued = true;
      s.queued.push(part);
    }
    s.mailbox.waiting++; // until the turn's end counts them anew
    noticeSilence(s, part, slot);
  }

  arm(slot: number, due: number): void {
    this.#shard.timers.set(slot, due);
  }

  disarm(slot: number): void {
    this.#shard.timers.clear(slot);
  }

  timeoutFailure(): number {
    return TIMED_OUT;
  }

  codeOf(errno: number): NetCode {
    return connectCode(errno);
  }

  now(): number {
    return this.#shard.now;
  }

  warn(kind: string, message: string): void {
    this.#shard.warn(kind, message);
  }
}
