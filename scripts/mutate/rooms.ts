/** Which source is mutated, and which tests have to notice. */
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { root } from "../runtimes.ts";

export interface Room {
  readonly name: string;
  /** Beginnings of the paths of its sources, and of the tests that are run for each of them. */
  readonly sources: readonly string[];
  readonly tests: readonly string[];
}

const linux = (...names: string[]): string[] => names.map((name) => `test/engines/linux/${name}.test.ts`);

/** The tests of one room are loaded into one process: they open no sockets, or only in memory. */
export const ROOMS: readonly Room[] = [
  {
    name: "pool",
    sources: ["src/pool/"],
    tests: [
      "test/pool/address",
      "test/pool/sip-hash",
      "test/pool/options",
      "test/pool/lock",
      "test/pool/rows",
      "test/pool/queue",
      "test/pool/sticky",
      "test/pool/algorithms/",
      "test/pool/repair",
      "test/pool/model",
    ],
  },
  {
    name: "proxy",
    sources: ["src/proxy/"],
    tests: [
      "test/proxy/",
      "test/engines/portable/memory",
      ...linux("connect", "queue", "relay", "simulated-conformance"),
    ],
  },
  {
    name: "edge",
    sources: ["src/edge/", "src/util/ipv6-words", "src/util/client-key"],
    tests: ["test/edge/"],
  },
  {
    name: "protocol",
    sources: ["src/control/protocol/"],
    tests: ["messages", "noise", "seal", "readme"].map((name) => `test/control/${name}`),
  },
  {
    name: "what a key allows",
    sources: [
      "src/control/keys/limits",
      "src/control/server/address-views",
      "src/control/server/advertised",
      "src/targets/reach",
      "src/targets/self-dial-guard",
      "src/util/embedded-ipv4",
    ],
    tests: [
      "test/control/limits",
      "test/control/address-views",
      "test/targets/reach",
      "test/targets/self-dial-guard",
      "test/util/embedded-ipv4",
      "test/control/server-advertise",
    ],
  },
  {
    name: "which targets there are",
    sources: [
      "src/targets/sources/",
      ...["declarations", "entry", "leases", "row-names", "rows"].map((name) => `src/targets/${name}`),
    ],
    tests: [
      ...["sources/", "declared", "two-sources", "registry", "ownership"].map((name) => `test/targets/${name}`),
      "test/control/server-leases",
    ],
  },
  {
    name: "who is let in",
    sources: ["freshness", "handshake", "places", "replay-window", "tickets", "under-way"].map(
      (name) => `src/control/server/${name}`,
    ),
    tests: ["doorkeeper", "replay-window", "under-way", "server-attacks", "server-quota", "server-messages"].map(
      (name) => `test/control/${name}`,
    ),
  },
  {
    name: "who has a target",
    sources: ["owned", "quota", "takeover"].map((name) => `src/targets/${name}`),
    tests: [
      "test/targets/quota",
      "test/targets/declared",
      "test/targets/registry",
      "test/targets/ownership",
      "test/control/server-quota",
      "test/control/server-ownership",
    ],
  },
  {
    name: "what reporters bring",
    sources: [
      "src/app/brought",
      "src/control/client/announcement",
      "src/control/client/client",
      "src/control/client/pause",
    ],
    tests: ["test/app/brought", "test/control/client-targets", "test/control/client"],
  },
  {
    name: "what runs",
    sources: ["src/app/services", "src/app/apply", "src/app/watch", "src/util/file-watch", "src/admin/"],
    tests: ["test/app/services", "test/app/documents", "test/app/watch", "test/admin/"],
  },
  {
    name: "crowds",
    sources: ["deadlines", "fair-places", "pre-auth-limit", "rate-limited-log"].map((name) => `src/util/${name}`),
    tests: ["test/util/", "test/control/doorstep", "test/control/server-pre-auth"],
  },
  { name: "config", sources: ["src/config/"], tests: ["test/config/"] },
  {
    name: "linux",
    sources: ["src/engines/linux/worker/", "src/engines/linux/main/", "src/engines/linux/shared/"],
    tests: linux(
      "simulation",
      "timer-wheel",
      "preamble",
      "slots",
      "mailbox",
      "write-buffer",
      "binding",
      "connect",
      "queue",
      "relay",
      "delivery",
      "closing",
      "stalled",
      "shortage",
      "keepalive",
      "handler",
      "inbox",
      "hand-over",
      "inbox",
      "shares",
      "chaos",
      "simulated-conformance",
    ),
  },
];

/** What runs in browsers, and what is made of it. */
const DASHBOARD = "src/admin/dashboard/";

export function sourcesOf(room: Room): string[] {
  const all = files("src", ".ts").filter((file) => !file.startsWith(DASHBOARD));
  return all.filter((file) => room.sources.some((beginning) => file.startsWith(beginning)));
}

/** The tests of a room, those first that are named as the source file is. */
export function testsOf(room: Room, source: string): string[] {
  const all = files("test", ".test.ts").filter((file) => room.tests.some((beginning) => file.startsWith(beginning)));
  const name = basename(source, ".ts");
  // `sticky.test.ts` before `sticky-table.test.ts`, and both before the others.
  const mirrors = (test: string): number =>
    basename(test) === `${name}.test.ts` ? 2 : Number(basename(test).startsWith(name));
  const order = (test: string): number => room.tests.findIndex((beginning) => test.startsWith(beginning));
  return all.sort((a, b) => mirrors(b) - mirrors(a) || order(a) - order(b));
}

function files(folder: string, ending: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name.replaceAll("\\", "/")}`)
    .sort();
}
