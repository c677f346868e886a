/** Sockets that listen already and were inherited from the parent: a service manager's, or those of a shell. */
import { readFileSync, readlinkSync, statSync } from "node:fs";
import { formatAddress } from "../util/address.ts";
import { isAbsence } from "../util/errors.ts";
import { NetError, toNetError } from "./net-error.ts";
import type { InheritedAddress } from "./runtime.ts";

/** Two listeners would take turns on one, and the first to close would close the other's. */
const taken = new Set<number>();
/** Closed with their listeners: whatever has such a number by now is a descriptor of our own. */
const spent = new Set<number>();

export interface Inherited {
  /** Nothing listens there after all, and it is as it was. */
  giveBack(): void;
  /** Before the descriptor is closed. */
  spend(): void;
}

/**
 * Notes that this descriptor has its listener. Throws NetError: EADDRINUSE where it has one, EINVAL where it is no socket, or was closed
 * with its listener.
 */
export function takeInherited(fd: number): Inherited {
  const doing = `cannot listen on ${formatAddress({ fd })}`;
  if (spent.has(fd)) {
    throw new NetError("EINVAL", `${doing}: it was closed with its listener, and is inherited anew by a restart only`);
  }
  if (taken.has(fd)) throw new NetError("EADDRINUSE", `${doing}: it has its listener already`);
  if (!isSocket(fd)) throw notInherited(null, { fd });
  taken.add(fd);
  return { giveBack: () => void taken.delete(fd), spend: () => void spent.add(fd) };
}

/** Not every runtime looks before it takes a descriptor for a socket, and may have lost its own standard output then. */
function isSocket(fd: number): boolean {
  try {
    return statSync(`/dev/fd/${fd}`).isSocket();
  } catch (error) {
    return !isAbsence(error); // Deno may not look, without all permissions: then it has to try
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
    void error; // no Linux, or (Deno) no permission: its path is only shown
  }
  return "";
}
