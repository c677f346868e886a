/**
 * How an engine asks for a target that is spoken to through TLS: it connects to a port of loopback, where threads of tls/ listen, and
 * sends one request. All numbers are big-endian:
 *
 *     offset  bytes
 *          0     32  the secret of TargetTlsBridge
 *         32      4  its `terms`
 *         36      2  port; 0: what follows as the host is the path of a Unix socket
 *         38      2  length of the host
 *         40      2  length of the preface
 *         42      h  the host, an IP literal, in UTF-8
 *     42 + h      p  the preface: bytes that the target gets as they are, before the TLS: a PROXY header. It may be empty
 *
 * The answer is one byte: 0 once the target has agreed on TLS, from where on the connection is that to the target, both ways; otherwise
 * numberOf() of a NetCode, and the connection ends. An engine that gives up resets it, which ends the one to the target as well.
 */
import type { Address } from "../net/runtime.ts";
import { codeOfNumber, type NetCode, numberOf } from "../util/net-codes.ts";

export const BRIDGE_SECRET_BYTES = 32;
const FIXED_BYTES = 42;
const TERMS_AT = 32;
const PORT_AT = 36;
const HOST_LENGTH_AT = 38;
const PREFACE_LENGTH_AT = 40;
/** Of a host or a path: more than any socket's address has room for. */
const MAX_HOST_BYTES = 256;
const MAX_PREFACE_BYTES = 8192;
export const MAX_REQUEST_BYTES = FIXED_BYTES + MAX_HOST_BYTES + MAX_PREFACE_BYTES;

/** The answer that says that the target is there. */
export const BRIDGE_READY = 0;

export interface BridgeRequest {
  readonly terms: number;
  readonly target: Address;
  readonly preface: Uint8Array;
}

/** How many bytes the request has. `host`: the target's host or path, in UTF-8. */
export function requestLength(host: Uint8Array, preface: Uint8Array): number {
  return FIXED_BYTES + host.length + preface.length;
}

/**
 * Writes it to the start of `into`, and gives its length. RangeError: a host or a preface that is too long. `port`: 0 for a path.
 */
export function writeRequest(
  into: Uint8Array,
  secret: Uint8Array,
  terms: number,
  port: number,
  host: Uint8Array,
  preface: Uint8Array,
): number {
  if (host.length > MAX_HOST_BYTES || preface.length > MAX_PREFACE_BYTES) {
    throw new RangeError("a target's address, or what is sent before its TLS, is too long");
  }
  into.set(secret, 0);
  putNumber(into, TERMS_AT, terms >>> 16);
  putNumber(into, TERMS_AT + 2, terms & 0xffff);
  putNumber(into, PORT_AT, port);
  putNumber(into, HOST_LENGTH_AT, host.length);
  putNumber(into, PREFACE_LENGTH_AT, preface.length);
  into.set(host, FIXED_BYTES);
  into.set(preface, FIXED_BYTES + host.length);
  return FIXED_BYTES + host.length + preface.length;
}

/** The secret as it was sent; null: not all of it has come. It is compared before anything else is looked at. */
export function secretOf(bytes: Uint8Array): Uint8Array | null {
  return bytes.length < BRIDGE_SECRET_BYTES ? null : bytes.subarray(0, BRIDGE_SECRET_BYTES);
}

/** null: more bytes are needed; "bad": nobody writes such a request. What follows it, from `length` on, is the client's. */
export function readRequest(bytes: Uint8Array): (BridgeRequest & { readonly length: number }) | null | "bad" {
  if (bytes.length < FIXED_BYTES) return null;
  const hostLength = numberAt(bytes, HOST_LENGTH_AT);
  const prefaceLength = numberAt(bytes, PREFACE_LENGTH_AT);
  if (hostLength === 0 || hostLength > MAX_HOST_BYTES || prefaceLength > MAX_PREFACE_BYTES) return "bad";
  const length = FIXED_BYTES + hostLength + prefaceLength;
  if (bytes.length < length) return null;
  const port = numberAt(bytes, PORT_AT);
  const host = new TextDecoder().decode(bytes.subarray(FIXED_BYTES, FIXED_BYTES + hostLength));
  return {
    terms: numberAt(bytes, TERMS_AT) * 0x10000 + numberAt(bytes, TERMS_AT + 2),
    target: port === 0 ? { path: host } : { host, port },
    preface: bytes.slice(FIXED_BYTES + hostLength, length),
    length,
  };
}

/** The byte that says why there is no target. */
export function refusalByte(code: NetCode): number {
  return numberOf(code);
}

/** Why there is no target; null: it is there. A byte that means nothing is an unknown failure. */
export function answerOf(byte: number): NetCode | null {
  return byte === BRIDGE_READY ? null : (codeOfNumber(byte) ?? "EUNKNOWN");
}

function putNumber(into: Uint8Array, at: number, value: number): void {
  into[at] = value >>> 8;
  into[at + 1] = value & 0xff;
}

function numberAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 256 + bytes[at + 1]!;
}
