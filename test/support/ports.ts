/** Addresses of this machine for tests: ports that are free, and which families there are. */
import { networkInterfaces } from "node:os";
import { runtime as native } from "#runtime";
import { NetError } from "../../src/net/net-error.ts";
import type { Runtime, TcpAddress } from "../../src/net/runtime.ts";

export const LOOPBACK = "127.0.0.1";
/** To listen on a port that the system chooses. */
export const ANY_PORT: TcpAddress = { host: LOOPBACK, port: 0 };

/** Containers often have no ::1. */
export const hasIPv6 = Object.values(networkInterfaces()).some((list) => list?.some((one) => one.address === "::1"));

/**
 * Ports that no system hands out by itself, where a port that is found free stays so: a part of them for each place that the
 * runner has for a test file (scripts/test/jobs.ts), so that files which run at the same time take none from each other.
 */
const FIRST_PORT = 10_000;
const PORTS_OF_A_PLACE = 2_500;
const place = Number(process.env.HARMONY_TEST_PLACE ?? 0);
const firstPort = FIRST_PORT + place * PORTS_OF_A_PLACE;

/** Not always the same: the last file's are in TIME_WAIT. */
let cursor = Math.floor(Math.random() * PORTS_OF_A_PLACE);

/** Different ports of 127.0.0.1 that are free: connecting to one is refused. */
export async function freePorts(count: number, runtime: Runtime = native): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = firstPort + (cursor++ % PORTS_OF_A_PLACE);
    if (await isFree(port, runtime)) ports.push(port);
  }
  return ports;
}

async function isFree(port: number, runtime: Runtime): Promise<boolean> {
  try {
    const listener = await runtime.listen({ host: LOOPBACK, port }, (connection) => connection.abort());
    await listener.close();
    return true;
  } catch (error) {
    if (error instanceof NetError && error.code === "EADDRINUSE") return false;
    throw error;
  }
}

export async function freePort(runtime?: Runtime): Promise<number> {
  return (await freePorts(1, runtime))[0]!;
}

/** An address on loopback where nobody listens: it refuses. */
export async function closedAddress(runtime?: Runtime): Promise<TcpAddress> {
  return { host: LOOPBACK, port: await freePort(runtime) };
}
