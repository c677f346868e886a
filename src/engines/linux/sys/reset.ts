/** Closing with a reset in place of a FIN, which would say that what was under way is complete. */
import * as abi from "./abi.ts";
import type { Libc, Pointer } from "./libc.ts";

/** struct linger: two ints, on and seconds. */
export const LINGER_SIZE = 8;

/** A linger of no time at all, with which close() drops what it has not delivered, and sends a reset. */
export function putLinger(view: DataView, at: number): void {
  view.setInt32(at, 1, true);
  view.setInt32(at + 4, 0, true);
}

/** `linger`: as putLinger() has left it. */
export function closeWithReset(libc: Libc, fd: number, linger: Pointer): void {
  libc.setsockopt(fd, abi.SOL_SOCKET, abi.SO_LINGER, linger, LINGER_SIZE);
  libc.close(fd);
}
