/** What the kernel knows of connections, which Node does not tell. */
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";

export const ESTABLISHED = 1;
export const FIN_WAIT1 = 4;
export const FIN_WAIT2 = 5;
/** Both sides have sent a FIN, this one first; the kernel remembers it for a minute. */
export const TIME_WAIT = 6;
/** The other side has sent a FIN, this one has not. */
export const CLOSE_WAIT = 8;

/** The state of every IPv4 connection, by the name that `connectionName()` gives it. */
export function tcpStates(): Map<string, number> {
  const states = new Map<string, number>();
  for (const line of readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1)) {
    const [, local, remote, state] = line.trim().split(/\s+/);
    if (state === undefined) continue;
    states.set(`${address(local!)} ${address(remote!)}`, Number.parseInt(state, 16));
  }
  return states;
}

/** What each IPv4 socket is, by its inode. */
export function tcpSockets(): Map<string, string> {
  const sockets = new Map<string, string>();
  for (const line of readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1)) {
    const [, local, remote, state, queues, , , , , inode] = line.trim().split(/\s+/);
    if (inode === undefined) continue;
    sockets.set(inode, `${address(local!)} ${address(remote!)} state ${Number.parseInt(state!, 16)} queues ${queues}`);
  }
  return sockets;
}

/** How often the system's memory for TCP has run short since it was started. */
export function memoryPressures(): number {
  const lines = readFileSync("/proc/net/netstat", "utf8").split("\n");
  const [names, values] = lines.filter((line) => line.startsWith("TcpExt:")).map((line) => line.split(" "));
  return Number(values?.[names?.indexOf("TCPMemoryPressures") ?? -1] ?? 0);
}

/** To be asked while the socket is open. */
export function connectionName({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return `${localAddress}:${localPort} ${remoteAddress}:${remotePort}`;
}

/**
 * Whether the kernel still has the connection's other end. It has not after a reset, nor after both FINs. libuv reports a reset
 * that comes together with the last bytes as a FIN, and this is how to tell.
 */
export function hasPeer(socket: Socket): boolean {
  const handle = (socket as { _handle?: { getpeername?(out: object): number } })._handle;
  return handle?.getpeername?.({}) === 0;
}

/** `0100007F:0BB8` is 127.0.0.1:3000. */
function address(hex: string): string {
  const [host, port] = hex.split(":");
  const bytes = Buffer.from(host!, "hex").reverse();
  return `${bytes.join(".")}:${Number.parseInt(port!, 16)}`;
}
