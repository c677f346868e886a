/** The way from a TLS thread to the engine: a connection to its listener on loopback, where a PROXY header says who the client is. */
import type { ClientFacts } from "../../edge/facts.ts";
import { innerTlvs } from "../../edge/inner-header.ts";
import { writeProxyHeader } from "../../edge/proxy-header/write.ts";
import { runtime } from "../../net/node/node.ts";
import type { Connection, TcpAddress } from "../../net/runtime.ts";
import type { EngineDoor } from "../orders.ts";

export interface Forwarded {
  readonly route: number;
  /** null: at a Unix socket. */
  readonly client: TcpAddress | null;
  readonly destination: TcpAddress | null;
  readonly facts: ClientFacts;
}

/** Rejects with NetError. */
export async function toEngine(door: EngineDoor, forwarded: Forwarded): Promise<Connection> {
  const { client, destination, facts, route } = forwarded;
  const header = writeProxyHeader(2, {
    client,
    destination,
    serverName: facts.serverName,
    alpn: facts.alpn,
    tls: facts.tls,
    uniqueId: facts.uniqueId,
    custom: innerTlvs(door.secret, door.routes[route]!, facts.via),
  });
  const connection = await runtime.connect({ to: { host: "127.0.0.1", port: nextOf(door) }, keepAlive: 0 });
  try {
    await connection.write(header);
  } catch (error) {
    connection.abort();
    throw error;
  }
  return connection;
}

let turn = 0;

/** Each in its turn: towards a single one, the system has not ports enough. */
function nextOf({ ports }: EngineDoor): number {
  turn = (turn + 1) % ports.length;
  return ports[turn]!;
}
