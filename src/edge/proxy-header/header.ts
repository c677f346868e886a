/** What a PROXY header says (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, versions 1 and 2). */
import type { TcpAddress } from "../../net/runtime.ts";
import type { TlsFacts } from "../facts.ts";

export interface ProxyHeader {
  /** null: it names nobody (LOCAL, UNKNOWN, UNSPEC, Unix sockets, datagrams), so that the client is the peer itself. */
  readonly client: TcpAddress | null;
  /** Where the client has connected to. null where `client` is. */
  readonly destination: TcpAddress | null;
  readonly told: ProxyFacts;
}

/** What goes with version 2. Texts that are not what they should be are as if they were not there. */
export interface ProxyFacts {
  /** PP2_TYPE_AUTHORITY, as ClientFacts.serverName. */
  readonly serverName: string | null;
  readonly alpn: string | null;
  readonly tls: TlsFacts | null;
  /** 1 to 128 bytes. */
  readonly uniqueId: Uint8Array | null;
  /** PP2_TYPE_MIN_CUSTOM to PP2_TYPE_MAX_CUSTOM, in the order in which they came. */
  readonly custom: readonly CustomTlv[];
}

export interface CustomTlv {
  /** 0xE0 to 0xEF. */
  readonly type: number;
  readonly value: Uint8Array;
}

export const NOTHING_TOLD: ProxyFacts = { serverName: null, alpn: null, tls: null, uniqueId: null, custom: [] };

/** Bytes of a header of version 1, CR LF included: what fits two IPv6 addresses. */
export const MAX_V1 = 107;
/** Bytes of version 2 before addresses and TLVs. */
export const V2_FIXED = 16;
/** Bytes of addresses and TLVs that are read; the protocol would allow for 65,535. */
export const MAX_V2_REST = 4_096;
/** The bytes that no header exceeds: a buffer of this size takes each. */
export const MAX_HEADER = V2_FIXED + MAX_V2_REST;

/** "\r\n\r\n\0\r\nQUIT\n", with which version 2 begins. */
export const V2_SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a);

export const COMMAND = { LOCAL: 0, PROXY: 1 } as const;
export const FAMILY = { UNSPEC: 0, INET: 1, INET6: 2, UNIX: 3 } as const;
export const PROTOCOL = { UNSPEC: 0, STREAM: 1, DGRAM: 2 } as const;
/** Bytes of both addresses and ports, by family. */
export const ADDRESSES_LENGTH = [0, 12, 36, 216] as const;

export const TLV = {
  ALPN: 0x01,
  AUTHORITY: 0x02,
  CRC32C: 0x03,
  NOOP: 0x04,
  UNIQUE_ID: 0x05,
  SSL: 0x20,
  SSL_VERSION: 0x21,
  SSL_CN: 0x22,
  SSL_CIPHER: 0x23,
  MIN_CUSTOM: 0xe0,
  MAX_CUSTOM: 0xef,
} as const;

/** Bits of the first byte within TLV.SSL. */
export const SSL_CLIENT = { SSL: 1, CERTIFICATE_NOW: 2, CERTIFICATE_IN_SESSION: 4 } as const;
export const MAX_UNIQUE_ID = 128;
/** Bytes of another text that is kept or written. Longer ones are nothing that anybody could use. */
export const MAX_TEXT = 256;
/** Bytes that the TLVs of one's own may take together, with their heads: with all others the header stays within MAX_V2_REST. */
export const MAX_CUSTOM = 2_048;
