/** Live connections as a table. */
import type { Connection, ConnectionSort } from "../../admin/api/schemas/connections.ts";
import { type Line, line } from "../terminal/line.ts";
import type { Paper } from "../terminal/paper.ts";
import { type Column, table } from "../terminal/table.ts";
import { BYTES, bytesText, msText, SPAN, spanText } from "../terminal/units.ts";

export interface ConnectionColumn extends Column<Connection> {
  /** What the API sorts by; one without cannot be sorted by. */
  readonly sort?: ConnectionSort;
}

export const CONNECTION_COLUMNS: readonly ConnectionColumn[] = [
  { title: "ID", value: ({ id }) => id },
  { title: "CLIENT", value: ({ client }) => client, least: 15, cut: "middle", sort: "client" },
  { title: "POOL", value: ({ pool }) => pool, worth: 2 },
  { title: "TARGET", value: ({ target }) => target ?? "-", least: 14, cut: "middle", worth: 9, sort: "target" },
  { title: "PHASE", value: ({ phase }) => phase, worth: 8 },
  { title: "AGE", value: ({ ageMs }) => spanText(ageMs), right: true, room: SPAN, worth: 7, sort: "age" },
  {
    title: "IDLE",
    value: ({ idleMs }) => (idleMs === null ? "-" : spanText(idleMs)),
    right: true,
    room: SPAN,
    worth: 6,
    sort: "idle",
  },
  { title: "IN", value: ({ bytesIn }) => bytesText(bytesIn), right: true, room: BYTES, worth: 5, sort: "bytesIn" },
  {
    title: "OUT",
    value: ({ bytesOut }) => bytesText(bytesOut),
    right: true,
    room: BYTES,
    worth: 5.1,
    sort: "bytesOut",
  },
  { title: "QUEUED MS", value: ({ queuedMs }) => msText(queuedMs), right: true, worth: 1 },
  { title: "CONNECT MS", value: ({ connectMs }) => msText(connectMs), right: true, worth: 3 },
  { title: "LISTENER", value: ({ listener }) => listener ?? "-", worth: 0 },
  { title: "SERVER NAME", value: ({ serverName = null }) => serverName ?? "-", least: 14, cut: "middle", worth: 4 },
  { title: "VIA", value: ({ via = null }) => via ?? "-", least: 14, cut: "middle", worth: 0.5 },
  { title: "TLS", value: ({ tls = null }) => tls?.version ?? "-", worth: 0.4 },
];

export function connectionLines(connections: readonly Connection[], total: number, paper: Paper): Line[] {
  if (total === 0) return [line("no connections")];
  const rest =
    total > connections.length ? [line(`${connections.length} of ${total}: see more with --limit or --all`)] : [];
  return [...table(CONNECTION_COLUMNS, connections, paper), ...rest];
}
