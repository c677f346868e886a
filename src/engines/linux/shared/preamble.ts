/**
 * What a worker sends first on a connection that the handler of `unavailable` is to answer: a secret, which proves that it is a
 * worker's, then which client it is for and why that one gets no target.
 */

import type { TcpAddress } from "../../../net/runtime.ts";
import { CAUSES, causeNumber, type UnavailableReason } from "../../../proxy/outcome.ts";
import { formatWords } from "../../../util/client-key.ts";
import type { Slots } from "./slots.ts";

export const SECRET_BYTES = 16;
/** Of 32 bits: worker, ticket, reason, failure and row; the client's address and port. */
const WORDS = 5 + 4 + 1;
export const PREAMBLE_BYTES = SECRET_BYTES + 4 * WORDS;

export interface Preamble {
  readonly worker: number;
  readonly ticket: number;
  readonly reason: UnavailableReason;
  /** The last connect failure, as in the slot: 0 without one. */
  readonly failure: number;
  /** Of the target that it was; -1 when none was picked. */
  readonly row: number;
  readonly client: TcpAddress;
}

export function writePreamble(
  secret: Uint8Array,
  worker: number,
  ticket: number,
  slots: Slots,
  slot: number,
): Uint8Array {
  const bytes = new Uint8Array(PREAMBLE_BYTES);
  bytes.set(secret);
  const view = new DataView(bytes.buffer, SECRET_BYTES);
  const words = [worker, ticket, causeNumber(slots.outcome(slot)), slots.failure(slot), slots.row(slot)];
  words.push(...slots.address(slot), slots.port(slot));
  for (const [i, word] of words.entries()) view.setInt32(4 * i, word);
  return bytes;
}

/** Of PREAMBLE_BYTES, whose secret has been found right. */
export function readPreamble(bytes: Uint8Array): Preamble {
  const view = new DataView(bytes.buffer, bytes.byteOffset + SECRET_BYTES);
  const address = Uint32Array.from({ length: 4 }, (_, i) => view.getUint32(20 + 4 * i));
  return {
    worker: view.getInt32(0),
    ticket: view.getInt32(4),
    reason: CAUSES[view.getInt32(8)] as UnavailableReason,
    failure: view.getInt32(12),
    row: view.getInt32(16),
    client: { host: formatWords(address, 0), port: view.getInt32(36) },
  };
}
