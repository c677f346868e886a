/** How sockets are set, as engines take it: what is as it is by default is left out, and nothing at all where nothing is set. */
import { type Probing, probingOf } from "../net/keepalive.ts";
import type { ListenSocketOptions, TargetSocketOptions, WantedSockets } from "../net/socket-options.ts";
import type { PoolValues } from "./pool-options.ts";
import type { ListenerSettings } from "./settings.ts";

const MS_PER_SECOND = 1_000;

type ListenValues = Omit<ListenerSettings, "listen" | "routes">;
type TargetValues = Omit<PoolValues, "unavailable">;

export function listenSockets(settings: ListenValues): ListenSocketOptions | undefined {
  const { listenFastOpen, deferAccept, listenTransparent } = settings;
  return setAlone<ListenSocketOptions>({
    sendBuffer: settings.clientSendBuffer ?? undefined,
    receiveBuffer: settings.clientReceiveBuffer ?? undefined,
    noDelay: settings.clientNodelay ? undefined : false,
    congestion: settings.clientCongestion ?? undefined,
    dscp: settings.clientDscp ?? undefined,
    keepaliveTimes: timesOf(settings.keepalive, settings.clientKeepalive),
    fastOpen: listenFastOpen === 0 ? undefined : listenFastOpen,
    deferAccept: deferAccept === 0 ? undefined : Math.ceil(deferAccept / MS_PER_SECOND),
    transparent: listenTransparent ? true : undefined,
  });
}

export function targetSockets(settings: TargetValues): TargetSocketOptions | undefined {
  const { source } = settings;
  return setAlone<TargetSocketOptions>({
    sendBuffer: settings.targetSendBuffer ?? undefined,
    receiveBuffer: settings.targetReceiveBuffer ?? undefined,
    noDelay: settings.targetNodelay ? undefined : false,
    congestion: settings.targetCongestion ?? undefined,
    dscp: settings.targetDscp ?? undefined,
    keepaliveTimes: timesOf(settings.keepalive, settings.targetKeepalive),
    fastOpen: settings.targetFastOpen ? true : undefined,
    source: source.length === 0 ? undefined : source,
    close: settings.targetClose === "fin" ? undefined : settings.targetClose,
  });
}

/** What an engine has to be able to do for all of them. Where TLS is spoken, sockets are not the engine's. */
export function wantedSockets(listeners: Iterable<ListenValues>, pools: Iterable<TargetValues>): WantedSockets {
  return {
    listeners: [...listeners].flatMap((settings) => (settings.tls === "off" ? (listenSockets(settings) ?? []) : [])),
    targets: [...pools].flatMap((settings) => (settings.targetTls === "off" ? (targetSockets(settings) ?? []) : [])),
  };
}

function timesOf(keepalive: number, own: Partial<Probing> | null): Probing | undefined {
  return keepalive === 0 || own === null ? undefined : probingOf(keepalive, own);
}

function setAlone<T extends object>(options: T): T | undefined {
  const set = Object.entries(options).filter(([, value]) => value !== undefined);
  return set.length === 0 ? undefined : (Object.fromEntries(set) as T);
}
