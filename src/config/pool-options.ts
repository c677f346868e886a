/** What is decided for each pool by itself: its policy, and what holds for the connections that it serves. */

import { DEFAULT_KEEPALIVE, LONGEST_KEEPALIVE, SHORTEST_KEEPALIVE } from "../net/keepalive.ts";
import {
  DEFAULT_EJECT_SHARE,
  DEFAULT_EJECT_TIME,
  DEFAULT_MAX_BINDINGS,
  DEFAULT_MAX_TARGETS,
  MAX_BINDINGS,
  MAX_EJECT_AFTER,
  MAX_TARGETS,
  MIN_BINDINGS,
} from "../pool/options.ts";
import { ALGORITHM_NAMES, ALGORITHMS, DEFAULT_ALGORITHM } from "../pool/pool.ts";
import { MOST_REQUEUES } from "../proxy/options.ts";
import type { UnavailableHandler } from "../proxy/unavailable.ts";
import { agentCheckKind } from "./agent-check-kind.ts";
import { checkEntry, checkKind } from "./check-kind.ts";
import { keepaliveTimes } from "./keepalive-kind.ts";
import type { LibraryForm } from "./kind.ts";
import { choice, duration, durationOrOff, integer, onOff, persistence, sharing, textOrFile } from "./kinds.ts";
import { option, optional, type Values } from "./option.ts";
import { BY_THE_KERNEL, congestionControl, dscp, proxyTlvs, SEND_PROXY, socketBuffer, sources } from "./path-kinds.ts";
import { rate, removal } from "./removal-kinds.ts";
import { MOST_CONNECTIONS } from "./shared-options.ts";
import { targetEntry, targetList } from "./target-kind.ts";
import { targetTlsEntry, targetTlsKind } from "./tls-kinds.ts";

/** Outlives a reader's pause between two clicks. The examples of nginx and HAProxy use the same. */
const DEFAULT_PERSISTENCE_IDLE = 30 * 60_000;
const NO_LIMIT = -1;
/** More than a burst brings while targets are slow, and with one descriptor each far below the usual limits. */
const DEFAULT_QUEUE = 1024;
/** By then a person has left, and most HTTP clients have timed out. */
const DEFAULT_QUEUE_TIMEOUT = 30_000;
/** Off: a client that has several balancers, or a text to show, is served best by an answer at once. */
const DEFAULT_QUEUE_WHEN_EMPTY = 0;
/**
 * Reporters that were connected are back about that soon after a restart (control/client/backoff.ts), and a person hardly
 * notices the wait.
 */
const DEFAULT_START_HOLD = 2_000;
/** `on-down = drain`: long enough for an ordinary request, as the drain time-outs of both programs. */
const DEFAULT_REMOVAL_TIME = 30_000;
/** As in the first Harmony: one more target is tried. */
const DEFAULT_REQUEUE = 1;
/** Covers a lost SYN and its retransmissions after 1 s and 3 s. More would keep the client from the next target. */
const DEFAULT_CONNECT_TIMEOUT = 5_000;
/** Off: database, MQTT and WebSocket connections are silent for hours in normal use, and TCP keepalive finds dead peers. */
const DEFAULT_IDLE_TIMEOUT = 0;

/** A text is taken as it stands: "@" has no meaning, since a program can read its files itself. */
const textOrHandler: LibraryForm<string | UnavailableHandler | null> = {
  words: "string or function(error, socket)",
  allowed: "a string, or a function (error, socket)",
  asItIs: (given) => (typeof given === "string" ? { text: given } : typeof given === "function" ? given : undefined),
};

export const poolOptions = {
  algorithm: option({
    kind: choice(ALGORITHM_NAMES),
    default: DEFAULT_ALGORITHM,
    doc: `How a target is picked. ${ALGORITHMS.map(({ name, doc }) => `${name}: ${doc}`).join("; ")}.`,
  }),
  slowStart: option({
    kind: duration(0),
    default: 0, // off: a server that is as fast in its first second as later would be spared for nothing
    doc: "How long a target that comes, or comes back, takes to get its whole share: its weight grows from a twentieth. A target that is alone has all of it. 0 gives it at once.",
  }),
  persistent: option({
    kind: persistence(DEFAULT_PERSISTENCE_IDLE),
    default: DEFAULT_PERSISTENCE_IDLE,
    doc: "Keep a client's address on the target it had. A duration says how long the client may be away; on means 30m.",
  }),
  persistentShared: option({
    kind: sharing,
    default: 0, // with a group its balancers are one service, and a client does not see which of them it has come to
    doc: "With a group (--group), a client that another balancer keeps on a target (persistent) has the same one here. on: what the others know comes here within a fraction of a second, and no connection waits for it. wait DURATION, such as wait 5ms, and 5s at most: a connection whose client has no target here waits until that has been read, and for so long at most. off shares nothing.",
  }),
  concurrency: option({
    kind: integer(NO_LIMIT, MOST_CONNECTIONS),
    default: NO_LIMIT,
    doc: "Client connections served at once, by all balancers of a group together; further ones wait in the queue. -1 means no limit. 0 pauses: every connection waits.",
  }),
  queue: option({
    kind: integer(0, MOST_CONNECTIONS),
    default: DEFAULT_QUEUE,
    doc: "Connections that may wait for their turn. One whose client closes its side keeps its place; one that is reset loses it. 0 means that none waits.",
  }),
  queueTimeout: option({
    kind: duration(1),
    default: DEFAULT_QUEUE_TIMEOUT,
    doc: "How long a connection may wait for its turn.",
  }),
  queueWhenEmpty: option({
    kind: duration(0),
    default: DEFAULT_QUEUE_WHEN_EMPTY,
    doc: "How long a connection may wait in the queue for a target while none is up. It tries none then that is suspect. 0 tells clients at once that there is none, unless one is asleep (harmony-reporter --on-demand): for that they wait as long as for their turn.",
  }),
  startHold: option({
    kind: duration(0),
    default: DEFAULT_START_HOLD,
    doc: "How long after its start a balancer to which no target has come yet lets clients wait in the queue for the first one. 0 tells them at once that there is none.",
  }),
  requeue: option({
    kind: integer(0, MOST_REQUEUES),
    default: DEFAULT_REQUEUE,
    doc: "How many further targets are tried when connecting to one fails. 0 tries one target only.",
  }),
  maxTargets: option({
    kind: integer(1, MAX_TARGETS),
    default: DEFAULT_MAX_TARGETS,
    doc: "Targets that may be registered at once. With the algorithm hash it is to be the same on every balancer.",
  }),
  maxBindings: option({
    kind: integer(MIN_BINDINGS, MAX_BINDINGS),
    default: DEFAULT_MAX_BINDINGS,
    doc: "Clients that are kept on their targets (persistent) at once; over it, those go that were away for longest. Memory is taken for those that there are, some 100 bytes each.",
  }),
  unavailable: optional({
    kind: textOrFile,
    doc: "What a client is sent when there is no target for it, before its connection is closed.",
    library: textOrHandler,
    shownDefault: "the connection is just closed",
  }),
  hangDetection: option({
    kind: onOff,
    default: true, // costs next to nothing, and what hangs is noticed by nothing else without checks
    doc: "A target that accepts connections and answers nobody is found by that: its clients wait far longer than they used to. Others are picked then until it answers.",
  }),
  ejectAfter: option({
    kind: integer(0, MAX_EJECT_AFTER),
    default: 0,
    doc: "Connections in a row after which a target is taken out: those that it ends before it has sent a byte, that fail, or that it answers too late (eject-slow). 0 takes none out.",
  }),
  ejectSlow: option({
    kind: duration(0),
    default: 0,
    doc: "A first byte that comes later than this counts as a failure for eject-after. 0: none is too late.",
  }),
  ejectTime: option({
    kind: duration(1),
    default: DEFAULT_EJECT_TIME,
    doc: "How long a target is out (eject-after) until one connection tries it again; twice as long each time that this fails, and ten times as long at most.",
  }),
  ejectShare: option({
    kind: integer(0, 100),
    default: DEFAULT_EJECT_SHARE,
    doc: "Percent of a pool's targets that may be out at once for what their connections have shown (hang-detection, eject-after), or as their reporters are silent (heartbeat). 0 takes none out.",
  }),
  panic: option({
    kind: onOff,
    default: true, // servers that work are of more use than the certainty that all of them do
    doc: "When all reporters of a pool, two or more, have fallen silent at once, their targets are served for as long as they accept connections; and where no other is left, those are tried that are out for what their connections have shown. off serves nobody then.",
  }),
  onDown: option({
    kind: removal(DEFAULT_REMOVAL_TIME),
    default: null, // most protocols do better with a connection that goes on than with one that is cut
    doc: "What becomes of a target's open connections when it goes down, is silent, drains or leaves. keep: they go on for as long as they do. drain DURATION (30s if none is given): they are ended when it has taken no new ones for that long. kill: they are ended at once, but for those of a target that drains, which are when it leaves.",
    shownDefault: "keep",
  }),
  check: option({
    kind: checkKind,
    default: "off", // what targets say of themselves, and what becomes of connections to them, is known without
    doc: "How the balancer checks its targets' health: tcp, http:/PATH, https:/PATH, send:TEXT expect:TEXT or exec:COMMAND, and behind it words such as interval=2s timeout=1s rise=2 fall=3 port=8008. A target is not served before its check has passed. In the file also a table.",
    entry: checkEntry,
  }),
  agentCheck: option({
    kind: agentCheckKind,
    default: "off",
    doc: "Port at which each target that the file or the DNS names has an agent, which is asked for its state and weight (HAProxy's agent-check). Behind it words such as interval=2s timeout=1s send=TEXT.",
  }),
  rebalance: option({
    kind: rate,
    default: null, // a connection that is ended is felt by its client
    doc: "After a target has come or come back, connections of targets that have more than their share are ended at this rate at most (10/s, 30/m; 1%/s of those that are open), idle ones first, until the shares are even. off ends none.",
    shownDefault: "off",
  }),
  connectTimeout: option({
    kind: duration(1),
    default: DEFAULT_CONNECT_TIMEOUT,
    doc: "How long connecting to a target may take.",
  }),
  idleTimeout: option({
    kind: duration(0),
    default: DEFAULT_IDLE_TIMEOUT,
    doc: "A connection on which no byte moves for this long is ended. 0 means no limit.",
  }),
  keepalive: option({
    kind: durationOrOff(SHORTEST_KEEPALIVE, LONGEST_KEEPALIVE),
    default: DEFAULT_KEEPALIVE,
    doc: "A connection whose client or target has vanished without a word is ended after this long: TCP keepalive asks while nothing is said, and the linux engine looks while bytes are under way. off never does.",
  }),
  sendProxy: option({
    kind: choice(SEND_PROXY),
    default: "off", // a target that does not expect it takes it for the client's
    doc: "Tell targets of each client by a PROXY header, of version 1 or 2, before its first byte. A target may ask for another one in its report (harmony-reporter --send-proxy).",
  }),
  sendProxyTlvs: option({
    kind: proxyTlvs,
    default: [],
    doc: "What a PROXY header of version 2 says beside addresses, of what is known: unique-id, authority (the server name), alpn, ssl, and texts of one's own as 0xE0=TEXT to 0xEF=TEXT.",
    shownDefault: "none",
  }),
  targetTls: option({
    kind: targetTlsKind,
    default: "off",
    doc: "TLS to targets: on, or words such as ca=PATH name=NAME verify=off cert=PATH key=PATH alpn=h2. In the file also a table.",
    entry: targetTlsEntry,
  }),
  source: option({
    kind: sources,
    default: [],
    doc: "Addresses of this machine from which targets are connected to, in turn: each has ports of its own. client is the client's own address (IP_TRANSPARENT), which needs the right CAP_NET_ADMIN and routes that lead back here.",
    shownDefault: "as the kernel chooses",
  }),
  targetClose: option({
    kind: choice(["fin", "reset"]),
    default: "fin", // a target that has sent its FIN may still read
    doc: "How a connection is ended whose target has finished first. reset is sent only where nothing can be lost by it; and with it, ports that wait for late packets are used again when no other is free, so that clients which close first are not bound to some 470 new connections a second.",
  }),
  targetFastOpen: option({
    kind: onOff,
    default: false, // a SYN may come twice, and its data with it
    doc: "Send a client's first bytes with the SYN to targets that have allowed it before (TCP fast open).",
  }),
  targetSendBuffer: optional({
    kind: socketBuffer,
    doc: "Bytes that the kernel holds at most of what goes to a target (SO_SNDBUF).",
    shownDefault: BY_THE_KERNEL,
  }),
  targetReceiveBuffer: optional({
    kind: socketBuffer,
    doc: "Bytes that the kernel holds at most of what comes from a target (SO_RCVBUF).",
    shownDefault: BY_THE_KERNEL,
  }),
  targetNodelay: option({
    kind: onOff,
    default: true, // what one side has sent is not kept from the other one
    doc: "Send small pieces to targets at once (TCP_NODELAY).",
  }),
  targetKeepalive: optional({
    kind: keepaliveTimes,
    doc: "How TCP keepalive asks targets that say nothing, where it is on: idle=30s, the silence before it does; interval=10s, the time between two probes; count=3, those without an answer after which the connection is ended. What is left out follows from keepalive.",
    shownDefault: "half of keepalive, then three probes",
  }),
  targetCongestion: optional({
    kind: congestionControl,
    doc: "Congestion control towards targets, such as bbr: one that the kernel has, and lets this process use.",
    shownDefault: BY_THE_KERNEL,
  }),
  targetDscp: optional({
    kind: dscp,
    doc: "Class of service of packets to targets, a number from 0 to 63 (DSCP).",
    shownDefault: BY_THE_KERNEL,
  }),
  targets: option({
    kind: targetList,
    default: [],
    doc: "Targets beside those that register. They have no lease: connects and probes decide about them.",
    shownDefault: "none",
    places: ["file", "library"],
    entry: targetEntry,
  }),
} as const;

export type PoolValues = Values<typeof poolOptions>;

/** What is set of sockets to targets and belongs to the balancer's host alone: all but `targetKeepalive`, which reporters may declare. */
export const TARGET_SOCKETS = [
  "source",
  "targetClose",
  "targetFastOpen",
  "targetSendBuffer",
  "targetReceiveBuffer",
  "targetNodelay",
  "targetCongestion",
  "targetDscp",
] as const satisfies readonly (keyof PoolValues)[];
