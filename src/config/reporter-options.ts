/** Every option of the reporter: the program's, and the library's `client()`. */
import { TARGET_ID } from "../control/protocol/messages.ts";
import { NAME } from "../control/protocol/schema.ts";
import { MAX_WEIGHT } from "../pool/types.ts";
import { hostName, realPort, remoteHosts } from "./address-kinds.ts";
import { duration, integer, onOff, path, text } from "./kinds.ts";
import { option, optional, type Values } from "./option.ts";
import {
  DEFAULT_ADMIN_PORT,
  DEFAULT_WEIGHT,
  drainTimeout,
  insecure,
  keyOptions,
  MOST_CONNECTIONS,
  programOptions,
} from "./shared-options.ts";

/** As in the first Harmony. In practice the balancer's own, shorter interval decides. */
const DEFAULT_ACK = 5 * 60_000;
/** The port of HTTP, as in the first Harmony. */
const DEFAULT_PORT = 80;

// As the balancer accepts them.
const poolName = text("NAME", "1 to 64 letters, digits or . _ -", NAME);
const targetName = text("NAME", "1 to 128 letters, digits or . _ @ -", TARGET_ID);

export const reporterOptions = {
  host: option({
    kind: remoteHosts,
    default: [{ host: "localhost", port: null }],
    doc: "The balancer to report to. Several of them each get every report.",
  }),
  adminPort: option({
    kind: realPort,
    default: DEFAULT_ADMIN_PORT,
    doc: "The balancer's admin port, where the host names none.",
    aliases: ["adminport"],
  }),
  port: option({
    kind: realPort,
    default: DEFAULT_PORT,
    doc: "The port that the announced server listens on.",
    aliases: ["listenport", "localport"],
  }),
  advertise: optional({
    kind: hostName,
    doc: "Address or name at which the balancer connects to the server. The reporter's key has to allow it (advertise=).",
    shownDefault: "the address that the balancer sees",
  }),
  balance: option({
    kind: integer(0, MAX_WEIGHT),
    default: DEFAULT_WEIGHT,
    doc: "Weight: twice the number gets twice the share. 0 gets no new connections.",
    aliases: ["weight"],
  }),
  ack: option({
    kind: duration(1),
    default: DEFAULT_ACK,
    doc: "Report at least this often. The balancer's own interval is used where it is shorter.",
  }),
  pool: option({ kind: poolName, default: "default", doc: "The pool of the balancer to join." }),
  id: optional({
    kind: targetName,
    doc: "Name of the target, which stays the same when its address changes.",
    shownDefault: "its address and port",
  }),
  maxConnections: option({
    kind: integer(0, MOST_CONNECTIONS),
    default: 0,
    doc: "Connections that the server takes at once. 0 means no limit.",
  }),
  drainTimeout: drainTimeout("How long to wait for open connections to finish before leaving. 0 leaves at once."),
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
  ...programOptions,
} as const;

export type ReporterValues = Values<typeof reporterOptions>;
