/** Every option of the balancer: the program's, and the library's `server()`. */

import { ENGINE_NAMES } from "../engines/engine.ts";
import { MAX_WORKERS } from "../pool/layout.ts";
import { accessLogOptions } from "./access-log-options.ts";
import { anyPort, dnsServers, hostNames, listenAddresses, listenHost } from "./address-kinds.ts";
import { apiPlaces } from "./api-kind.ts";
import { groupOptions } from "./group-options.ts";
import { choice, duration, durationOrOff, onOff, path, statePlace, threads } from "./kinds.ts";
import { listenPlaces } from "./listen-kind.ts";
import { listenerOptions } from "./listener-options.ts";
import { DEFAULT_LEVEL, logLevels } from "./log-levels.ts";
import { option, optional, type Values } from "./option.ts";
import { poolOptions } from "./pool-options.ts";
import { DEFAULT_ADMIN_PORT, drainTimeout, insecure, keyOptions, programOptions } from "./shared-options.ts";

/** For clients: the number that the first Harmony used. */
const DEFAULT_LISTEN_PORT = 3000;
/** As in the first Harmony: a target is given up after a minute without a report. */
const DEFAULT_HOST_TIMEOUT = 60_000;
/** A host that hangs is noticed within three times as much, and ten thousand reporters cost a few percent of a processor. */
const DEFAULT_HEARTBEAT = 1_000;
/** Below it what is late by the network's or a scheduler's doing looks like silence. */
const SHORTEST_HEARTBEAT = 100;
/** Reports come more often. */
const LONGEST_HEARTBEAT = 20_000;
/** Longer than a host takes to start again, with all that is on it. */
const DEFAULT_SERVICE_TIMEOUT = 10 * 60_000;

/** For people and programs: the next one behind the reporters'. */
const DEFAULT_API_PORT = 1667;

/** Numbers of workers that a pool has, but for the main thread's. */
const MOST_THREADS = MAX_WORKERS - 1;

const LIBRARY = ["library"] as const;

export const balancerOptions = {
  listen: option({
    kind: listenPlaces,
    default: [{ host: "", port: DEFAULT_LISTEN_PORT }],
    doc: "Where clients connect. Port 0 takes any free port.",
    shownDefault: `${DEFAULT_LISTEN_PORT} on all interfaces`,
    libraryDefault: "`listenport` on `host`",
  }),
  admin: option({
    kind: listenAddresses,
    default: [{ host: "", port: DEFAULT_ADMIN_PORT }],
    doc: "Where targets register. Port 0 takes any free port.",
    shownDefault: `${DEFAULT_ADMIN_PORT} on all interfaces`,
    libraryDefault: "`adminport` on `host`",
  }),
  host: option({
    kind: listenHost,
    default: "localhost",
    doc: "Address for both ports, where `listen` and `admin` are not given. An empty text means every interface.",
    places: LIBRARY,
  }),
  listenport: option({
    kind: anyPort,
    default: DEFAULT_LISTEN_PORT,
    doc: "Port on `host` where clients connect. 0 takes any free port.",
    places: LIBRARY,
  }),
  adminport: option({
    kind: anyPort,
    default: DEFAULT_ADMIN_PORT,
    doc: "Port on `host` where targets register. 0 takes any free port.",
    places: LIBRARY,
  }),
  ...listenerOptions,
  ...poolOptions,
  hostTimeout: option({
    kind: duration(1),
    default: DEFAULT_HOST_TIMEOUT,
    doc: "A target that has not reported for this long gets no connections until it reports again.",
    library: { words: "minutes, or text such as `30s`", unit: "minutes" },
    libraryDefault: "1",
  }),
  heartbeat: option({
    kind: durationOrOff(SHORTEST_HEARTBEAT, LONGEST_HEARTBEAT),
    default: DEFAULT_HEARTBEAT,
    doc: "Reporters that have nothing to report for this long send a sign of life. One that sends nothing for two and a half times as long is silent: its machine hangs, or is cut off, and its target is suspect unless that answers clients. off asks for none.",
  }),
  serviceTimeout: option({
    kind: duration(0),
    default: DEFAULT_SERVICE_TIMEOUT,
    doc: "How long the port and the pool of a service that reporters have brought stay when its last target is gone. 0 closes them within seconds.",
  }),
  drainTimeout: drainTimeout("How long open connections may go on when the balancer is stopped. 0 ends them at once."),
  stopDelay: option({
    kind: duration(0),
    default: 0, // nothing may be in front that asks
    doc: "How long the balancer, when it is stopped, goes on taking clients while /readyz says already that it does not: what is in front of it sends them elsewhere meanwhile. A second signal ends it. 0 stops accepting at once.",
  }),
  ...keyOptions,
  reporters: optional({
    kind: path,
    doc: "File of the reporters that have joined by invitation. The balancer's identity and its open invitations lie beside it.",
    shownDefault: "reporters, beside the key file",
  }),
  insecure: insecure("Let anyone register a target, without a key. Only for closed networks and experiments."),
  adminTlsCert: optional({
    kind: path,
    doc: "PEM file with the certificate (and its chain) for TLS on the admin port. Needs the private key as well.",
    formerly: ["tlsCert"],
    shownDefault: "no TLS",
  }),
  adminTlsKey: optional({
    kind: path,
    doc: "PEM file with the private key for TLS on the admin port. Needs the certificate as well.",
    formerly: ["tlsKey"],
    shownDefault: "no TLS",
  }),
  engine: option({
    kind: choice(["auto", ...ENGINE_NAMES]),
    default: "auto", // the best that passes its self-test here
    doc: "What moves the bytes: sockets of the runtime (portable) or system calls of Linux (linux). auto takes the best that works here.",
  }),
  threads: option({
    kind: threads(MOST_THREADS),
    default: 0, // a thread that has nothing to do costs nothing
    doc: "Threads of the linux engine; auto starts one per processor. The portable engine has one thread.",
  }),
  resolver: option({
    kind: dnsServers,
    default: [],
    doc: "Servers of the DNS that are asked for the names among `targets`, in this order. A name that they do not know is looked up as other programs of this machine do, in its hosts file as well.",
    shownDefault: "as other programs of this machine do",
  }),
  api: option({
    kind: apiPlaces,
    default: ["auto", { host: "127.0.0.1", port: DEFAULT_API_PORT, mayBeTaken: true }],
    doc: "Where the API is, for commands, programs and browsers. At a Unix socket whoever may open its file may do all; at a port it takes a token. auto is a socket in the first of these folders where it may be: RUNTIME_DIRECTORY, /run/harmony, XDG_RUNTIME_DIR/harmony, that of the key file. off is none.",
    shownDefault: `auto and 127.0.0.1:${DEFAULT_API_PORT}, where that port is free`,
    libraryDefault: "off",
  }),
  apiTlsCert: optional({
    kind: path,
    doc: "PEM file with the certificate (and its chain) for TLS at the ports of the API. Needs the private key as well.",
    shownDefault: "no TLS",
  }),
  apiTlsKey: optional({
    kind: path,
    doc: "PEM file with the private key for TLS at the ports of the API. Needs the certificate as well.",
    shownDefault: "no TLS",
  }),
  apiInsecure: option({
    kind: onOff,
    default: false,
    doc: "Let the API be at an address that other machines reach, without TLS: whoever sees the traffic reads the tokens. Where something else encrypts it.",
  }),
  apiHost: option({
    kind: hostNames,
    default: [],
    doc: "Names under which browsers and programs reach the API's ports, beside addresses and localhost. Requests to others are refused, so that no web site can speak to the API by a name of its own.",
    shownDefault: "none",
  }),
  metrics: option({
    kind: listenAddresses,
    default: [],
    doc: "A port for monitoring alone: it answers GET of /metrics, /livez and /readyz, without a token, and refuses all else.",
    shownDefault: "none: they are at the API's ports and sockets",
  }),
  state: option({
    kind: statePlace,
    default: "auto", // an order that is forgotten at the next restart is worse than none
    doc: "File in which what operators order of targets (drain, maintain, weight) outlasts a restart. auto is state.json in systemd's STATE_DIRECTORY, or beside the key file. off keeps nothing: orders end with the process.",
    libraryDefault: "off",
  }),
  watch: option({
    kind: onOff,
    default: false,
    doc: "Reload by itself when the file that --config names, or one that it includes, has changed.",
    places: ["flag", "env", "file"],
  }),
  ...groupOptions,
  ...accessLogOptions,
  ...programOptions,
  logLevel: option({
    kind: logLevels,
    default: { least: DEFAULT_LEVEL, parts: {} },
    doc: "The least severe messages to log, on standard error. Behind it others for parts of the log: targets, control (reporters and keys), config (reloads), connections (a line for each at debug, and those that got no target).",
    places: ["flag", "env", "file"],
  }),
} as const;

export type BalancerValues = Values<typeof balancerOptions>;

/** What an option is decided for: the process, each pool, or each listener. */
export type Scope = "process" | "pool" | "listener";

const OF_LISTENERS: readonly string[] = ["listen", "host", "listenport", "adminport", ...Object.keys(listenerOptions)];

/** By the option's name in the table. */
export function scopeOf(name: string): Scope {
  if (OF_LISTENERS.includes(name)) return "listener";
  return Object.hasOwn(poolOptions, name) ? "pool" : "process";
}
