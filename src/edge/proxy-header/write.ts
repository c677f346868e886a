/** The PROXY header that a target gets before anything else. */
import type { TcpAddress } from "../../net/runtime.ts";
import { joined } from "../../util/bytes.ts";
import { addressWords, formatWords, hasAddress, isMapped } from "../../util/client-key.ts";
import type { TlsFacts } from "../facts.ts";
import {
  ADDRESSES_LENGTH,
  COMMAND,
  type CustomTlv,
  FAMILY,
  MAX_TEXT,
  MAX_UNIQUE_ID,
  MAX_V2_REST,
  PROTOCOL,
  SSL_CLIENT,
  TLV,
  V2_FIXED,
  V2_SIGNATURE,
} from "./header.ts";

export interface OutgoingHeader {
  /** null, as `destination`: it has no address, such as that of a Unix socket. Then the header says so, and names nobody. */
  readonly client: TcpAddress | null;
  /** Where the client has connected to, as it sees it. */
  readonly destination: TcpAddress | null;
  /** Of these the header of version 2 tells what is not null. */
  readonly serverName?: string | null;
  readonly alpn?: string | null;
  /** null: it is not known to be TLS, or is not decrypted. */
  readonly tls?: TlsFacts | null;
  /** The first MAX_UNIQUE_ID bytes go. */
  readonly uniqueId?: Uint8Array | null;
  readonly custom?: readonly CustomTlv[];
}

/** Of version 1 the line for one that has no address. */
const NOBODY = "PROXY UNKNOWN\r\n";
/** PP2 "verify" of a certificate that was not shown, or is not to be trusted. */
const NOT_VERIFIED = 1;

const utf8 = new TextEncoder();

/** Throws RangeError where `custom` takes so much more than MAX_CUSTOM bytes that the whole takes more than MAX_V2_REST. */
export function writeProxyHeader(version: 1 | 2, header: OutgoingHeader): Uint8Array {
  const ends = endsOf(header);
  if (version === 1) return utf8.encode(ends === null ? NOBODY : writeLine(ends));
  const tlvs = writeTlvs(header);
  // Without addresses there is no room for any, and TLVs follow at once.
  const family = ends === null ? FAMILY.UNSPEC : ends.isV4 ? FAMILY.INET : FAMILY.INET6;
  const rest = ADDRESSES_LENGTH[family] + tlvs.length;
  if (rest > MAX_V2_REST) throw new RangeError(`a PROXY header with ${rest} bytes of addresses and TLVs`);
  const bytes = new Uint8Array(V2_FIXED + rest);
  bytes.set(V2_SIGNATURE);
  bytes[12] = (2 << 4) | COMMAND.PROXY;
  bytes[13] = (family << 4) | (ends === null ? PROTOCOL.UNSPEC : PROTOCOL.STREAM);
  bytes[14] = rest >>> 8;
  bytes[15] = rest;
  if (ends !== null) writeAddresses(new DataView(bytes.buffer, V2_FIXED), ends);
  bytes.set(tlvs, bytes.length - tlvs.length);
  return bytes;
}

/** The header of one that speaks for itself, such as a health check: whoever reads it goes by the connection's own addresses. */
export function ownProxyHeader(version: 1 | 2): Uint8Array {
  return version === 1 ? utf8.encode(NOBODY) : Uint8Array.of(...V2_SIGNATURE, (2 << 4) | COMMAND.LOCAL, 0, 0, 0);
}

interface Ends {
  /** Words of util/client-key.ts. */
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  readonly fromPort: number;
  readonly toPort: number;
  /** Both have IPv4; otherwise an IPv4 address is written as IPv6, since both have to be of one family. */
  readonly isV4: boolean;
}

function endsOf({ client, destination }: OutgoingHeader): Ends | null {
  if (client === null || destination === null) return null;
  const from = addressWords(client.host, new Uint32Array(4));
  const to = addressWords(destination.host, new Uint32Array(4));
  if (!hasAddress(from) || !hasAddress(to)) return null;
  return { from, to, fromPort: client.port, toPort: destination.port, isV4: isMapped(from) && isMapped(to) };
}

function writeLine({ from, to, fromPort, toPort, isV4 }: Ends): string {
  const text = (words: Uint32Array) => (isMapped(words) && !isV4 ? "::ffff:" : "") + formatWords(words, 0);
  return `PROXY ${isV4 ? "TCP4" : "TCP6"} ${text(from)} ${text(to)} ${fromPort} ${toPort}\r\n`;
}

function writeAddresses(view: DataView, { from, to, fromPort, toPort, isV4 }: Ends): void {
  const words = isV4 ? [from[3]!, to[3]!] : [...from, ...to];
  for (const [n, word] of words.entries()) view.setUint32(4 * n, word);
  view.setUint16(4 * words.length, fromPort);
  view.setUint16(4 * words.length + 2, toPort);
}

function writeTlvs({ alpn, custom, serverName, tls, uniqueId }: OutgoingHeader): Uint8Array {
  const tlvs: Uint8Array[] = [];
  if (alpn) tlvs.push(tlv(TLV.ALPN, textOf(alpn)));
  if (serverName) tlvs.push(tlv(TLV.AUTHORITY, textOf(serverName)));
  if (uniqueId) tlvs.push(tlv(TLV.UNIQUE_ID, uniqueId.subarray(0, MAX_UNIQUE_ID)));
  if (tls) tlvs.push(tlv(TLV.SSL, writeTls(tls)));
  for (const { type, value } of custom ?? []) tlvs.push(tlv(type, value));
  return joined(tlvs);
}

function writeTls({ certificate, cipher, version }: TlsFacts): Uint8Array {
  const shown = certificate === null ? 0 : SSL_CLIENT.CERTIFICATE_NOW | SSL_CLIENT.CERTIFICATE_IN_SESSION;
  const parts: Uint8Array[] = [
    Uint8Array.of(SSL_CLIENT.SSL | shown, 0, 0, 0, certificate?.verified ? 0 : NOT_VERIFIED),
  ];
  parts.push(tlv(TLV.SSL_VERSION, textOf(version)));
  if (cipher !== null) parts.push(tlv(TLV.SSL_CIPHER, textOf(cipher)));
  const name = certificate?.commonName ?? null;
  if (name !== null) parts.push(tlv(TLV.SSL_CN, textOf(name)));
  return joined(parts);
}

function textOf(text: string): Uint8Array {
  return utf8.encode(text).subarray(0, MAX_TEXT);
}

function tlv(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(3 + value.length);
  bytes[0] = type;
  bytes[1] = value.length >>> 8;
  bytes[2] = value.length;
  bytes.set(value, 3);
  return bytes;
}
