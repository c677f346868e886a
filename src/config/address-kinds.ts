/** The kinds of value that name hosts and ports, and what an address list means on this machine. */
import type { TcpAddress } from "../net/runtime.ts";
import { canonicalHost, formatAddress, parseIp } from "../util/address.ts";
import { type Kind, kindOf, textCodec } from "./kind.ts";
import { integer, STRING } from "./kinds.ts";
import { splitList } from "./split.ts";

/** `port` null: the default port, which another option gives. */
export interface RemoteHost {
  readonly host: string;
  readonly port: number | null;
}

export const anyPort = integer(0, 65_535, "PORT");
export const realPort = integer(1, 65_535, "PORT");

// RFC 1123 labels, and underscores, which container networks use in names.
const NAME =
  /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$/;
const LOOKS_LIKE_IPV4 = /^[\d.]+$/;

/** A host name, an IPv4 literal, or an IPv6 literal without brackets. */
function isHost(text: string): boolean {
  return text.includes(":") || LOOKS_LIKE_IPV4.test(text) ? parseIp(text) !== null : NAME.test(text);
}

/** `[::1]:80` → `::1` and `80`; `host:80`; `host`; `::1` (no port can follow a bare IPv6 literal). */
function split(text: string): { host: string; port: string | null } | undefined {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/s.exec(text);
  if (bracketed) {
    const host = bracketed[1]!;
    return host.includes(":") ? { host, port: bracketed[2] ?? null } : undefined;
  }
  const colon = text.indexOf(":");
  if (colon === -1 || colon !== text.lastIndexOf(":")) return { host: text, port: null };
  return { host: text.slice(0, colon), port: text.slice(colon + 1) };
}

export function listenAddress(text: string): TcpAddress | undefined {
  const whole = anyPort.parse(text);
  if (whole) return { host: "", port: whole.value };
  const parts = split(text);
  if (parts?.port == null) return undefined;
  const port = anyPort.parse(parts.port);
  const host = parts.host === "*" ? "" : parts.host;
  if (!port || (host !== "" && !isHost(host))) return undefined;
  return { host, port: port.value };
}

export function remoteHost(text: string): RemoteHost | undefined {
  const parts = split(text);
  if (!parts || !isHost(parts.host)) return undefined;
  if (parts.port === null) return { host: parts.host, port: null };
  const port = realPort.parse(parts.port);
  return port ? { host: parts.host, port: port.value } : undefined;
}

/** A comma-separated list with at least one entry: the form that one variable of the environment can hold. */
export function listOf<T>(decode: (text: string) => T | undefined, encode: (value: T) => string) {
  return textCodec<readonly T[]>(
    (text) => {
      const values: T[] = [];
      for (const item of splitList(text)) {
        const value = decode(item.trim());
        if (value === undefined) return undefined;
        values.push(value);
      }
      return values;
    },
    (values) => values.map(encode).join(","),
  );
}

export const listenAddresses: Kind<readonly TcpAddress[], string | number | readonly (string | number)[]> = kindOf(
  {
    placeholder: "[HOST:]PORT",
    allowed: "[HOST:]PORT with a port from 0 to 65535, such as 3000, 127.0.0.1:3000, [::1]:3000 or localhost:3000",
    library: { words: "string, number, or a list of them" },
    schema: { type: ["string", "integer"] },
    list: true,
  },
  listOf(listenAddress, ({ host, port }) => (host === "" ? String(port) : formatAddress({ host, port }))),
);

export const remoteHosts: Kind<readonly RemoteHost[], string | readonly string[]> = kindOf(
  {
    placeholder: "HOST[:PORT]",
    allowed: "HOST[:PORT] with a port from 1 to 65535, such as balance.mydomain, 10.0.0.5:1666 or [2001:db8::1]:1666",
    library: { words: "string, or a list of them" },
    list: true,
  },
  listOf(remoteHost, ({ host, port }) => (port === null ? host : formatAddress({ host, port }))),
);

/** Where servers of the DNS listen. */
const DNS_PORT = 53;

function dnsServer(text: string): TcpAddress | undefined {
  const at = remoteHost(text);
  return at && parseIp(at.host) ? { host: canonicalHost(at.host), port: at.port ?? DNS_PORT } : undefined;
}

export const dnsServers: Kind<readonly TcpAddress[], string | readonly string[]> = kindOf(
  {
    placeholder: "IP[:PORT]",
    allowed: `IP[:PORT], with port ${DNS_PORT} if none is given, such as 10.0.0.53, 127.0.0.1:8600 or [2001:db8::53]:53`,
    library: { words: "string, or a list of them" },
    list: true,
  },
  listOf(dnsServer, formatAddress),
);

export const hostName: Kind<string> = kindOf(
  {
    placeholder: "HOST",
    allowed: "a host name or an IP address, such as localhost, 10.0.0.5 or 2001:db8::1",
    library: STRING,
  },
  textCodec(
    (text) => {
      const parts = split(text);
      return parts?.port === null && isHost(parts.host) ? parts.host : undefined;
    },
    (value) => value,
  ),
);

/** A host to listen on: a host, or "" or * for every interface. */
export const listenHost: Kind<string> = kindOf(
  {
    placeholder: "HOST",
    allowed: 'a host name or an IP address of this machine, or "" for every interface',
    library: STRING,
  },
  textCodec(
    (text) => (text === "" || text === "*" ? "" : hostName.parse(text)?.value),
    (value) => value,
  ),
);

/**
 * "localhost" means both loopback addresses, so that a client finds the listener whichever of them its resolver puts
 * first. Port 0 is 127.0.0.1 alone: each address would be given another free port.
 */
export function expandLocalhost(addresses: readonly TcpAddress[], hasIpv6Loopback: boolean): TcpAddress[] {
  return addresses.flatMap(({ host, port }) => {
    if (host !== "localhost") return [{ host, port }];
    const v4 = { host: "127.0.0.1", port };
    return hasIpv6Loopback && port !== 0 ? [v4, { host: "::1", port }] : [v4];
  });
}

/** Names alone: addresses need not be named where these count. */
export const hostNames: Kind<readonly string[], string | readonly string[]> = kindOf(
  {
    placeholder: "NAME",
    allowed: "a host name, such as balancer.example",
    library: { words: "string, or a list of them" },
    list: true,
  },
  listOf(
    (text) => (hostName.parse(text) && parseIp(text) === null ? text.toLowerCase() : undefined),
    (name) => name,
  ),
);
