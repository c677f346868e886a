/** What a pool's targets are told of each client, as its options say. */
import type { TcpAddress } from "../../net/runtime.ts";
import { ASKED_PROXIES } from "../../pool/asked-proxy.ts";
import type { ClientFacts } from "../facts.ts";
import type { CustomTlv } from "./header.ts";
import { writeProxyHeader } from "./write.ts";

/** The PROXY header for targets. */
export interface SendProxy {
  readonly version: 1 | 2;
  /** What goes with a header of version 2, of what is known. */
  readonly tlvs: readonly ProxyTlv[];
}

export type ProxyTlv =
  | "unique-id"
  | "authority"
  | "alpn"
  | "ssl"
  /** 0xE0 to 0xEF, the range for one's own. */
  | { readonly type: number; readonly value: string };

const AS_ITS_POOL = ASKED_PROXIES.indexOf("pool");
const PLAIN = [1, 2].map((version) => ({ version, tlvs: [] }) as SendProxy);

/**
 * The header for one target: the one that it asks for (SharedPool.askedProxy()), or else the pool's. What a header of version 2 says beside
 * addresses, the pool's options name, where those are for version 2. undefined: none.
 */
export function proxyForTarget(ofPool: SendProxy | undefined, asked: number): SendProxy | undefined {
  if (asked === AS_ITS_POOL) return ofPool;
  const wanted = ASKED_PROXIES[asked];
  if (wanted === "off") return undefined;
  const version = wanted === "v1" ? 1 : 2;
  return ofPool?.version === version ? ofPool : PLAIN[version - 1];
}

export interface ProxiedClient {
  /** As OutgoingHeader's: null where there is no address. */
  readonly client: TcpAddress | null;
  readonly destination: TcpAddress | null;
  /** null: nothing is known. */
  readonly facts: ClientFacts | null;
  /** The connection's, as records name it: its unique id where no proxy before has given it one. */
  readonly id: string;
}

const utf8 = new TextEncoder();

/** The bytes for one connection. Each attempt to reach a target sends them anew. */
export function headerForTarget({ tlvs, version }: SendProxy, of: ProxiedClient): Uint8Array {
  const { client, destination, facts, id } = of;
  if (version === 1) return writeProxyHeader(1, { client, destination });
  return writeProxyHeader(2, {
    client,
    destination,
    alpn: tlvs.includes("alpn") ? (facts?.alpn ?? null) : null,
    serverName: tlvs.includes("authority") ? (facts?.serverName ?? null) : null,
    tls: tlvs.includes("ssl") ? (facts?.tls ?? null) : null,
    uniqueId: tlvs.includes("unique-id") ? (facts?.uniqueId ?? utf8.encode(id)) : null,
    custom: customTlvs(tlvs),
  });
}

/** Those of one's own, as bytes. */
export function customTlvs(tlvs: readonly ProxyTlv[]): readonly CustomTlv[] {
  return tlvs.flatMap((tlv) => (typeof tlv === "string" ? [] : [{ type: tlv.type, value: utf8.encode(tlv.value) }]));
}
