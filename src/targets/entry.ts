/** A registered target, as the registry keeps it. */
import type { TcpAddress } from "../net/runtime.ts";
import type { TargetSpec } from "../pool/pool.ts";
import type { Registered } from "./panic.ts";
import type { TargetInfo, TargetOwner } from "./report.ts";
import type { Claim } from "./takeover.ts";

export interface Entry extends Claim, Registered {
  /** null once the session is gone; the lease runs on. */
  owner: TargetOwner | null;
  /** By which its key judges it when the session is gone: where that was seen, and where the target is. */
  readonly judged: { readonly seen: string; readonly host: string };
  readonly spec: TargetSpec & { readonly address: TcpAddress };
  /**
   * What reports, leases and probes make of it; whether one that is up is a suspect, the pool alone knows. `new`: reported as up,
   * and nobody has connected to it since it came or came back; the pool has it as a suspect. In panic the pool may have one that is
   * down as up.
   */
  state: Registered["state"];
}

/** A target without an owner whose lease runs on: its reporter went away without a word, so it may be gone as well. */
export interface Orphan extends TargetInfo {
  /** When its lease ends. */
  readonly until: number;
}

/** Its reporter says that it is up. */
export function takesLoad({ state }: Entry): boolean {
  return state === "up" || state === "new";
}

/** It is down and has no reporter: it is kept for its counters alone. */
export function isDead({ owner, state }: Entry): boolean {
  return owner === null && state === "down";
}

/** Connections that it has now. */
export function activeOn({ pool, identity }: Pick<Entry, "pool" | "identity">): number {
  return pool.view(identity)?.active ?? 0;
}

export function infoOf({ identity, spec }: Entry): TargetInfo {
  return { identity, address: spec.address, weight: spec.weight };
}

export function orphanOf(entry: Entry): Orphan {
  return { ...infoOf(entry), until: entry.until };
}
