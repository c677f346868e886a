/** What follows the addresses of version 2: a type, a length of two bytes, a value; and so on to the end of the header. */
import type { TlsFacts } from "../facts.ts";
import { readServerName } from "../server-name.ts";
import { type CustomTlv, MAX_TEXT, MAX_UNIQUE_ID, NOTHING_TOLD, type ProxyFacts, SSL_CLIENT, TLV } from "./header.ts";

export interface ReadTlvs {
  readonly told: ProxyFacts;
  /** Where in the header its checksum is; -1: it has none. */
  readonly checksumAt: number;
}

const TORN = "has a TLV that goes beyond its end";
const TWICE = "says the same thing twice";
const MISSHAPEN = "has a TLV of a length that it cannot have";

/** What may come several times: padding, and what is the sender's own. */
const isOnce = (type: number): boolean => type !== TLV.NOOP && type < TLV.MIN_CUSTOM;

/**
 * `header`: the whole of it, whose TLVs begin `at`; its owner may read something else into it afterwards. A text: what is wrong with them.
 */
export function readTlvs(header: Uint8Array, at: number): ReadTlvs | string {
  if (at === header.length) return { told: NOTHING_TOLD, checksumAt: -1 };
  const told = { ...NOTHING_TOLD, custom: [] as CustomTlv[] };
  let checksumAt = -1;
  const problem = eachTlv(header, at, (type, value, valueAt) => {
    if (type === TLV.CRC32C) {
      if (value.length !== 4) return MISSHAPEN;
      checksumAt = valueAt;
    } else if (type === TLV.SSL) {
      const tls = readTls(value);
      if (typeof tls === "string") return tls;
      told.tls = tls;
    } else if (type === TLV.UNIQUE_ID) {
      if (value.length > MAX_UNIQUE_ID) return MISSHAPEN;
      if (value.length > 0) told.uniqueId = Uint8Array.from(value); // slice() of a Buffer is a view
    } else if (type === TLV.AUTHORITY) told.serverName = readServerName(value);
    else if (type === TLV.ALPN) told.alpn = readText(value);
    else if (type >= TLV.MIN_CUSTOM && type <= TLV.MAX_CUSTOM)
      told.custom.push({ type, value: Uint8Array.from(value) });
    return null;
  });
  return problem ?? { told, checksumAt };
}

/** Gives the first problem, `each`'s own included. `value` is a view of `bytes`. */
function eachTlv(
  bytes: Uint8Array,
  from: number,
  each: (type: number, value: Uint8Array, valueAt: number) => string | null,
): string | null {
  const seen = new Set<number>();
  let at = from;
  while (at < bytes.length) {
    if (at + 3 > bytes.length) return TORN;
    const type = bytes[at]!;
    const end = at + 3 + ((bytes[at + 1]! << 8) | bytes[at + 2]!);
    if (end > bytes.length) return TORN;
    if (isOnce(type) && seen.has(type)) return TWICE;
    seen.add(type);
    const problem = each(type, bytes.subarray(at + 3, end), at + 3);
    if (problem !== null) return problem;
    at = end;
  }
  return null;
}

/** A byte of flags, four that are zero where the certificate is verified, and TLVs within. null: it was no TLS. */
function readTls(value: Uint8Array): TlsFacts | null | string {
  if (value.length < 5) return MISSHAPEN;
  const flags = value[0]!;
  const verified = value.subarray(1, 5).every((byte) => byte === 0);
  let version: string | null = null;
  let cipher: string | null = null;
  let commonName: string | null = null;
  const problem = eachTlv(value, 5, (type, text) => {
    if (type === TLV.SSL_VERSION) version = readText(text);
    else if (type === TLV.SSL_CIPHER) cipher = readText(text);
    else if (type === TLV.SSL_CN) commonName = readText(text);
    return null;
  });
  if (problem !== null) return problem;
  if ((flags & SSL_CLIENT.SSL) === 0) return null;
  const hasCertificate = (flags & (SSL_CLIENT.CERTIFICATE_NOW | SSL_CLIENT.CERTIFICATE_IN_SESSION)) !== 0;
  return { version: version ?? "unknown", cipher, certificate: hasCertificate ? { commonName, verified } : null };
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** null: it is empty, too long, no UTF-8 (which gives replacement characters), or would move a cursor where it is shown. */
function readText(bytes: Uint8Array): string | null {
  if (bytes.length === 0 || bytes.length > MAX_TEXT) return null;
  const text = utf8.decode(bytes);
  return /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffd]/u.test(text) ? null : text;
}
