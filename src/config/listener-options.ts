/** What is decided for each listener by itself: which clients it takes, how it speaks with them, and how its sockets are set. */
import { addressList, clientNetwork, clientRate, refusalAnswer } from "./access-kinds.ts";
import { keepaliveTimes } from "./keepalive-kind.ts";
import { duration, integer, onOff } from "./kinds.ts";
import { option, optional, type Values } from "./option.ts";
import { BY_THE_KERNEL, congestionControl, dscp, socketBuffer } from "./path-kinds.ts";
import { MOST_CONNECTIONS } from "./shared-options.ts";
import { listenerTlsEntry, listenerTlsKind } from "./tls-kinds.ts";

/** As nginx and HAProxy have it in their examples: a hello that is lost twice is sent again within it. */
const DEFAULT_PREREAD_TIMEOUT = 5_000;
/** What one subscriber gets of each family. */
const DEFAULT_CLIENT_NETWORK = { v4: 32, v6: 64 };
const LONGEST_DEFER = 3_600_000;

export const listenerOptions = {
  acceptProxy: option({
    kind: addressList,
    default: [],
    doc: "Proxies in front of this listener: each connection of theirs begins with a PROXY header (v1 or v2), and is from then on the client's that it names. Without that header, and of all others, connections are refused. `@FILE` is read again when it changes.",
    shownDefault: "none: no PROXY header is read",
  }),
  allow: option({
    kind: addressList,
    default: [],
    doc: "Clients that are taken; all others are refused. `@FILE` has a network or an address a line, and is read again when it changes.",
    shownDefault: "all",
  }),
  deny: option({
    kind: addressList,
    default: [],
    doc: "Clients that are refused, also where allow has them. Written as allow.",
    shownDefault: "none",
  }),
  clientConnections: option({
    kind: integer(0, MOST_CONNECTIONS),
    default: 0,
    doc: "Connections that one client may have at once. 0 means no limit.",
  }),
  clientRate: option({
    kind: clientRate,
    default: null,
    doc: "How often one client may connect, such as 20/s, 30/m or 100/h. off means no limit.",
    shownDefault: "off",
  }),
  clientBurst: option({
    kind: integer(0, 1_000_000),
    default: 0,
    doc: "Connections that one client may open at once before client-rate holds it back. 0 means those of one second of it, and at least 1.",
  }),
  clientNetwork: option({
    kind: clientNetwork,
    default: DEFAULT_CLIENT_NETWORK,
    doc: "The bits of an IPv4 address, and of an IPv6 address, that make one client for client-connections and client-rate.",
  }),
  refuse: option({
    kind: refusalAnswer,
    default: { type: "reset" },
    doc: "What clients get that are refused by allow, deny, client-connections or client-rate: reset; close; tarpit DURATION (10s if none is given), a reset after that; or text TEXT.",
  }),
  prereadTimeout: option({
    kind: duration(1),
    default: DEFAULT_PREREAD_TIMEOUT,
    doc: "How long a client may take for what is read before it is served: the PROXY header, and the TLS hello where a route wants a name or a protocol.",
  }),
  tls: option({
    kind: listenerTlsKind,
    default: "off",
    doc: "TLS for clients: cert=PATH key=PATH, once or more often, and behind it words such as client-ca=PATH min=1.3 alpn=h2,http/1.1 tickets=off handshake=5s. The files are read again when they change. In the file also a table.",
    entry: listenerTlsEntry,
  }),
  listenFastOpen: option({
    kind: integer(0, 65_535),
    default: 0, // a SYN may come twice, and its data with it
    doc: "Connections whose SYN has brought data that may wait to be accepted (TCP fast open). 0 takes none.",
  }),
  deferAccept: option({
    kind: duration(0),
    default: 0, // a protocol where the server speaks first would wait for nothing
    doc: `How long a connection waits in the kernel for the client's first bytes (TCP_DEFER_ACCEPT), in whole seconds, ${LONGEST_DEFER / 3_600_000}h at most. 0 does not wait.`,
  }),
  listenTransparent: option({
    kind: onOff,
    default: false,
    doc: "Take connections to addresses that are not this machine's, as firewall rules send them here (IP_TRANSPARENT). It needs the right CAP_NET_ADMIN.",
  }),
  clientSendBuffer: optional({
    kind: socketBuffer,
    doc: "Bytes that the kernel holds at most of what goes to a client (SO_SNDBUF).",
    shownDefault: BY_THE_KERNEL,
  }),
  clientReceiveBuffer: optional({
    kind: socketBuffer,
    doc: "Bytes that the kernel holds at most of what comes from a client (SO_RCVBUF).",
    shownDefault: BY_THE_KERNEL,
  }),
  clientNodelay: option({
    kind: onOff,
    default: true, // what one side has sent is not kept from the other one
    doc: "Send small pieces to clients at once (TCP_NODELAY).",
  }),
  clientKeepalive: optional({
    kind: keepaliveTimes,
    doc: "How TCP keepalive asks clients that say nothing, where it is on: idle=30s, the silence before it does; interval=10s, the time between two probes; count=3, those without an answer after which the connection is ended. What is left out follows from keepalive.",
    shownDefault: "half of keepalive, then three probes",
  }),
  clientCongestion: optional({
    kind: congestionControl,
    doc: "Congestion control towards clients, such as bbr: one that the kernel has, and lets this process use.",
    shownDefault: BY_THE_KERNEL,
  }),
  clientDscp: optional({
    kind: dscp,
    doc: "Class of service of packets to clients, a number from 0 to 63 (DSCP).",
    shownDefault: BY_THE_KERNEL,
  }),
} as const;

/** What a listener asks of clients, completed. Durations in ms, files by their paths. */
export interface ListenerTerms extends Values<typeof listenerOptions> {}

/** Out of values that have others beside them. */
export function listenerTerms(values: ListenerTerms): ListenerTerms {
  const names = Object.keys(listenerOptions) as (keyof ListenerTerms)[];
  return Object.fromEntries(names.map((name) => [name, values[name]])) as ListenerTerms;
}
