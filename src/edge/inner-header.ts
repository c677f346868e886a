/**
 * What threads that speak TLS tell an engine of a connection that they bring it over loopback: TLVs of a PROXY header, by which it knows that
 * nobody else brings it, which route was taken, and which proxy has named the client.
 */
import { timingSafeEqual } from "node:crypto";
import type { TcpAddress } from "../net/runtime.ts";
import type { CustomTlv } from "./proxy-header/header.ts";

const SECRET = 0xe0;
/** Big-endian, 16 bits. */
const ROUTE = 0xe1;
/** Its port, big-endian, 16 bits, and its address as a literal, in ASCII. */
const VIA = 0xe2;

/** `via`: as that of ClientFacts. */
export function innerTlvs(secret: Uint8Array, route: number, via: TcpAddress | null): readonly CustomTlv[] {
  return [
    { type: SECRET, value: secret },
    { type: ROUTE, value: Uint8Array.of(route >>> 8, route & 0xff) },
    ...(via === null ? [] : [{ type: VIA, value: addressBytes(via) }]),
  ];
}

/** The route; -1: it is nobody's who knows the secret. */
export function innerRoute(tlvs: readonly CustomTlv[], secret: Uint8Array): number {
  const shown = tlvs.find(({ type }) => type === SECRET)?.value;
  const route = tlvs.find(({ type }) => type === ROUTE)?.value;
  if (shown?.length !== secret.length || route?.length !== 2) return -1;
  return timingSafeEqual(shown, secret) ? route[0]! * 256 + route[1]! : -1;
}

/** Of a header whose route is known: who knows the secret writes what innerTlvs() writes. null: there was no proxy. */
export function innerVia(tlvs: readonly CustomTlv[]): TcpAddress | null {
  const via = tlvs.find(({ type }) => type === VIA)?.value;
  if (via === undefined) return null;
  return { host: new TextDecoder().decode(via.subarray(2)), port: via[0]! * 256 + via[1]! };
}

function addressBytes({ host, port }: TcpAddress): Uint8Array {
  return Uint8Array.of(port >>> 8, port & 0xff, ...new TextEncoder().encode(host));
}
