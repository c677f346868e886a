/** Every option of the balancer: the program's, and the library's `server()`. */

import { ENGINE_NAMES } from "../engines/engine.ts";
import { MAX_WORKERS } from "../pool/layout.ts";
import { anyPort, apiPlace, dnsServers, listenAddresses, listenHost } from "./address-kinds.ts";
import { choice, duration, onOff, path, threads } from "./kinds.ts";
import { listenPlaces } from "./listen-kind.ts";
import { option, optional, type Values } from "./option.ts";
import { poolOptions } from "./pool-options.ts";
import { DEFAULT_ADMIN_PORT, drainTimeout, insecure, keyOptions, programOptions } from "./shared-options.ts";

/** For clients: the number that the first Harmony used. */
const DEFAULT_LISTEN_PORT = 3000;
/** As in the first Harmony: a target is given up after a minute without a report. */
const DEFAULT_HOST_TIMEOUT = 60_000;
/** Longer than a host takes to start again, with all that is on it. */
const DEFAULT_SERVICE_TIMEOUT = 10 * 60_000;

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
  ...poolOptions,
  hostTimeout: option({
    kind: duration(1),
    default: DEFAULT_HOST_TIMEOUT,
    doc: "A target that has not reported for this long gets no connections until it reports again.",
    library: { words: "minutes, or text such as `30s`", unit: "minutes" },
    libraryDefault: "1",
  }),
  serviceTimeout: option({
    kind: duration(0),
    default: DEFAULT_SERVICE_TIMEOUT,
    doc: "How long the port and the pool of a service that reporters have brought stay when its last target is gone. 0 closes them within seconds.",
  }),
  drainTimeout: drainTimeout("How long open connections may go on when the balancer is stopped. 0 ends them at once."),
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
    kind: apiPlace,
    default: "auto", // commands find it there
    doc: "Where commands such as harmony-balancer reload reach this balancer: a Unix socket, whose file only its own user may open. auto is the first of these folders where it may be: RUNTIME_DIRECTORY, /run/harmony, XDG_RUNTIME_DIR/harmony, that of the key file. off is none.",
    libraryDefault: "off",
  }),
  watch: option({
    kind: onOff,
    default: false,
    doc: "Reload by itself when the file that --config names, or one that it includes, has changed.",
    places: ["flag", "env", "file"],
  }),
  ...programOptions,
} as const;

export type BalancerValues = Values<typeof balancerOptions>;

/** What an option is decided for: the process, each pool, or each listener. */
export type Scope = "process" | "pool" | "listener";

const OF_LISTENERS: readonly string[] = ["listen", "host", "listenport", "adminport"];

/** By the option's name in the table. */
export function scopeOf(name: string): Scope {
  if (OF_LISTENERS.includes(name)) return "listener";
  return Object.hasOwn(poolOptions, name) ? "pool" : "process";
}
