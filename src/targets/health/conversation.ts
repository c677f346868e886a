/** A connection for one question: what checks that speak have in common. */
import { ownProxyHeader } from "../../edge/proxy-header/write.ts";
import { gathering } from "../../net/gathering.ts";
import type { Address, Connection } from "../../net/runtime.ts";
import type { Clock } from "../../util/clock.ts";
import type { CheckContext, CheckWay } from "./check.ts";

/** Connects, and hands the connection to `use`; afterwards it is left, or dropped where that has failed. Its end at the signal is seen to. */
export async function converse<T>(
  to: Address,
  { tls, proxy }: CheckWay,
  serverName: string | null,
  { runtime, signal, leave }: CheckContext,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const secure = tls === null ? {} : { tls: { verify: tls.verify, ...(serverName === null ? {} : { serverName }) } };
  const connection = await runtime.connect({ to, signal, ...secure });
  const drop = () => connection.abort();
  signal.addEventListener("abort", drop, { once: true });
  try {
    if (proxy !== null) await connection.write(ownProxyHeader(proxy));
    const result = await use(connection);
    leave(connection);
    return result;
  } catch (error) {
    connection.abort();
    throw error;
  } finally {
    signal.removeEventListener("abort", drop);
  }
}

/** What comes, up to `most` bytes; its end is as far as `isEnough` wants to see it, the peer's FIN, or the limit. */
export async function readUntil(
  connection: Pick<Connection, "read">,
  most: number,
  clock: Clock,
  isEnough: (bytes: Buffer) => boolean,
): Promise<Buffer> {
  const read = gathering(connection, clock);
  let all = Buffer.alloc(0);
  while (all.length < most && !isEnough(all)) {
    const chunk = await read();
    if (chunk === null) break;
    all = Buffer.concat([all, chunk]);
  }
  return all.subarray(0, most);
}
