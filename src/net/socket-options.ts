/** What an operator decides about sockets. Left out: the kernel's default. What a runtime or an engine cannot set, it refuses beforehand. */
import type { Probing } from "./keepalive.ts";

export interface SocketOptions {
  /** Bytes of data for which the kernel keeps room; it takes as much again for its own needs, and has a limit (net.core.wmem_max, rmem_max). */
  readonly sendBuffer?: number | undefined;
  readonly receiveBuffer?: number | undefined;
  /** false: small writes wait for each other (Nagle). By default on, unlike the kernel's. */
  readonly noDelay?: boolean | undefined;
  /** A congestion control of the kernel's, such as "bbr". */
  readonly congestion?: string | undefined;
  /** 0 to 63. */
  readonly dscp?: number | undefined;
  /** How keepalive asks where it is on; by default as probingOf() has it for the time after which a peer is given up. */
  readonly keepaliveTimes?: Probing | undefined;
}

export interface ListenSocketOptions extends SocketOptions {
  /** Connections that may be pending with data in their SYN (TCP_FASTOPEN). */
  readonly fastOpen?: number | undefined;
  /** Seconds for which a connection waits in the kernel for its first byte (TCP_DEFER_ACCEPT). */
  readonly deferAccept?: number | undefined;
  /** IP_TRANSPARENT: addresses that are not this machine's are accepted for. */
  readonly transparent?: boolean | undefined;
}

export interface TargetSocketOptions extends SocketOptions {
  /** Data goes with the SYN where the kernel has the target's cookie (TCP_FASTOPEN_CONNECT). */
  readonly fastOpen?: boolean | undefined;
  /** Addresses to connect from, IP literals, in turn; "client": the client's own (IP_TRANSPARENT). */
  readonly source?: readonly string[] | "client" | undefined;
  /** How a connection is ended whose target has sent its FIN first and was sent nothing since. With "reset", ports that wait for late packets are used again. By default "fin". */
  readonly close?: "fin" | "reset" | undefined;
}

/** What is wanted of sockets, of all listeners and all pools. */
export interface WantedSockets {
  readonly listeners: readonly ListenSocketOptions[];
  readonly targets: readonly TargetSocketOptions[];
}

/** The options that say something else than the default, by the names they have here. */
export function setOptions(options: ListenSocketOptions | TargetSocketOptions): string[] {
  return Object.entries(options)
    .filter(([name, value]) => value !== undefined && !isDefault(name, value))
    .map(([name]) => name);
}

function isDefault(name: string, value: unknown): boolean {
  if (name === "noDelay") return value === true;
  if (name === "close") return value === "fin";
  return (
    value === false ||
    (value === 0 && (name === "fastOpen" || name === "deferAccept")) ||
    (Array.isArray(value) && value.length === 0)
  );
}
