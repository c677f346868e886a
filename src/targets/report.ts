/** What is said about targets: what a reporter reports, on whose behalf, and what the registry then tells the balancer. */

import type { Address, TcpAddress } from "../net/runtime.ts";
import type { Suspicion } from "../pool/pool.ts";
import type { Order } from "./orders.ts";
import type { TargetSource } from "./wanted.ts";

/** The full state of one target: a balancer that has just started needs no more than one report. */
export interface Report {
  /** Names the target; without one it is named by its address. */
  readonly id?: string | undefined;
  readonly pool: string;
  /** Where the target listens. */
  readonly port: number;
  /** 0 to 1,000,000. */
  readonly weight: number;
  readonly health: "up" | "down";
  /** Why it is down, for people. */
  readonly reason?: string | undefined;
  readonly drain: boolean;
  /** It does not run, and its reporter starts it when that is told to (TargetOwner.wake). */
  readonly asleep?: boolean | undefined;
  /** Host to dial instead of the address the balancer sees the reporter at. */
  readonly advertise?: string | undefined;
  /** Connections at once; 0 or absent is no limit. */
  readonly maxConnections?: number | undefined;
  /** How many of them this balancer may have, as long as the report counts: others have the rest. Absent: all. */
  readonly credits?: number | undefined;
  /** Connections that other balancers have there. Absent: its reporter speaks to no others, or knows nothing of that. */
  readonly elsewhere?: number | undefined;
  /** How many balancers its reporter speaks to; absent: it speaks to no others, or does not say. */
  readonly balancers?: number | undefined;
  /** Which of them this one is, from 0 on, in an order that all reporters of the same balancers have in common. */
  readonly place?: number | undefined;
  /** 0…MAX_PRIORITY: it takes connections only while no target of a smaller number can; absent is what is declared of it, or 0. */
  readonly priority?: number | undefined;
  /** The PROXY header that it gets before each client's first byte; absent is what its pool's options say. */
  readonly sendProxy?: "off" | "v1" | "v2" | undefined;
  /** The same in all reports of one running reporter: it tells one that reconnects from another one of the same target. */
  readonly instance?: string | undefined;
  /** Port that the balancer is to open for the pool, which it makes where nobody has defined it. */
  readonly listen?: number | undefined;
  /** With `listen`: options for a pool that is made so, by their names in the file, as text. */
  readonly options?: Readonly<Record<string, string>> | undefined;
}

/** What a report says of itself. */
export interface ReportContext {
  /** Which of its owner's targets it speaks of. */
  readonly ref?: number;
  /** The target accepted a connection just now. */
  readonly reach?: "connected" | undefined;
  /** When it was made, by this clock: it may have been held up on the way. */
  readonly madeAt?: number;
  /** ms that it counts, where that is not what all count. */
  readonly lease?: number;
}

/** A target that is there and has asked for a listener for its pool. */
export interface Asking {
  readonly target: string;
  readonly pool: string;
  readonly listen: number;
  readonly options: Readonly<Record<string, string>>;
}

/** What a target is to be. */
export type Said = "up" | "draining" | "down";

/** What it is to be by its reporter's word alone; `counts`: it has not lapsed. */
export function saidBy({ counts, report }: { readonly counts: boolean; readonly report: Report }): Said {
  if (!counts) return "down";
  return report.drain ? "draining" : report.health;
}

/** How much of the balancer the holders of one key may take up; see quota.ts for what is absent. */
export interface QuotaLimits {
  /** At once. */
  readonly targets?: number;
  /** At once. */
  readonly sessions?: number;
  /** A minute. */
  readonly newTargets?: number;
}

/** What a reporter has proved that it holds. Targets belong to the key with this id. */
export interface TargetKey {
  readonly id: string;
  readonly limits: QuotaLimits;
}

/**
 * Who reports targets: a reporter's session. It calls each by a number of its own, `ref`, which speaks for at most one target at a
 * time; a target has at most one owner.
 */
export interface TargetOwner {
  /** Where the balancer sees the reporter. */
  readonly remote: TcpAddress;
  /** Nothing is heard of it though its connection is there. Absent: it owes nobody signs of life. */
  readonly isSilent?: boolean;
  readonly key: TargetKey;
  /** Why its key does not allow this report of a target at `host`, or null. */
  forbids(report: Report, host: string): string | null;
  /** Somebody waits: the target that it calls so is to be started. Absent: none of its targets is ever asleep. */
  wake?(ref: number): void;
  /** So many connections the target has, and so many clients wait that it has no credit for. Absent: nobody wants to know. False: it cannot hear that now. */
  usage?(ref: number, active: number, waiting: number): boolean;
  /** Another owner, which is at `by`, has taken its target over. */
  replaced(by: TcpAddress): void;
}

/** A target as events name it. */
export interface TargetInfo {
  /** `pool/id`, `pool/address:port` for a target without an id, or `pool/unix:path`. */
  readonly identity: string;
  readonly address: Address;
  readonly weight: number;
}

/** Why a target is down: its lease ran out; it refused a probe after its reporter was lost; its reporter said so, or that it starts when somebody waits; its check failed, or its agent said so; an operator had ordered so. */
export type DownReason = "lease-expired" | "refused" | "reported" | "asleep" | "checked" | "ordered";
/** Why it drains: its reporter said so, its agent did, or an operator had ordered so before it came. */
export type DrainReason = "reported" | "checked" | "ordered";
/**
 * `leave`: its reporter said so. `moved`: its reporter now speaks for another target. `rejected`: its reporter reported what it
 * may not, or may no longer. `revoked`: its key is no longer accepted. `forgotten`: it was down for too long, or its row was needed.
 * `undeclared`: neither the document nor the DNS names it any more. `unshared`: no other balancer of the group vouches for it any more.
 * `pool-removed`: its pool is gone.
 */
export type LeaveReason =
  | "leave"
  | "moved"
  | "rejected"
  | "revoked"
  | "forgotten"
  | "undeclared"
  | "unshared"
  | "pool-removed";

/** Why a target is suspect. */
export interface SuspectReason {
  /** How connecting to it failed, or what its connections have shown. */
  readonly code: Suspicion;
  /** Nobody has reached it since it registered or came back: it has not been announced as up. */
  readonly isNew: boolean;
}

/** A reporter whose connection ended without a word from either side. */
export interface LostReporter {
  /** Where it was. */
  readonly reporter: TcpAddress;
  /** ms that its last report counts for from now on. */
  readonly leaseMs: number;
}

/** What an operator has done. */
export interface Ordered {
  /** What is in force from now on; null: he has taken back what was. */
  readonly order: Order | null;
  readonly by: string;
  /** What the target is to be now; null: it is not there. */
  readonly says: Said | null;
}

/** A pool whose reporters have all fallen silent, two or more of them at once. */
export interface PanicStart {
  /** ms since one of them was heard. */
  readonly silentMs: number;
  /** How many fell silent … */
  readonly targets: number;
  /** … and how many of those accept connections, and are served. */
  readonly accepting: number;
}

/** What happens to targets: event → arguments. */
export interface TargetEvents {
  /** A target registered or came back, and accepts connections. */
  targetUp: [target: TargetInfo];
  /** Its reporter says that it is up, but connecting to it failed, or it does not answer as it should. Once, until it is reached. */
  targetSuspect: [target: TargetInfo, reason: SuspectReason];
  /** A target that was suspect, and had been up before, accepts connections again, or answers, after `ms`. */
  targetRecovered: [target: TargetInfo, ms: number];
  /** `why`: what whoever has it down says of that, for people; null: nothing. */
  targetDown: [target: TargetInfo, reason: DownReason, why: string | null];
  /** One that was asleep is told to start, since so many clients wait. */
  targetWoken: [target: TargetInfo, waiting: number];
  targetDrain: [target: TargetInfo, reason: DrainReason];
  targetLeave: [target: TargetInfo, reason: LeaveReason];
  /**
   * An operator has ordered something of the target, or taken it back. That alone is told then, and `targetUp` where it is to be served
   * again, once it accepts.
   */
  ordered: [target: TargetInfo, ordered: Ordered];
  /** Others than before say that the target exists: it stays, by the word of these. */
  targetSources: [target: TargetInfo, sources: readonly TargetSource[], before: readonly TargetSource[]];
  /** Two reporters announce the target: the one at `by` speaks for it from now on, and the one at `from`, which did, must wait. */
  targetTakenOver: [target: TargetInfo, by: TcpAddress, from: TcpAddress];
  /** The target is connected to at once, and again until it has a reporter or its last report counts no more. */
  reporterLost: [target: TargetInfo, lost: LostReporter];
  /** A pool is in panic: its targets are served while they accept, though nobody reports them. */
  panicStart: [pool: string, start: PanicStart];
  /** A reporter of that pool has been heard again, after `ms` of panic: those that have not reported are out. */
  panicEnd: [pool: string, ms: number];
}
