/** Every option of the balancer: the program's, and the library's `server()`. */
import { anyPort, listenAddresses, listenHost } from "./address-kinds.ts";
import { choice, duration, integer, persistence, textOrFile, threads } from "./kinds.ts";
import { option, optional, type Values } from "./option.ts";
import { DEFAULT_ADMIN_PORT, drainTimeout, insecure, key, keyFile, path, programOptions } from "./shared-options.ts";

/** Where clients come: the number that the first Harmony used. */
const DEFAULT_LISTEN_PORT = 3000;
/** Outlives a reader's pause between two clicks; nginx and HAProxy examples use the same. */
const DEFAULT_PERSISTENCE_IDLE = 30 * 60_000;
const NO_LIMIT = -1;
/** More than a burst brings while targets are slow, and at one descriptor each far from the usual limits. */
const DEFAULT_QUEUE = 1024;
/** A person has gone by then, and so has the time-out of most HTTP clients. */
const DEFAULT_QUEUE_TIMEOUT = 30_000;
/** As the first Harmony: one more target is tried. */
const DEFAULT_REQUEUE = 1;
/** As the first Harmony: a target is given up after a minute without a report. */
const DEFAULT_HOST_TIMEOUT = 60_000;
/** Covers a lost SYN and its retransmissions after 1 s and 3 s, and no more: another target may be waiting. */
const DEFAULT_CONNECT_TIMEOUT = 5_000;
/** Off: database, MQTT and WebSocket connections are rightly silent for hours, and TCP keepalive finds dead peers. */
const DEFAULT_IDLE_TIMEOUT = 0;

/** Far above what one machine holds, and exact in the shared 32-bit counters. */
const MOST_CONNECTIONS = 16_777_215;
/** Beyond this a list of targets, not a number, is what is wrong. */
const MOST_REQUEUES = 100;

/** The pool tells threads apart by a byte. */
const MOST_THREADS = 255;

const LIBRARY = ["library"] as const;

export const balancerOptions = {
  listen: option({
    kind: listenAddresses,
    default: [{ host: "", port: DEFAULT_LISTEN_PORT }],
    doc: "Where clients connect. May be repeated.",
    zero: "port 0: any free port",
    repeat: true,
    shownDefault: `${DEFAULT_LISTEN_PORT} on all interfaces`,
    libraryDefault: "`listenport` on `host`",
  }),
  admin: option({
    kind: listenAddresses,
    default: [{ host: "", port: DEFAULT_ADMIN_PORT }],
    doc: "Where targets register. May be repeated.",
    zero: "port 0: any free port",
    repeat: true,
    shownDefault: `${DEFAULT_ADMIN_PORT} on all interfaces`,
    libraryDefault: "`adminport` on `host`",
  }),
  host: option({
    kind: listenHost,
    default: "localhost",
    doc: "Address for both ports, where `listen` and `admin` are not given; an empty text is every interface.",
    places: LIBRARY,
  }),
  listenport: option({
    kind: anyPort,
    default: DEFAULT_LISTEN_PORT,
    doc: "Port on `host` for clients.",
    zero: "any free port",
    places: LIBRARY,
  }),
  adminport: option({
    kind: anyPort,
    default: DEFAULT_ADMIN_PORT,
    doc: "Port on `host` for targets to register.",
    zero: "any free port",
    places: LIBRARY,
  }),
  algorithm: option({
    kind: choice(["leastconn", "roundrobin", "random", "hash"]),
    default: "leastconn", // the one that follows what the targets really bear
    doc: "How a target is picked: fewest connections for its weight, in turn, the better of two at random, or by client address.",
  }),
  persistent: option({
    kind: persistence(DEFAULT_PERSISTENCE_IDLE),
    default: DEFAULT_PERSISTENCE_IDLE,
    doc: "Keep a client's address on the target it had. A duration says how long it may be away (on: 30m).",
    libraryObject: "on",
    libraryType: "boolean, {}, ms or text",
  }),
  concurrency: option({
    kind: integer(NO_LIMIT, MOST_CONNECTIONS),
    default: NO_LIMIT,
    doc: "Client connections served at once; further ones wait in the queue. -1 is no limit.",
    zero: "pause: everybody waits",
  }),
  queue: option({
    kind: integer(0, MOST_CONNECTIONS),
    default: DEFAULT_QUEUE,
    doc: "Connections that may wait for their turn, also one whose client has finished sending or hung up, which keeps its place.",
    zero: "nobody waits",
  }),
  queueTimeout: option({
    kind: duration(1),
    default: DEFAULT_QUEUE_TIMEOUT,
    doc: "How long a connection may wait for its turn.",
  }),
  requeue: option({
    kind: integer(0, MOST_REQUEUES),
    default: DEFAULT_REQUEUE,
    doc: "How many further targets are tried when connecting to one fails.",
    zero: "only one target is tried",
  }),
  unavailable: optional({
    kind: textOrFile,
    doc: "What a client is sent when there is no target for it, before its connection is closed.",
    libraryType: "string or function(error, socket)",
    shownDefault: "none: it is just closed",
  }),
  hostTimeout: option({
    kind: duration(1),
    default: DEFAULT_HOST_TIMEOUT,
    doc: "A target that has not reported for this long gets no connections until it reports again.",
    libraryNumber: "minutes",
    libraryDefault: "1",
  }),
  connectTimeout: option({
    kind: duration(1),
    default: DEFAULT_CONNECT_TIMEOUT,
    doc: "How long connecting to a target may take.",
  }),
  idleTimeout: option({
    kind: duration(0),
    default: DEFAULT_IDLE_TIMEOUT,
    doc: "A connection on which no byte moves for this long is ended.",
    zero: "no limit",
  }),
  drainTimeout: drainTimeout(
    "How long open connections may go on when the balancer is stopped.",
    "they are ended at once",
  ),
  keyFile,
  key,
  insecure: insecure("Let any stranger register as a target. For closed networks and experiments only."),
  tlsCert: optional({ kind: path, doc: "PEM certificate (chain) for TLS on the admin port. Needs --tls-key." }),
  tlsKey: optional({ kind: path, doc: "PEM private key for TLS on the admin port. Needs --tls-cert." }),
  engine: option({
    kind: choice(["auto", "portable", "linux"]),
    default: "auto", // the best that passes its self-test here
    doc: "What moves the bytes: the best that works here, sockets of the runtime, or system calls of Linux.",
  }),
  threads: option({
    kind: threads(MOST_THREADS),
    default: 0, // a thread that has nothing to do costs nothing
    doc: "Threads of the linux engine; auto: as many as there are processors. The portable engine has one.",
    libraryType: "number or `auto`",
  }),
  ...programOptions,
} as const;

export type BalancerValues = Values<typeof balancerOptions>;
