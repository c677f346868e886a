import type { Order, Target, Verdict } from "../../../src/admin/api/schemas/targets.ts";
import type { OrderWord } from "../../../src/admin/face.ts";
import { fakeQuantiles, wave } from "./numbers.ts";

interface Base {
  readonly id: string;
  readonly address: string;
  readonly state?: Target["state"];
  readonly reason?: string;
  readonly weight?: number;
  readonly isStatic?: boolean;
  readonly backup?: boolean;
}

const TARGETS: readonly Base[] = [
  { id: "web/web-1", address: "10.0.0.11:8080" },
  { id: "web/web-2", address: "10.0.0.12:8080", weight: 200 },
  { id: "web/web-3", address: "10.0.0.13:8080", state: "suspect", reason: "it refuses connections" },
  { id: "web/web-4", address: "10.0.0.14:8080", state: "draining", reason: "its reporter drains it" },
  { id: "db/10.0.0.5:5432", address: "10.0.0.5:5432", isStatic: true },
  { id: "db/10.0.0.6:5432", address: "10.0.0.6:5432", isStatic: true, backup: true },
  { id: "mqtt/mq-1", address: "[2001:db8::7]:1883" },
  { id: "mqtt/mq-2", address: "[2001:db8::8]:1883", state: "down", reason: "its lease has run out" },
  { id: "mqtt/unix:/run/mq.sock", address: "unix:/run/mq.sock", isStatic: true },
];

export function fakeTargets(startedAt: number): Target[] {
  return TARGETS.map((base, n) => fakeTarget(base, n, startedAt));
}

function fakeTarget({ id, address, weight = 100, isStatic = false, ...base }: Base, n: number, since: number): Target {
  const { state = "up", reason = "it accepts connections", backup = false } = base;
  const pool = id.slice(0, id.indexOf("/"));
  const at = new Date(since + 60_000 * n).toISOString();
  const isTaking = state === "up" && !backup;
  const word = state === "suspect" ? "up" : state;
  const verdict: Verdict = isStatic
    ? { source: "declared", says: "up", reason: "the document names it", since: at }
    : { source: "reported", says: word, reason: `its reporter says ${word}`, since: at };
  const observed: Verdict = { source: "observed", says: state === "suspect" ? "suspect" : "up", reason, since: at };
  return {
    id,
    pool,
    address,
    sources: isStatic ? ["static"] : ["registered"],
    state,
    reason,
    since: at,
    verdicts: [verdict, observed],
    order: null,
    checks: [],
    priority: 0,
    backup,
    panic: false,
    weight,
    ramp: null,
    ownWeight: weight,
    weightShare: isTaking ? 0.5 : 0,
    share: isTaking ? 0.5 + wave(30 + n, 0.05) : 0,
    maxConnections: 0,
    credits: null,
    elsewhere: 0,
    sendProxy: "pool",
    active: 0,
    connections: 90_000 + n * 4_321,
    failures: n,
    bytesIn: 4_000_000_000 + n * 1e7,
    bytesOut: 60_000_000_000 + n * 1e8,
    rates: { connections: isTaking ? 4 : 0, failures: 0, bytesIn: 14_000, bytesOut: 200_000 },
    smoothedConnectMs: 1.9,
    connectMs: isTaking ? fakeQuantiles(1.5 + n / 10) : null,
    firstByteMs: isTaking ? fakeQuantiles(12 + n) : null,
    durationMs: isTaking ? fakeQuantiles(800) : null,
    reporter: isStatic
      ? null
      : { key: "web", address: `10.0.0.1${n}:41000`, lastReport: new Date().toISOString(), isSilent: false },
    leaseUntil: isStatic ? null : new Date(Date.now() + 12_000).toISOString(),
  };
}

/** As if an operator had said it. */
export function withOrder(target: Target, word: OrderWord, by: string): Target {
  const before = target.order;
  const state = word.state === undefined ? (before?.state ?? null) : word.state;
  const factor = word.factor === undefined ? (before?.factor ?? null) : word.factor;
  const at = new Date().toISOString();
  const order: Order | null =
    state === null && factor === null ? null : { state, factor, by, reason: word.reason ?? null, at };
  const verdicts = target.verdicts.filter(({ source }) => source !== "ordered");
  const words = { drain: "draining", maintain: "down" } as const;
  const ordered: Verdict | null =
    state === null ? null : { source: "ordered", says: words[state], reason: `ordered by ${by}`, since: at };
  return {
    ...target,
    order,
    state: state === null ? "up" : words[state],
    reason: ordered?.reason ?? "it accepts connections",
    since: at,
    verdicts: ordered === null ? verdicts : [...verdicts, ordered],
    weight: Math.round(target.ownWeight * (factor ?? 1)),
  };
}
