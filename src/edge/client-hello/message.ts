/** What a ClientHello says (RFC 8446, 4.1.2, and RFC 5246, 7.4.1.2), as far as routes go by it. */
import { readServerName } from "../server-name.ts";
import { ByteReader } from "./byte-reader.ts";

export interface ClientHello {
  /** Lower-case ASCII, without a final dot; null: the client asks for no name. Of a hello that is encrypted (ECH), the outer name. */
  readonly serverName: string | null;
  /** The protocols that the client offers, in its order: printable ones, which those of GREASE (RFC 8701) are not. */
  readonly alpn: readonly string[];
}

const SERVER_NAME = 0;
const ALPN = 16;
const HOST_NAME = 0;
const RANDOM_LENGTH = 32;

/** `message`: without its type and length. null: it is malformed. */
export function readHelloMessage(message: Uint8Array): ClientHello | null {
  const reader = new ByteReader(message);
  reader.skip(2 + RANDOM_LENGTH); // legacy_version, random
  const sessionId = reader.vector8();
  const ciphers = reader.vector16();
  const compression = reader.vector8();
  if (reader.isTorn || sessionId.length > 32 || compression.length === 0) return null;
  if (ciphers.length === 0 || ciphers.length % 2 === 1) return null;
  if (reader.isAtEnd) return { serverName: null, alpn: [] }; // TLS before 1.2 has hellos without extensions
  const extensions = reader.vector16();
  return reader.isTorn || !reader.isAtEnd ? null : readExtensions(extensions);
}

function readExtensions(extensions: Uint8Array): ClientHello | null {
  const reader = new ByteReader(extensions);
  let serverName: string | null = null;
  let alpn: readonly string[] | null = null;
  while (!reader.isAtEnd) {
    const type = reader.number16();
    const data = reader.vector16();
    if (reader.isTorn) return null;
    if (type === SERVER_NAME) {
      if (serverName !== null) return null; // twice: which one the target takes, nobody knows
      serverName = readNames(data);
      if (serverName === null) return null;
    } else if (type === ALPN) {
      if (alpn !== null) return null;
      alpn = readProtocols(data);
      if (alpn === null) return null;
    }
  }
  return { serverName, alpn: alpn ?? [] };
}

/** server_name (RFC 6066, 3): a list of names, one of a kind, and there is one kind. */
function readNames(data: Uint8Array): string | null {
  const outer = new ByteReader(data);
  const reader = new ByteReader(outer.vector16());
  const kind = reader.number8();
  const name = reader.vector16();
  if (outer.isTorn || !outer.isAtEnd || reader.isTorn || !reader.isAtEnd || kind !== HOST_NAME) return null;
  return readServerName(name);
}

/** application_layer_protocol_negotiation (RFC 7301, 3.1). */
function readProtocols(data: Uint8Array): readonly string[] | null {
  const outer = new ByteReader(data);
  const reader = new ByteReader(outer.vector16());
  if (outer.isTorn || !outer.isAtEnd || reader.isAtEnd) return null;
  const protocols: string[] = [];
  while (!reader.isAtEnd) {
    const name = reader.vector8();
    if (reader.isTorn || name.length === 0) return null;
    const text = String.fromCharCode(...name);
    if (/^[\x21-\x7e]+$/.test(text)) protocols.push(text);
  }
  return protocols;
}
