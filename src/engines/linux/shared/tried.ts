/**
 * The targets that failed each connection, behind the slots in the same memory: as many words a slot as attempts may fail in any pool.
 * Few connections have any, and pages that are never used take no memory.
 */

import type { NetCode } from "../../../net/net-error.ts";
import { MOST_REQUEUES } from "../../../proxy/options.ts";
import { codeOfNumber, numberOf } from "../../../util/net-codes.ts";
import { codeOfErrno } from "../sys/errno.ts";

/** In place of an errno: the connect time-out. */
export const TIMED_OUT = -1;

/** In place of an errno: this, and above it the number of a NetCode, as the TLS bridge says it. */
const BRIDGE_SAID = 140;
/** The same: the bridge cannot be reached, or gives no answer. */
export const BRIDGE_FAILED = BRIDGE_SAID + numberOf("EBRIDGE");

/** Of the byte that the bridge answers with where it does not have the target. */
export function bridgeFailure(byte: number): number {
  return codeOfNumber(byte) === null ? BRIDGE_FAILED : BRIDGE_SAID + byte;
}

/** Of an errno, or of what is given in its place. */
export function connectCode(errno: number): NetCode {
  if (errno === TIMED_OUT) return "ETIMEDOUT";
  return errno > BRIDGE_SAID ? codeOfNumber(errno - BRIDGE_SAID)! : codeOfErrno(errno);
}

/**
 * A word holds the incarnation and the row of the target, of which MAX_TARGETS needs 17 bits, and below them the errno plus one, so
 * that TIMED_OUT is 0. Linux's errnos end at 133, and there are few codes.
 */
const ERRNO_BITS = 8;
const ERRNO_MASK = (1 << ERRNO_BITS) - 1;
const ROW_BITS = 17;
const ROW_MASK = (1 << ROW_BITS) - 1;

/** Words per slot: a connection has an answer after its last attempt. */
export const TRIED_WORDS = 1 + MOST_REQUEUES;

export class Tried {
  readonly #words: Int32Array;

  /** Begins at byte `start` of the memory. */
  constructor(buffer: SharedArrayBuffer, start: number) {
    this.#words = new Int32Array(buffer, start);
  }

  set(slot: number, nth: number, row: number, incarnation: number, errno: number): void {
    this.#words[slot * TRIED_WORDS + nth] = (((incarnation << ROW_BITS) | row) << ERRNO_BITS) | (errno + 1);
  }

  row(slot: number, nth: number): number {
    return (this.#words[slot * TRIED_WORDS + nth]! >>> ERRNO_BITS) & ROW_MASK;
  }

  incarnation(slot: number, nth: number): number {
    return this.#words[slot * TRIED_WORDS + nth]! >>> (ERRNO_BITS + ROW_BITS);
  }

  errno(slot: number, nth: number): number {
    return (this.#words[slot * TRIED_WORDS + nth]! & ERRNO_MASK) - 1;
  }
}
