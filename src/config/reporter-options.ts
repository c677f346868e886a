/** Every option of the reporter: the program's, and the library's `client()`. */
import { realPort, remoteHosts } from "./address-kinds.ts";
import { duration, onOff, path } from "./kinds.ts";
import { option, optional, type Values } from "./option.ts";
import { DEFAULT_ADMIN_PORT, drainTimeout, insecure, keyOptions, programOptions } from "./shared-options.ts";
import { statusPlace } from "./status-place-kind.ts";
import { targetOptions } from "./target-options.ts";

/** As in the first Harmony. In practice the balancer's own, shorter interval decides. */
const DEFAULT_ACK = 5 * 60_000;
/** Longer than most pauses of people who work with something, and short beside the night. */
const DEFAULT_IDLE_TIME = 5 * 60_000;
/** Few servers take longer; clients wait half as long by default (queue-timeout). */
const DEFAULT_START_TIMEOUT = 60_000;
/** The library starts no server. */
const PROGRAM = ["flag", "env", "file"] as const;

export const reporterOptions = {
  host: option({
    kind: remoteHosts,
    default: [{ host: "localhost", port: null }],
    doc: "The balancer to report to. Several of them, 100 at most, each get every report.",
  }),
  adminPort: option({
    kind: realPort,
    default: DEFAULT_ADMIN_PORT,
    doc: "The balancer's admin port, where the host names none.",
    aliases: ["adminport"],
  }),
  ...targetOptions,
  ack: option({
    kind: duration(1),
    default: DEFAULT_ACK,
    doc: "Report at least this often. The balancer's own interval is used where it is shorter.",
  }),
  drainTimeout: drainTimeout("How long to wait for open connections to finish before leaving. 0 leaves at once."),
  onDemand: option({
    kind: onOff,
    default: false,
    doc: "Start the server that the command after -- is when somebody waits for it, and stop it when it is idle.",
    places: PROGRAM,
  }),
  idleTime: option({
    kind: duration(1),
    default: DEFAULT_IDLE_TIME,
    doc: "With on-demand: how long the server may be without a connection before it is stopped.",
    places: PROGRAM,
  }),
  startTimeout: option({
    kind: duration(1),
    default: DEFAULT_START_TIMEOUT,
    doc: "With on-demand: how long the server may take until its port accepts connections. After that it is stopped.",
    places: PROGRAM,
  }),
  ...keyOptions,
  identity: optional({
    kind: path,
    doc: "File of this reporter's own key, and of the balancers that it has joined.",
    shownDefault: "reporter-identity, at the first of the default places of a key",
  }),
  insecure: insecure("Report without a key, to a balancer that was started with the same option."),
  tls: option({ kind: onOff, default: false, doc: "Speak TLS with the balancer's admin port." }),
  tlsCa: optional({
    kind: path,
    doc: "PEM file with the only certificates that are trusted to sign the balancer's. Switches TLS on.",
    shownDefault: "those of the system",
  }),
  statusSocket: option({
    kind: statusPlace,
    default: "auto", // harmony-reporter status finds it there
    doc: "Where harmony-reporter status reaches this reporter: a Unix socket, which only its own user may open. auto is in the first of these folders where it may be: RUNTIME_DIRECTORY, /run/harmony, XDG_RUNTIME_DIR/harmony, that of the reporter's own key. off is none.",
    places: ["flag", "env", "file"],
  }),
  ...programOptions,
} as const;

export type ReporterValues = Values<typeof reporterOptions>;
