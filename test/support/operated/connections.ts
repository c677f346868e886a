import type { Connection, ConnectionFilter, ConnectionSort } from "../../../src/admin/api/schemas/connections.ts";
import type { Target } from "../../../src/admin/api/schemas/targets.ts";
import { noise, wave } from "./numbers.ts";

/** One comes every so many ms, and stays for as long as its number says. */
const EVERY_MS = 400;
const LONGEST_MS = 60_000;

/** Those of this moment, at targets that are up, draining or suspect. */
export function fakeConnections(targets: readonly Target[]): Connection[] {
  const now = Date.now();
  const open: Connection[] = [];
  const able = targets.filter(({ state }) => state !== "down");
  for (let n = Math.ceil((now - LONGEST_MS) / EVERY_MS); n * EVERY_MS <= now; n++) {
    const ageMs = now - n * EVERY_MS;
    const target = able[Math.floor(noise(n) * able.length)];
    if (target === undefined || ageMs > longestMs(n)) continue;
    // Those that were there before it drained finish; none comes.
    if (target.state === "draining" && n * EVERY_MS > Date.parse(target.since)) continue;
    open.push(fakeConnection(n, ageMs, target));
  }
  return open;
}

/** It does not end by itself while a test runs. */
export function isLasting({ id, ageMs }: Connection): boolean {
  return longestMs(Number.parseInt(id, 36)) - ageMs > LONGEST_MS / 3;
}

function longestMs(n: number): number {
  return LONGEST_MS * noise(n + 0.5);
}

const NO_FACTS = { via: null, destination: null, serverName: null, alpn: null, tls: null, uniqueId: null };

const TLS = {
  ...NO_FACTS,
  serverName: "www.example.com",
  alpn: "h2",
  tls: { version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256", certificate: null },
};

function fakeConnection(n: number, ageMs: number, target: Target): Connection {
  const isYoung = ageMs < 300;
  const bytes = isYoung ? 0 : Math.round(ageMs * noise(n + 0.25) * 40);
  return {
    id: n.toString(36),
    client: `198.51.100.${n % 250}:${20_000 + (n % 40_000)}`,
    listener: target.pool === "db" ? "10.0.0.2:5432" : "0.0.0.0:443",
    pool: target.pool,
    target: isYoung ? null : target.id,
    phase: isYoung ? "connect" : "relay",
    startedAt: new Date(n * EVERY_MS).toISOString(),
    ageMs,
    idleMs: isYoung ? null : Math.round(Math.abs(wave(7, 900, n * EVERY_MS + ageMs))),
    queuedMs: 0,
    connectMs: isYoung ? null : 1 + (n % 5),
    firstByteMs: isYoung ? null : 9 + (n % 20),
    bytesIn: Math.round(bytes / 10),
    bytesOut: bytes,
    failed: n % 40 === 0 ? 1 : 0,
    ...(target.pool === "web" ? TLS : NO_FACTS),
  };
}

export function isMatch(filter: ConnectionFilter): (connection: Connection) => boolean {
  const { id, pool, target, client, phase, serverName, minAge = 0, minIdle = 0 } = filter;
  return (each) =>
    (id ?? each.id) === each.id &&
    (pool ?? each.pool) === each.pool &&
    (target ?? each.target) === each.target &&
    (phase ?? each.phase) === each.phase &&
    (serverName ?? each.serverName) === each.serverName &&
    (client === undefined || each.client.startsWith(`${client}:`)) &&
    each.ageMs >= minAge &&
    (each.idleMs ?? each.ageMs) >= minIdle;
}

export function sortedBy(all: readonly Connection[], sort: ConnectionSort, ascending: boolean): Connection[] {
  const up = [...all].sort((a, b) => compare(keyOf(a, sort), keyOf(b, sort)));
  return ascending ? up : up.reverse();
}

function keyOf(each: Connection, sort: ConnectionSort): string | number {
  switch (sort) {
    case "age":
      return each.ageMs;
    case "idle":
      return each.idleMs ?? each.ageMs;
    case "bytes":
      return each.bytesIn + each.bytesOut;
    case "target":
      return each.target ?? "";
    default:
      return each[sort];
  }
}

function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
