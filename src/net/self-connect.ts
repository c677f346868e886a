/**
 * A connect to a port of this host on which nothing listens succeeds when the kernel happens to pick that very port for our own
 * end: TCP's simultaneous open, with oneself. Such a connection answers with what it is sent, and keeps its port from the server
 * that should listen there. It can only happen to a port that the kernel picks from.
 */
import { readFileSync } from "node:fs";
import type { Address, Connection } from "./runtime.ts";

let range: readonly [number, number] | null = null;

/** Where the kernel takes the ports of outgoing connections from; where it does not say, anywhere. */
function localPorts(): readonly [number, number] {
  try {
    const text = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "latin1");
    const [low, high] = text.trim().split(/\s+/).map(Number);
    return [low!, high!];
  } catch (error) {
    void error; // no Linux, or no /proc
    return [1024, 65535];
  }
}

/** Whether a connection to this address may be one to itself. Costs nothing more for any ordinary port. */
export function mayBeSelf(to: Address): boolean {
  if (!("port" in to)) return false;
  range ??= localPorts();
  return to.port >= range[0] && to.port <= range[1];
}

/** Whether both ends are the same socket. */
export function isSelf({ local, remote }: Connection): boolean {
  return local.port === remote.port && local.host === remote.host && local.port !== 0;
}
