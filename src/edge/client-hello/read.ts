/** The ClientHello of TLS, as it comes in records (RFC 8446, 5.1), each of which may hold any piece of it. */
import { bad, type Malformed, more, type NeedsMore, type Parsed, whole } from "../parsed.ts";
import { type ClientHello, readHelloMessage } from "./message.ts";

/** Bytes of the message, without records. With post-quantum keys and ECH, browsers come to 2 KiB. */
export const MAX_MESSAGE = 16_384;
/** Bytes that are looked at, records included: a hello in tiny pieces may be more than its message. */
export const MAX_HELLO = 32_768;

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
/** Of every version since SSL 3. */
const MAJOR_VERSION = 3;
const RECORD_HEAD = 5;
const MESSAGE_HEAD = 4;
/** Bytes of a message with one cipher, one compression, and all else empty. */
const MIN_MESSAGE = MESSAGE_HEAD + 41;
/** Bytes that a record may hold (RFC 8446, 5.1). */
const MAX_RECORD = 16_384;

/** It is no TLS, as its first bytes show: another protocol, or the hello of SSL 2. */
export interface Foreign {
  readonly type: "foreign";
}

const FOREIGN: Foreign = { type: "foreign" };
const NO_HANDSHAKE = bad("a record of its TLS ClientHello is no handshake record, or has an impossible length");
const NO_HELLO = bad("it begins TLS with something else than a ClientHello");
const OVERLONG = bad("its TLS ClientHello is too long");
const MALFORMED = bad("its TLS ClientHello is malformed");

/**
 * `bytes`: all that the client has sent so far, without a PROXY header; it need not be more than MAX_HELLO of it. `length` of a whole one
 * is the end of its last record. To read again with more bytes costs little: while some are missing, only the heads of records are looked at,
 * and how many are needed at least grows by a share of what is missing, so that a hello in pieces of one byte is not read for each.
 */
export function readClientHello(bytes: Uint8Array): Parsed<ClientHello> | Foreign {
  if (bytes.length > 0 && bytes[0] !== HANDSHAKE) return FOREIGN;
  if (bytes.length > 1 && bytes[1] !== MAJOR_VERSION) return FOREIGN;
  // Whoever speaks another protocol may not say more than a byte before it is answered.
  if (bytes.length < 2) return more(bytes.length + 1);
  const end = endOfMessage(bytes);
  if (typeof end !== "number") return end;
  const hello = readHelloMessage(messageOf(bytes, end));
  return hello === null ? MALFORMED : whole(end, hello);
}

/** Where the record ends with which the message does. Nothing may follow it in there: a client says no more before it is answered. */
function endOfMessage(bytes: Uint8Array): number | NeedsMore | Malformed {
  const head = new Uint8Array(MESSAGE_HEAD);
  /** Bytes of the message, its head included; before that is there, the least that it can be. */
  let wanted = MIN_MESSAGE;
  let found = 0;
  let at = 0;
  while (at + RECORD_HEAD <= bytes.length) {
    const length = (bytes[at + 3]! << 8) | bytes[at + 4]!;
    if (bytes[at] !== HANDSHAKE || bytes[at + 1] !== MAJOR_VERSION || length === 0 || length > MAX_RECORD)
      return NO_HANDSHAKE;
    const end = at + RECORD_HEAD + length;
    if (found < MESSAGE_HEAD) {
      head.set(bytes.subarray(at + RECORD_HEAD, Math.min(end, at + RECORD_HEAD + MESSAGE_HEAD - found)), found);
      const known = Math.min(found + Math.min(end, bytes.length) - at - RECORD_HEAD, MESSAGE_HEAD);
      if (known > 0 && head[0] !== CLIENT_HELLO) return NO_HELLO;
      if (known === MESSAGE_HEAD) wanted = MESSAGE_HEAD + ((head[1]! << 16) | (head[2]! << 8) | head[3]!);
      if (wanted > MAX_MESSAGE) return OVERLONG;
      if (wanted < MIN_MESSAGE) return MALFORMED;
    }
    found += length;
    if (end > bytes.length) return upTo(end + (found < wanted ? RECORD_HEAD + wanted - found : 0));
    if (found > wanted) return MALFORMED;
    if (found === wanted) return end;
    at = end;
  }
  // In whatever records the rest comes, it is one more head at least, and all that is missing.
  return upTo(at + RECORD_HEAD + wanted - found);
}

function upTo(length: number): NeedsMore | Malformed {
  return length > MAX_HELLO ? OVERLONG : more(length);
}

/** What the message says, without its head, out of the records that end at `end`. */
function messageOf(bytes: Uint8Array, end: number): Uint8Array {
  const isOneRecord = RECORD_HEAD + ((bytes[3]! << 8) | bytes[4]!) === end;
  if (isOneRecord) return bytes.subarray(RECORD_HEAD + MESSAGE_HEAD, end);
  const message = new Uint8Array(end);
  let length = 0;
  for (let at = 0; at < end; ) {
    const next = at + RECORD_HEAD + ((bytes[at + 3]! << 8) | bytes[at + 4]!);
    message.set(bytes.subarray(at + RECORD_HEAD, next), length);
    length += next - at - RECORD_HEAD;
    at = next;
  }
  return message.subarray(MESSAGE_HEAD, length);
}
