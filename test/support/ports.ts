/** Addresses of this machine for tests: ports that are free, and which families there are. */
import { networkInterfaces } from "node:os";
import { runtime as native } from "#runtime";
import type { Runtime, TcpAddress } from "../../src/net/runtime.ts";

export const LOOPBACK = "127.0.0.1";
/** To listen on a port that the system chooses. */
export const ANY_PORT: TcpAddress = { host: LOOPBACK, port: 0 };

/** Containers often have no ::1. */
export const hasIPv6 = Object.values(networkInterfaces()).some((list) => list?.some((one) => one.address === "::1"));

/** Different ports of 127.0.0.1 that were free a moment ago: connecting to one is refused. */
export async function freePorts(count: number, runtime: Runtime = native): Promise<number[]> {
  const listen = () => runtime.listen(ANY_PORT, (connection) => connection.abort());
  const listeners = await Promise.all(Array.from({ length: count }, listen));
  await Promise.all(listeners.map((listener) => listener.close()));
  return listeners.map((listener) => listener.address.port);
}

export async function freePort(runtime?: Runtime): Promise<number> {
  return (await freePorts(1, runtime))[0]!;
}

/** An address on loopback where nobody listens: it refuses. */
export async function closedAddress(runtime?: Runtime): Promise<TcpAddress> {
  return { host: LOOPBACK, port: await freePort(runtime) };
}
