/**
 * What a worker sends first on a connection that the handler of `unavailable` is to answer: a secret, which proves that it is a
 * worker's, then which client it is for and why that one gets no target.
 */

import type { TcpAddress } from "../../../net/runtime.ts";
import { CAUSES, causeNumber, type UnavailableReason } from "../../../proxy/outcome.ts";
import { decodePeer, endOfWords } from "../sys/sockaddr.ts";
import type { Slots } from "./slots.ts";

export const SECRET_BYTES = 16;
/** Of 32 bits: an address and a port. */
const END_WORDS = 4 + 1;
/** Worker, ticket, pool, reason, failure and row; then the client's end and ours. */
const CLIENT_WORD = 6;
const LOCAL_WORD = CLIENT_WORD + END_WORDS;
const WORDS = LOCAL_WORD + END_WORDS;
export const PREAMBLE_BYTES = SECRET_BYTES + 4 * WORDS;

export interface Preamble {
  readonly worker: number;
  readonly ticket: number;
  /** The number of its pool. */
  readonly pool: number;
  readonly reason: UnavailableReason;
  /** The last connect failure, as in the slot: 0 without one. */
  readonly failure: number;
  /** Of the target that it was; -1 when none was picked. */
  readonly row: number;
  readonly client: TcpAddress;
  /** Where the client connected to. */
  readonly local: TcpAddress;
}

/** `local`: the sockaddr of our end. */
export function writePreamble(
  secret: Uint8Array,
  worker: number,
  ticket: number,
  slots: Slots,
  slot: number,
  local: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(PREAMBLE_BYTES);
  bytes.set(secret);
  const view = new DataView(bytes.buffer, SECRET_BYTES);
  const words = [worker, ticket, slots.poolOf(slot), causeNumber(slots.outcome(slot)), slots.failure(slot)];
  words.push(slots.row(slot), ...slots.address(slot), slots.port(slot));
  const ours = new Uint32Array(4);
  const port = decodePeer(local, ours, 0);
  words.push(...ours, port);
  for (const [i, word] of words.entries()) view.setInt32(4 * i, word);
  return bytes;
}

/** Of PREAMBLE_BYTES, whose secret has been found right. */
export function readPreamble(bytes: Uint8Array): Preamble {
  const view = new DataView(bytes.buffer, bytes.byteOffset + SECRET_BYTES);
  return {
    worker: view.getInt32(0),
    ticket: view.getInt32(4),
    pool: view.getInt32(8),
    reason: CAUSES[view.getInt32(12)] as UnavailableReason,
    failure: view.getInt32(16),
    row: view.getInt32(20),
    client: endAt(view, CLIENT_WORD),
    local: endAt(view, LOCAL_WORD),
  };
}

function endAt(view: DataView, word: number): TcpAddress {
  const address = Uint32Array.from({ length: 4 }, (_, i) => view.getUint32(4 * (word + i)));
  return endOfWords(address, 0, view.getInt32(4 * (word + 4)));
}
