import type { Connection, OnConnection } from "./runtime.ts";

/**
 * Hands an accepted connection over, unless its peer has reset it already: the kernel queues such a socket like any
 * other, but it has no address and there is nobody to serve. The lookup costs nothing, because receivers need it anyway.
 */
export function handOver(connection: Connection, onConnection: OnConnection): void {
  if (connection.remote.host === "") connection.abort();
  else onConnection(connection);
}
