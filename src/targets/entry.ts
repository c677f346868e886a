/** What the registry keeps: a row for each target, and in it what each of the target's sources says. */
import type { TcpAddress } from "../net/runtime.ts";
import type { TargetSpec } from "../pool/pool.ts";
import type { Registered } from "./panic.ts";
import { type Said, saidBy, type TargetInfo, type TargetOwner } from "./report.ts";
import type { Claim } from "./takeover.ts";
import type { TargetPool } from "./target-pool.ts";
import type { DeclaredTarget, TargetSource } from "./wanted.ts";

/** What a reporter has registered. Another report makes another one, of the same row. */
export interface Entry extends Claim, Registered {
  readonly row: Row;
  /** null once the session is gone; the lease runs on. */
  owner: TargetOwner | null;
  /** By which its key judges it when the session is gone: where that was seen, and where the target is. */
  readonly judged: { readonly seen: string; readonly host: string };
  /** Where it is dialled. */
  readonly address: TcpAddress;
  /** False once its lease has run out, or a probe was refused after its reporter was lost. */
  counts: boolean;
}

/** At least one source is there, from the first write() on. */
export interface Row {
  readonly identity: string;
  /** Its pool's name. */
  readonly poolName: string;
  readonly pool: TargetPool;
  /** By a reporter. */
  registered: Entry | null;
  /** By the document or the DNS. */
  declared: DeclaredTarget | null;
  /** As the pool has it; null before it does. */
  spec: TargetSpec | null;
  /**
   * What its sources, leases and probes make of it; whether one that is up is a suspect, the pool alone knows. `new`: it is to be
   * up, and nobody has connected to it since it came or came back; the pool has it as a suspect. In panic the pool may have one that
   * is down as up.
   */
  state: "new" | "up" | "draining" | "down";
}

/** A target without an owner whose lease runs on: its reporter went away without a word, so it may be gone as well. */
export interface Orphan extends TargetInfo {
  readonly address: TcpAddress;
  /** When its lease ends. */
  readonly until: number;
}

/** What counts of a row: its spec, and what it is to be. */
export interface Word extends Omit<TargetSpec, "identity"> {
  readonly says: Said;
}

/** What counts of it: what is reported as long as that counts, and else what is declared, if it is. */
export function wordOf({ registered, declared }: Pick<Row, "registered" | "declared">): Word | null {
  const backup = declared?.backup ?? false;
  if (registered !== null && (registered.counts || declared === null)) {
    const { address, report } = registered;
    const { weight, maxConnections = 0 } = report;
    return { address, weight, maxConnections, backup, says: saidBy(registered) };
  }
  if (declared === null) return null;
  const { address, weight, maxConnections } = declared;
  return { address, weight, maxConnections, backup, says: "up" };
}

/** Who says that it exists. One whose lease has run out says nothing, where there is another one. */
export function sourcesOf({ registered, declared }: Pick<Row, "registered" | "declared">): readonly TargetSource[] {
  const reported = registered !== null && (registered.counts || declared === null);
  return [...(reported ? (["registered"] as const) : []), ...(declared ? [declared.source] : [])];
}

/** It is to be up. */
export function takesLoad({ state }: Pick<Row, "state">): boolean {
  return state === "up" || state === "new";
}

/** It is down and has no reporter: it is kept for its counters alone. */
export function isDead(entry: Entry): boolean {
  return entry.owner === null && saidBy(entry) === "down";
}

/** Connections that it has now. */
export function activeOn({ pool, identity }: Pick<Row, "pool" | "identity">): number {
  return pool.view(identity)?.active ?? 0;
}

/** Of a row that its pool has. */
export function infoOf({ identity, spec }: Row): TargetInfo {
  const { address, weight } = spec!;
  return { identity, address, weight };
}

export function orphanOf({ row, address, until }: Entry): Orphan {
  return { ...infoOf(row), address, until };
}
