/** Listeners as a table. What has a default here, a balancer of an earlier release does not say. */
import type { Listener } from "../../admin/api/schemas/pools.ts";
import { expiresOn, refusedBy } from "../../admin/shared/listeners.ts";
import { type Line, line } from "../terminal/line.ts";
import type { Paper } from "../terminal/paper.ts";
import { type Column, table } from "../terminal/table.ts";
import { BYTES, bytesText } from "../terminal/units.ts";

const COLUMNS: readonly Column<Listener>[] = [
  { title: "LISTENER", value: ({ name }) => name, least: 8, cut: "middle" },
  { title: "ADDRESS", value: ({ address }) => address, least: 14, cut: "middle" },
  { title: "POOLS", value: ({ pool, pools = [pool] }) => pools.join(" "), least: 8, worth: 3 },
  { title: "CERTIFICATE UNTIL", value: ({ tls = null }) => expiresOn(tls) ?? "-", worth: 2 },
  {
    title: "LISTS, LIMITS",
    value: ({ edgeBytes = 0 }) => (edgeBytes === 0 ? "-" : bytesText(edgeBytes)),
    right: true,
    room: BYTES,
    worth: 1,
  },
  { title: "REFUSED", value: refusedText, least: 12, worth: 4 },
];

export function listenerLines(listeners: readonly Listener[], paper: Paper): Line[] {
  if (listeners.length === 0) return [line("nothing listens for clients")];
  return table(COLUMNS, listeners, paper);
}

/** `-`: it asks nothing of its clients, and refuses none. */
function refusedText({ refusals = null }: Listener): string {
  if (refusals === null) return "-";
  return (
    refusedBy(refusals)
      .map(([reason, clients]) => `${clients} ${reason}`)
      .join(", ") || "none"
  );
}
