/** Where TLS is spoken, sockets are the runtime's, and cannot be set as those of an engine can. What is asked of them all the same is a problem. */
import { isDeepStrictEqual } from "node:util";
import { type ListenerTerms, listenerOptions } from "../listener-options.ts";
import { spell } from "../names.ts";
import type { OptionTable, Place } from "../option.ts";
import { type PoolValues, poolOptions, TARGET_SOCKETS } from "../pool-options.ts";
import { type Chosen, whereOf } from "../values.ts";

const OF_CLIENTS = [
  "listenFastOpen",
  "deferAccept",
  "listenTransparent",
  "clientSendBuffer",
  "clientReceiveBuffer",
  "clientNodelay",
  "clientKeepalive",
  "clientCongestion",
  "clientDscp",
] as const satisfies readonly (keyof ListenerTerms)[];

const OF_TARGETS = [...TARGET_SOCKETS, "targetKeepalive"] as const satisfies readonly (keyof PoolValues)[];

export function refuseListenSockets(
  listener: string,
  { values, given }: Chosen<ListenerTerms>,
  place: Place,
  problems: string[],
): void {
  if (values.tls === "off") return;
  const whose = `clients of listener ${listener}`;
  refuse(OF_CLIENTS, listenerOptions, { values, given }, whose, place, problems);
}

export function refuseTargetSockets(
  pool: string,
  { values, given }: Chosen<PoolValues>,
  place: Place,
  problems: string[],
): void {
  if (values.targetTls === "off") return;
  refuse(OF_TARGETS, poolOptions, { values, given }, `targets of pool ${pool}`, place, problems);
}

function refuse<T extends object>(
  names: readonly (keyof T & string)[],
  table: OptionTable,
  { values, given }: Chosen<T>,
  whose: string,
  place: Place,
  problems: string[],
): void {
  for (const name of names) {
    if (isDeepStrictEqual(values[name], table[name]!.default)) continue;
    problems.push(
      `${whereOf(given.get(name))}${spell(name, place)}: ${whose} speak TLS, and this cannot be set for them: leave it out`,
    );
  }
}
