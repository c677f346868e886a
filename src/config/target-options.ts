/** What a reporter says of one target. A reporter of several has these for each, and once as their defaults. */
import { TARGET_ID } from "../control/protocol/messages.ts";
import { NAME } from "../control/protocol/schema.ts";
import { ASKED_PROXIES } from "../pool/asked-proxy.ts";
import { MAX_PRIORITY, MAX_WEIGHT } from "../pool/types.ts";
import { hostName, listenAddresses, realPort } from "./address-kinds.ts";
import { balanceKind } from "./balance-kind.ts";
import { checkEntry, checkKind } from "./check-kind.ts";
import { fromLibrary } from "./declared-options.ts";
import type { LibraryForm } from "./kind.ts";
import { choice, entries, integer, text } from "./kinds.ts";
import { option, optional, type Values } from "./option.ts";
import { DEFAULT_WEIGHT, MOST_CONNECTIONS } from "./shared-options.ts";

/** The port of HTTP, as in the first Harmony. */
const DEFAULT_PORT = 80;

// As the balancer accepts them.
const poolName = text("NAME", "1 to 64 letters, digits or . _ -", NAME);
const targetName = text("NAME", "1 to 128 letters, digits or . _ @ -", TARGET_ID);

/** HARMONY_LISTEN is the balancer's, and one environment often serves both programs. */
const NOT_ENV = ["flag", "file", "library"] as const;

export const targetOptions = {
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
    kind: balanceKind(MAX_WEIGHT),
    default: DEFAULT_WEIGHT,
    doc: "Weight: twice the number gets twice the share. 0 gets no new connections. auto follows what this machine has left of its processors, auto:COMMAND the percent that a command prints; words behind it are ceiling=N (500), floor=N (a twentieth of that), interval=DURATION (1s) and cgroup=PATH.",
    aliases: ["weight"],
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
  priority: option({
    kind: integer(0, MAX_PRIORITY),
    default: 0, // the first there are
    doc: "The server gets connections only while no target of a smaller number can. 0 is the first.",
  }),
  sendProxy: option({
    kind: choice(ASKED_PROXIES),
    default: "pool",
    doc: "The PROXY header that the server is sent before each client's first byte: v1, v2, off, or pool, which is what the pool's send-proxy says.",
  }),
  check: option({
    kind: checkKind,
    default: "off",
    doc: "How the server is checked by the reporter beside it, such as http:/healthz: on this machine and at its own port, unless the check says otherwise. It is reported as down until it passes, and each change at once. off reports it as up for as long as the reporter runs.",
    entry: checkEntry,
    places: NOT_ENV,
  }),
  agentPort: option({
    kind: listenAddresses,
    default: [],
    doc: "Where the reporter tells HAProxy, or whoever else asks by the agent-check protocol, how the target is: up, down or draining, its weight in percent of balance, and its limit.",
    shownDefault: "none",
    places: ["flag", "file"],
  }),
  listen: optional({
    kind: realPort,
    doc: "Port that the balancer is to open for the pool's clients. It makes the pool as well, where nobody has defined it. The reporter's key has to allow it (listen=).",
    places: NOT_ENV,
  }),
  poolOptions: option({
    kind: entries("options of the pool such as algorithm=random"),
    default: {},
    doc: "With listen: options of the pool that is made, by their names in the balancer's file. The reporter's key has to name them (options=).",
    shownDefault: "the balancer's",
    library: { words: "object of a pool's options, or list of `NAME=VALUE`", asItIs: fromLibrary } as LibraryForm<
      readonly string[] | Readonly<Record<string, unknown>>
    >,
  }),
} as const;

/** What is reported of one target. */
export type TargetSettings = Values<typeof targetOptions>;
