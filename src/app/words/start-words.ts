/** What is told when a balancer has started. */

import type { ApiPlaces } from "../../admin/server.ts";
import type { PassedOver } from "../../engines/choose.ts";
import type { TcpAddress } from "../../net/runtime.ts";
import { info, type Words } from "../../telemetry/line.ts";
import { formatAddress } from "../../util/address.ts";
import type { BalancerEvents } from "../events.ts";
import type { PoolView } from "../views.ts";

/** What words are made of beside the events themselves. */
export interface Told {
  pools(): readonly PoolView[];
  readonly adminAddresses: readonly TcpAddress[];
  readonly engine: { readonly name: string; readonly passedOver: readonly PassedOver[] } | null;
  readonly adminTls: boolean;
  readonly api: (ApiPlaces & { readonly tokenFile: string | null }) | null;
}

/** Listeners that are named in one line. */
const NAMED = 16;

export function startWords(balancer: Told): Words<Pick<BalancerEvents, "listening">> {
  return { listening: () => [...passedOver(balancer), listening(balancer), ...api(balancer)] };
}

function passedOver({ engine }: Told) {
  return (engine?.passedOver ?? []).map(({ name, reason }) =>
    info(`engine ${name} cannot run here: ${reason}`, { engine: name, reason }),
  );
}

function listening(balancer: Told) {
  const listeners = balancer
    .pools()
    .flatMap(({ name, listeners: all }) =>
      all.flatMap(({ addresses }) => addresses.map((address) => ({ pool: name, address: formatAddress(address) }))),
    );
  const reporters = balancer.adminAddresses.map(formatAddress);
  const engine = balancer.engine?.name;
  const tls = balancer.adminTls;
  return info(
    `listening for clients on ${listenersText(listeners)} and for reporters on ${reporters.join(", ")}${tls ? " with TLS" : ""} (engine ${engine})`,
    { clients: listeners.map(({ address }) => address), reporters, tls, engine },
  );
}

function api({ api: places }: Told) {
  const { sockets = [], urls = [], metrics = [], tokenFile = null } = places ?? {};
  const sign =
    tokenFile === null ? "" : `: harmony-balancer dashboard opens it signed in, or take the token in ${tokenFile}`;
  return [
    ...sockets.map((path) => info(`listening for commands on unix:${path}`, { api: path })),
    ...urls.map((url) => info(`the dashboard is at ${url}${sign}`, { dashboard: url, tokenFile })),
    ...metrics.map((url) => info(`metrics are at ${url}metrics`, { metrics: url })),
  ];
}

function listenersText(listeners: readonly { readonly pool: string; readonly address: string }[]): string {
  const isOne = new Set(listeners.map(({ pool }) => pool)).size === 1;
  const named = listeners.slice(0, NAMED).map(({ pool, address }) => (isOne ? address : `${address} (pool ${pool})`));
  const unnamed = listeners.length - named.length;
  return [...named, ...(unnamed > 0 ? [`and ${unnamed} more`] : [])].join(", ");
}
