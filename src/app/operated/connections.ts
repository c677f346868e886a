/** Connections that are open now: which of them, in which order, and their end by order. */
import type { Page } from "../../admin/api/schemas/common.ts";
import type { Connection, ConnectionFilter, ConnectionSort } from "../../admin/api/schemas/connections.ts";
import type { Span } from "../../admin/face.ts";
import { plainServerName } from "../../edge/server-name.ts";
import { endAll } from "../../engines/end-many.ts";
import type { Engine } from "../../engines/engine.ts";
import type { OpenConnection } from "../../proxy/open.ts";
import { factTexts } from "../../telemetry/fact-texts.ts";
import { formatAddress, formatPeer } from "../../util/address.ts";
import { isClient } from "./clients.ts";
import { sortedPage } from "./pages.ts";

type Live = Pick<Engine, "connections" | "end">;

export async function connectionPage(
  engine: Live,
  filter: ConnectionFilter,
  sort: ConnectionSort,
  ascending: boolean,
  span: Span,
): Promise<Page<Connection>> {
  const sorting = { by: BY[sort], ascending, id: ({ id }: OpenConnection) => id };
  const page = await sortedPage(engine.connections(), isWanted(filter), sorting, span);
  return { ...page, items: page.items.map(connectionOf) };
}

/** Gives how many were ended. */
export async function kill(engine: Live, filter: ConnectionFilter): Promise<number> {
  if (filter.id !== undefined && Object.keys(filter).length === 1) return engine.end([filter.id], "killed");
  return endAll(engine, isWanted(filter), "killed");
}

/** Throws `BAD_REQUEST` for a client that is none. */
function isWanted(filter: ConnectionFilter): (connection: OpenConnection) => boolean {
  const { id, pool, target, phase, minAge = 0, minIdle = 0 } = filter;
  const serverName = filter.serverName === undefined ? undefined : plainServerName(filter.serverName);
  const isOfClient = filter.client === undefined ? () => true : isClient(filter.client);
  return (each) =>
    (id === undefined || each.id === id) &&
    (pool === undefined || each.pool === pool) &&
    (target === undefined || each.target === target) &&
    (phase === undefined || each.phase === phase) &&
    (serverName === undefined || each.facts?.serverName === serverName) &&
    each.ageMs >= minAge &&
    idle(each) >= minIdle &&
    isOfClient(each.client.host);
}

function idle({ idleMs, ageMs }: OpenConnection): number {
  return idleMs ?? ageMs;
}

const BY: Readonly<Record<ConnectionSort, (connection: OpenConnection) => number | string>> = {
  age: ({ acceptedAt }) => -acceptedAt, // what does not change between two pages
  idle,
  bytes: ({ bytesIn, bytesOut }) => bytesIn + bytesOut,
  bytesIn: ({ bytesIn }) => bytesIn,
  bytesOut: ({ bytesOut }) => bytesOut,
  client: ({ client }) => formatAddress(client),
  target: ({ target }) => target ?? "",
};

function connectionOf({ client, startedAt, acceptedAt: _, facts, ...rest }: OpenConnection): Connection {
  return { ...rest, ...factTexts(facts), client: formatPeer(client), startedAt: new Date(startedAt).toISOString() };
}
