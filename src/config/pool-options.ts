/** What is decided for each pool by itself: its policy, and what holds for the connections that it serves. */

import { DEFAULT_KEEPALIVE, LONGEST_KEEPALIVE, SHORTEST_KEEPALIVE } from "../net/keepalive.ts";
import { DEFAULT_MAX_BINDINGS, DEFAULT_MAX_TARGETS, MAX_BINDINGS, MAX_TARGETS, MIN_BINDINGS } from "../pool/options.ts";
import { ALGORITHM_NAMES, ALGORITHMS, DEFAULT_ALGORITHM } from "../pool/pool.ts";
import { MOST_REQUEUES } from "../proxy/options.ts";
import type { UnavailableHandler } from "../proxy/unavailable.ts";
import type { LibraryForm } from "./kind.ts";
import { choice, duration, integer, keepalive, onOff, persistence, textOrFile } from "./kinds.ts";
import { option, optional, type Values } from "./option.ts";
import { MOST_CONNECTIONS } from "./shared-options.ts";
import { targetEntry, targetList } from "./target-kind.ts";

/** Outlives a reader's pause between two clicks. The examples of nginx and HAProxy use the same. */
const DEFAULT_PERSISTENCE_IDLE = 30 * 60_000;
const NO_LIMIT = -1;
/** More than a burst brings while targets are slow, and with one descriptor each far below the usual limits. */
const DEFAULT_QUEUE = 1024;
/** By then a person has left, and most HTTP clients have timed out. */
const DEFAULT_QUEUE_TIMEOUT = 30_000;
/**
 * Reporters that were connected are back about that soon after a restart (control/client/backoff.ts), and a person hardly
 * notices the wait.
 */
const DEFAULT_START_HOLD = 2_000;
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
  persistent: option({
    kind: persistence(DEFAULT_PERSISTENCE_IDLE),
    default: DEFAULT_PERSISTENCE_IDLE,
    doc: "Keep a client's address on the target it had. A duration says how long the client may be away; on means 30m.",
  }),
  concurrency: option({
    kind: integer(NO_LIMIT, MOST_CONNECTIONS),
    default: NO_LIMIT,
    doc: "Client connections served at once; further ones wait in the queue. -1 means no limit. 0 pauses: every connection waits.",
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
  panic: option({
    kind: onOff,
    default: true, // servers that work are of more use than the certainty that all of them do
    doc: "When all reporters of a pool, two or more, have fallen silent at once, their targets are served for as long as they accept connections. off serves nobody then.",
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
    kind: keepalive(SHORTEST_KEEPALIVE, LONGEST_KEEPALIVE),
    default: DEFAULT_KEEPALIVE,
    doc: "A connection whose client or target has vanished without a word is ended after this long: TCP keepalive asks while nothing is said, and the linux engine looks while bytes are under way. off never does.",
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
