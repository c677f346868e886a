/** What the adapters of all runtimes do in the same way. */
import { formatAddress, plainHost } from "../util/address.ts";
import { netError, toNetError } from "./net-error.ts";
import type { Address, Connection, ConnectOptions, OnConnection, TcpAddress } from "./runtime.ts";
import { isSelf, mayBeSelf } from "./self-connect.ts";

/** ms before the next accept after one failed because descriptors or memory had run out: soon, but no busy loop. */
export const ACCEPT_BACKOFF = 50;

/** Of a peer at a Unix socket. */
export const NO_ADDRESS: TcpAddress = Object.freeze({ host: "", port: 0 });

/** One end of a connection. Empty where the runtime knows no IP address: Unix sockets, or a socket that is gone. */
export function endOf(host: string | undefined, port: number | undefined): TcpAddress {
  return host === undefined || port === undefined ? NO_ADDRESS : { host: plainHost(host), port };
}

/**
 * Hands an accepted connection over, unless its peer has reset it already: the kernel queues such a socket like any
 * other, but it has no address and its peer is gone. The lookup costs nothing, because receivers need the address anyway.
 */
export function handOver(connection: Connection, onConnection: OnConnection): void {
  if (connection.remote.host === "") connection.abort();
  else onConnection(connection);
}

/** Binds every interface: both families on one port, or IPv4 alone where the host has no IPv6. */
export function bindEveryInterface<L>(bind: (host: string) => L): L {
  try {
    return bind("::");
  } catch (error) {
    const { code } = toNetError(error, "");
    if (code !== "EADDRNOTAVAIL" && code !== "ENETUNREACH") throw error;
    return bind("0.0.0.0");
  }
}

/** Whether the connection has reached itself, which counts as refused: it is reset, so that the port is free at once. */
export function refusedAsSelf(to: Address, connection: Connection): boolean {
  const itself = mayBeSelf(to) && isSelf(connection);
  if (itself) connection.abort();
  return itself;
}

/**
 * An attempt to connect. `start` begins it and returns how to give it up, which happens when the signal fires before `start`
 * has resolved or rejected: the attempt then fails with EABORTED at once. One that has reached itself counts as refused.
 */
export function attempt(
  { to, signal }: Pick<ConnectOptions, "to" | "signal">,
  start: (resolve: (connection: Connection) => void, reject: (error: unknown) => void) => () => void,
): Promise<Connection> {
  const doing = (): string => `cannot connect to ${formatAddress(to)}`;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(netError("EABORTED", doing(), signal.reason));
    const onAbort = (): void => {
      giveUp();
      reject(netError("EABORTED", doing(), signal?.reason));
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    const settled = (): void => signal?.removeEventListener("abort", onAbort);
    let giveUp = (): void => {};
    const fail = (error: unknown): void => {
      settled();
      reject(toNetError(error, doing()));
    };
    try {
      giveUp = start((connection) => {
        settled();
        if (refusedAsSelf(to, connection)) reject(netError("ECONNREFUSED", doing()));
        else resolve(connection);
      }, fail);
    } catch (error) {
      fail(error); // a port out of range, an unreadable certificate
    }
  });
}
