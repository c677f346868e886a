/** Sockets that listen already and were inherited from the parent: a service manager's, or those of a shell. */
import { readFileSync, readlinkSync, statSync } from "node:fs";
import { formatAddress } from "../util/address.ts";
import { NetError, toNetError } from "./net-error.ts";
import type { InheritedAddress } from "./runtime.ts";

/** As sd_listen_fds(3) has it: the first that is handed on, after the standard ones. */
const FIRST = 3;
/** What a socket is called that has got no name there. */
const NAMELESS = "unknown";
/** Far above what a service has; LISTEN_FDS is anybody's text. */
const MOST = 4096;

export interface InheritedSocket {
  readonly fd: number;
  readonly name: string;
}

/**
 * The sockets that the service manager has passed on, with the names that it gave them (systemd: FileDescriptorName=); several may
 * have one. None where they were meant for another process.
 */
export function inheritedSockets(
  { LISTEN_PID, LISTEN_FDS = "", LISTEN_FDNAMES = "" }: Readonly<Record<string, string | undefined>> = process.env,
  pid: number = process.pid,
): readonly InheritedSocket[] {
  if (LISTEN_PID !== String(pid) || !/^\d{1,4}$/.test(LISTEN_FDS)) return [];
  const names = LISTEN_FDNAMES.split(":");
  return Array.from({ length: Math.min(Number(LISTEN_FDS), MOST) }, (_, i) => ({
    fd: FIRST + i,
    name: names[i] || NAMELESS,
  }));
}

/** Two listeners would take turns on one, and the first to close would close the other's. */
const taken = new Set<number>();

/**
 * Notes that this descriptor has its listener. Throws NetError: EADDRINUSE where it has one, EINVAL where it is no socket. Returns how
 * to give it back.
 */
export function takeInherited(fd: number): () => void {
  if (taken.has(fd)) {
    throw new NetError("EADDRINUSE", `cannot listen on ${formatAddress({ fd })}: it has its listener already`);
  }
  if (!isSocket(fd)) throw notInherited(null, { fd });
  taken.add(fd);
  return () => void taken.delete(fd);
}

/** Not every runtime looks before it takes a descriptor for a socket, and may have lost its own standard output then. */
function isSocket(fd: number): boolean {
  try {
    return statSync(`/dev/fd/${fd}`).isSocket();
  } catch (error) {
    void error; // there is no such descriptor
    return false;
  }
}

/** Why a descriptor cannot be listened on, in words of somebody who wrote `fd:3`. `error`: what the system says, if it was asked. */
export function notInherited(error: unknown, where: InheritedAddress): NetError {
  const doing = `cannot listen on ${formatAddress(where)}`;
  const failure = error === null ? null : toNetError(error, doing);
  if (failure !== null && failure.code !== "EINVAL") return failure;
  const text = "no socket that listens was inherited with this number: does the service manager pass it on?";
  return new NetError("EINVAL", `${doing}: ${text}`, error ?? undefined);
}

/** The path of an inherited Unix socket, which no runtime tells; "" where the system does not say. */
export function inheritedPath(fd: number): string {
  try {
    const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
    // Num RefCount Protocol Flags Type St Inode Path
    const lines = readFileSync("/proc/net/unix", "utf8").split("\n");
    for (const line of lines) {
      const [, , , , , , found, path] = line.split(/\s+/);
      if (found === inode) return path ?? "";
    }
  } catch (error) {
    void error; // no Linux, or no /proc: its path is only shown
  }
  return "";
}
